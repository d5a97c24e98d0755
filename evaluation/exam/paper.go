// Package exam asks one checkpoint the problems of benchmarks and keeps what it
// answers, so that nothing is asked twice.
//
// A benchmark, a way of asking and a Sampler enter; a Journal of graded items
// leaves, which survives a stop at any moment. How completions are drawn it leaves
// to the Sampler, what they amount to to package evaluation. Read Paper, Journal
// and Sitting first.
package exam

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/octorl/octorl/corpus"
	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/evaluation/benchmark"
	"github.com/octorl/octorl/reward"
)

// Options say how a benchmark is asked.
type Options struct {
	Shots       int               // demonstrations before the question; Published for the benchmark's number, none with a template
	Template    string            // a corpus.Template; empty for the benchmark's own form
	Grading     benchmark.Grading // how completions are judged; empty for boxed with a template, else published
	Verifier    *reward.Settings  // judges in place of Grading; nil for none
	Samples     int               // completions of a problem
	Temperature float32           // 0 is greedy
	MaxTokens   int               // longest completion; 0 for the benchmark's
	Stops       []string          // beside the benchmark's, or with a template those of templates
	Seed        uint64            // of the draws
	Limit       int               // problems asked, from the first; 0 for all
}

// Published as Options.Shots stands for the benchmark's published number.
const Published = -1

// templateStops end completions of prompts by a template, as published
// (arXiv:2506.20512, rl/scripts of its repository).
var templateStops = []string{"User:", "Assistant:", "Question:", "Answer:"}

// settle fills what o leaves to the benchmark, and checks it.
func (o *Options) settle(s *benchmark.Spec) error {
	if o.MaxTokens == 0 {
		o.MaxTokens = s.MaxTokens
	}
	stops := s.Stops
	if o.Template != "" {
		if _, err := corpus.Render(corpus.Template(o.Template), ""); err != nil {
			return err
		}
		if o.Shots > 0 {
			return fmt.Errorf("benchmark %s: %d shots with template %s: a template asks without demonstrations; leave out one of them", s.Name, o.Shots, o.Template)
		}
		o.Shots, stops = 0, templateStops
	}
	if o.Shots == Published {
		o.Shots = s.Shots
	}
	if o.Grading == "" {
		o.Grading = benchmark.GradingPublished
		if o.Template != "" {
			o.Grading = benchmark.GradingBoxed
		}
	}
	o.Stops = slices.Concat(stops, o.Stops)
	return nil
}

// render puts a question into the template.
func (o Options) render(question string) string {
	text, err := corpus.Render(corpus.Template(o.Template), question)
	if err != nil {
		panic(err) // settle has checked it
	}
	return text
}

// Tokens turns text into ids and knows how many fit.
type Tokens interface {
	Encode(prompt string) []int32
	// Positions is the most tokens of a prompt and its completion together.
	Positions() int
}

// Question is a problem ready to be asked.
type Question struct {
	Problem   benchmark.Problem
	Text      string  // the prompt without the demonstrations
	Prompt    []int32 // (P,) ids of all of it
	MaxTokens int     // longest completion that fits; 0 where the prompt itself does not
}

// ErrNoRoom is returned when most prompts leave the policy no room for an answer.
var ErrNoRoom = errors.New("no room for an answer")

// Paper is a benchmark made ready to be asked of one checkpoint.
type Paper struct {
	Spec      *benchmark.Spec
	Settings  evaluation.Settings
	Preamble  string // demonstrations before every question
	Questions []Question
	Rows      int // problems of the benchmark, asked or not
	verifier  reward.Verifier
	judging   reward.Settings // deadline, and whether it judges outside the process
}

