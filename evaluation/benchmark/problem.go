package benchmark

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/octorl/octorl/reward"
	"github.com/octorl/octorl/rollout/trajectory"
)

// Problem is a row of a benchmark, ready to be asked. Its Question has the
// options of a choice under it; its Source is the benchmark's name.
type Problem struct {
	trajectory.Problem
	Subject string // as the benchmark names it, or empty
	Stem    string // the question without options
}

// Problems returns the rows of the benchmark in their order: from the folder data,
// where that is not empty and has them, or else those that the binary carries.
// It returns an error that wraps ErrNoData, or names the line at fault.
func (s *Spec) Problems(data string) ([]Problem, error) {
	if s.lastLevel > 0 {
		return s.generate()
	}
	f, from, err := s.open(data)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	problems, err := s.read(f)
	if err != nil {
		return nil, fmt.Errorf("read benchmark %s from %s: %w", s.Name, from, err)
	}
	return problems, nil
}

func (s *Spec) read(r io.Reader) ([]Problem, error) {
	var problems []Problem
	known := map[string]int{}
	lines := bufio.NewReader(r)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if len(bytes.TrimSpace(line)) > 0 {
			p, fault := s.problem(line, len(problems))
			if fault != nil {
				return nil, fmt.Errorf("line %d: %w", number, fault)
			}
			if first, twice := known[p.ID]; twice {
				return nil, fmt.Errorf("line %d: its id %q is that of line %d; ids are unique", number, p.ID, first)
			}
			known[p.ID] = number
			problems = append(problems, p)
		}
		if err == io.EOF {
			break
		}
	}
	if len(problems) == 0 {
		return nil, errors.New("no problems: the file is empty")
	}
	return problems, nil
}

// problem turns a line into a problem.
func (s *Spec) problem(line []byte, index int) (Problem, error) {
	var p Problem
	r, err := parseRow(line)
	if err != nil {
		return p, err
	}
	texts := map[string]string{}
	for _, pattern := range []string{s.Question, s.Answer, s.ID, s.Level, s.Subject} {
		if texts[pattern], err = r.fill(pattern); err != nil {
			return p, err
		}
	}
	id := texts[s.ID]
	if s.ID == "" {
		id = strconv.Itoa(index)
	}
	p.Problem = trajectory.Problem{
		ID: s.Name + "/" + id, Question: texts[s.Question], Answer: s.locate(texts[s.Answer]), Source: s.Name,
	}
	p.Subject, p.Stem = texts[s.Subject], p.Question
	if s.Level != "" {
		p.Level = level(texts[s.Level])
	}
	if s.choice() {
		if err := s.offer(&p, r); err != nil {
			return p, err
		}
	}
	if p.Question == "" || p.Answer == "" {
		return p, fmt.Errorf("problem %s has the question %.40q and the answer %q: neither may be empty", p.ID, p.Question, p.Answer)
	}
	return p, nil
}

// offer puts the options of a choice under the question, and sets the answer to
// the letter of the right one.
func (s *Spec) offer(p *Problem, r row) error {
	if len(s.Wrong) > 0 {
		var wrong []string
		for _, name := range s.Wrong {
			wrong = append(wrong, strings.TrimSpace(text(r[name])))
		}
		options, answer := shuffled(p.ID, p.Answer, wrong)
		p.Question, p.Answer = listed(p.Question, options), answer
		return nil
	}
	options, err := optionsOf(r[s.Options])
	if err != nil {
		return err
	}
	p.Question, p.Answer = listed(p.Question, options), strings.ToUpper(strings.Trim(p.Answer, "() "))
	if len(p.Answer) != 1 || p.Answer[0] < 'A' || int(p.Answer[0]-'A') >= len(options) {
		return fmt.Errorf("answer %q is no letter of the %d options", p.Answer, len(options))
	}
	return nil
}

// parenthesized matches a unit such as " (apples)".
var parenthesized = regexp.MustCompile(`\s*\(.*?\)`)

// locate returns the reference answer within a text, see Spec.AnswerIn.
func (s *Spec) locate(t string) string {
	switch s.AnswerIn {
	case answerBox:
		boxed, _ := reward.ExtractBoxed(t)
		return strings.TrimSpace(boxed)
	case answerBefore:
		return strings.TrimSpace(parenthesized.ReplaceAllString(t, ""))
	case answerAfter:
		return strings.TrimSpace(t[strings.LastIndex(t, "####")+len("####"):])
	}
	return t
}