// NewPaper prepares problems of a benchmark for a checkpoint whose files have the
// digest model. It returns an error that wraps ErrNoRoom where most prompts leave no
// room for an answer; where few do, they count as not solved.
func NewPaper(s *benchmark.Spec, problems []benchmark.Problem, model string, tokens Tokens, o Options) (*Paper, error) {
	if err := o.settle(s); err != nil {
		return nil, err
	}
	p := &Paper{Spec: s, Rows: len(problems)}
	err := p.openVerifier(o)
	if err != nil {
		return nil, err
	}
	if p.Preamble, err = s.Preamble(o.Shots); err != nil {
		return nil, err
	}
	if o.Limit > 0 {
		problems = problems[:min(o.Limit, len(problems))]
	}
	p.ask(problems, tokens, o)
	p.Settings = evaluation.Settings{
		Benchmark: s.Name, Model: model, Prompts: p.form(o), Shots: o.Shots, Template: o.Template,
		Grading: p.gradingOf(o), Samples: o.Samples, Temperature: o.Temperature, MaxTokens: o.MaxTokens, Stops: o.Stops, Seed: o.Seed,
	}
	if o.Temperature == 0 {
		p.Settings.Seed = 0 // nothing is drawn
	}
	return p, p.checkRoom(tokens)
}

// openVerifier opens what judges completions.
func (p *Paper) openVerifier(o Options) (err error) {
	if o.Verifier == nil {
		p.verifier, err = p.Spec.Verifier(o.Grading)
		return err
	}
	p.judging = *o.Verifier
	if p.verifier, err = o.Verifier.Open(); err != nil {
		return fmt.Errorf("verifier: %w", err)
	}
	return nil
}

// ask renders the problems.
func (p *Paper) ask(problems []benchmark.Problem, tokens Tokens, o Options) {
	for _, problem := range problems {
		q := Question{Problem: problem}
		if o.Template != "" {
			q.Text = o.render(problem.Question)
		} else {
			q.Text = p.Spec.Ask(problem.Question)
		}
		q.Prompt = tokens.Encode(p.Preamble + q.Text)
		q.MaxTokens = max(0, min(o.MaxTokens, tokens.Positions()-len(q.Prompt)))
		p.Questions = append(p.Questions, q)
	}
}

// gradingOf names the grading with what it consists of.
func (p *Paper) gradingOf(o Options) string {
	if v := o.Verifier; v != nil {
		return fmt.Sprintf("verifier %s %s", v.Mode, strings.Join(append(slices.Clone(v.Program), v.Extract+v.URL), " "))
	}
	from := p.Spec.Extract
	if p.Spec.FinalFirst {
		from = "final answer, else " + from
	}
	switch o.Grading {
	case benchmark.GradingBoxed:
		return string(o.Grading)
	case benchmark.GradingPublished:
		return fmt.Sprintf("%s: %s, tolerance %g, relative %g, percent %v", o.Grading, from, p.Spec.Tolerance, p.Spec.Relative, p.Spec.Percent)
	}
	return fmt.Sprintf("%s: %s", o.Grading, from)
}

// form is a digest of how questions are put, whichever are asked: a raised limit
// goes on with the same journal.
func (p *Paper) form(o Options) string {
	h := sha256.New()
	const mark = "\x00question\x00"
	form := p.Spec.Ask(mark)
	if o.Template != "" {
		form = o.render(mark)
	}
	for _, text := range []string{p.Preamble, form, p.Spec.Question, p.Spec.Answer, p.Spec.AnswerIn, p.Spec.Options, fmt.Sprint(p.Spec.Wrong)} {
		io.WriteString(h, text+"\x00")
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// TooLong returns the number of questions that leave no room for an answer.
func (p *Paper) TooLong() int {
	n := 0
	for _, q := range p.Questions {
		if q.MaxTokens == 0 {
			n++
		}
	}
	return n
}

func (p *Paper) checkRoom(tokens Tokens) error {
	if len(p.Questions) == 0 {
		return errors.New("no problems to ask")
	}
	if long := p.TooLong(); 2*long > len(p.Questions) {
		return fmt.Errorf("benchmark %s: %w: %d of %d prompts with %d demonstrations do not fit the policy's %d positions; ask with fewer --shots, or with --template",
			p.Spec.Name, ErrNoRoom, long, len(p.Questions), p.Settings.Shots, tokens.Positions())
	}
	return nil
}
