package exam

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/evaluation/benchmark"
	"github.com/octorl/octorl/reward"
	"github.com/octorl/octorl/rollout/trajectory"
)

// sums is a benchmark of four questions with a demonstration.
const sums = `
name: sums
file: sums.jsonl
question: "{q}"
answer: "{a}"
prompt: "Q: {question}\nA:"
shots: 1
demonstrations: [{question: "1+1?", solution: "The answer is 2."}]
stops: ["\nQ:"]
maxTokens: 8
`

const rows = `
{"q": "2+2?", "a": 4}
{"q": "3+3?", "a": 6}
{"q": "4+4?", "a": 8}
{"q": "5+5?", "a": 10}
`

// letters is a tokenizer whose ids are bytes.
type letters int

func (l letters) Encode(prompt string) []int32 {
	ids := make([]int32, len(prompt))
	for i := range ids {
		ids[i] = int32(prompt[i])
	}
	return ids
}

func (l letters) Positions() int { return int(l) }

func problems(t *testing.T) (*benchmark.Spec, []benchmark.Problem) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"sums.yaml": sums, "sums.jsonl": rows} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := benchmark.ParseFile(filepath.Join(dir, "sums.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.Problems("")
	if err != nil {
		t.Fatal(err)
	}
	return s, all
}

func paper(t *testing.T, positions int, o Options) (*Paper, error) {
	t.Helper()
	s, all := problems(t)
	o.Samples = max(o.Samples, 1)
	return NewPaper(s, all, "digest", letters(positions), o)
}

func mustPaper(t *testing.T, positions int, o Options) *Paper {
	t.Helper()
	p, err := paper(t, positions, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// solver answers rightly, and stops its caller after stop questions.
type solver struct {
	asked []string
	stop  int
}

func (s *solver) Sample(ctx context.Context, _ evaluation.Settings, questions []Question, done func(int, []trajectory.Trajectory)) error {
	for i, q := range questions {
		if s.stop > 0 && i == s.stop {
			return context.Canceled
		}
		s.asked = append(s.asked, q.Problem.ID)
		done(i, []trajectory.Trajectory{{
			Completion: []int32{1, 2}, Finish: trajectory.FinishStop, Text: "The answer is " + q.Problem.Answer + ".",
		}})
	}
	return nil
}

func journalOf(t *testing.T, path string, p *Paper) *Journal {
	t.Helper()
	j, err := OpenJournal(path, p)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestPaper(t *testing.T) {
	p := mustPaper(t, 100, Options{Shots: Published})
	if want := "Q: 1+1?\nA: The answer is 2.\n\n"; p.Preamble != want {
		t.Errorf("preamble %q, want %q", p.Preamble, want)
	}
	q := p.Questions[3]
	if q.Text != "Q: 5+5?\nA:" || len(q.Prompt) != len(p.Preamble)+len(q.Text) || q.MaxTokens != 8 {
		t.Errorf("question %+v", q)
	}
	if s := p.Settings; s.Shots != 1 || s.MaxTokens != 8 || s.Benchmark != "sums" || len(s.Stops) != 1 {
		t.Errorf("settings %+v", s)
	}
	zero := mustPaper(t, 100, Options{Shots: Published, Template: "dialogue", Stops: []string{"!"}})
	if zero.Questions[0].Text != "User:\n2+2?\nAssistant:\n" || zero.Preamble != "" || zero.Settings.Prompts == p.Settings.Prompts || zero.Settings.Grading != "boxed" {
		t.Errorf("by template: %+v, %+v", zero.Questions[0], zero.Settings)
	}
	if got := strings.Join(zero.Settings.Stops, " "); got != "User: Assistant: Question: Answer: !" {
		t.Errorf("by template: stops %s", got)
	}
	for name, o := range map[string]Options{"a template with demonstrations": {Shots: 1, Template: "simple"}, "no such template": {Template: "plain"}} {
		if _, err := paper(t, 100, o); err == nil {
			t.Error(name)
		}
	}
	if _, err := paper(t, 30, Options{Shots: 1}); err == nil || !strings.Contains(err.Error(), "--shots") {
		t.Errorf("no room: %v", err)
	}
}

func TestStoppedRunGoesOnAndAsksNothingTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sums.jsonl")
	p := mustPaper(t, 100, Options{Shots: Published})
	first := &solver{stop: 2}
	j := journalOf(t, path, p)
	if err := Run(t.Context(), p, j, first, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped run: %v", err)
	}
	if err := j.Close(2); err != nil {
		t.Fatal(err)
	}
	tear(t, path)
	j = journalOf(t, path, p)
	second := &solver{}
	var told []State
	if err := Run(t.Context(), p, j, second, func(s State) { told = append(told, s) }); err != nil {
		t.Fatal(err)
	}
	for i, s := range told {
		if s.Done != 2+i || s.Total != 4 || s.Accuracy != 1 || (s.Item.Problem.ID == "") != (i == 0) {
			t.Errorf("told %+v at call %d", s, i)
		}
	}
	if len(told) != 3 {
		t.Errorf("told %d times, want first of what the journal has, then of each that is done", len(told))
	}
	if err := j.Close(3); err != nil {
		t.Fatal(err)
	}
	asked := append(first.asked, second.asked...)
	if strings.Join(asked, " ") != "sums/0 sums/1 sums/2 sums/3" {
		t.Errorf("asked %v", asked)
	}
	j = journalOf(t, path, p)
	r := p.Result(j, []int{1})
	if s := r.Summary; s.Problems != 4 || s.Accuracy != 1 || s.PassAt[1] != 1 || s.MeanTokensRight != 2 || r.Seconds != 5 {
		t.Errorf("result %+v", r)
	}
	third := &solver{}
	if err := Run(t.Context(), p, j, third, nil); err != nil || len(third.asked) > 0 {
		t.Errorf("a finished journal: asked %v, %v", third.asked, err)
	}
}

// tear appends what a crash leaves of a line.
func tear(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"item": {"Problem": {"ID": "sums/2"`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRaisedLimitGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sums.jsonl")
	one := mustPaper(t, 100, Options{Shots: Published, Limit: 1})
	if err := Run(t.Context(), one, journalOf(t, path, one), &solver{}, nil); err != nil {
		t.Fatal(err)
	}
	s, p := &solver{}, mustPaper(t, 100, Options{Shots: Published, Limit: 3})
	if err := Run(t.Context(), p, journalOf(t, path, p), s, nil); err != nil || strings.Join(s.asked, " ") != "sums/1 sums/2" {
		t.Errorf("raised limit: asked %v, %v", s.asked, err)
	}
}

func TestOtherSettingsAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sums.jsonl")
	p := mustPaper(t, 100, Options{Shots: Published})
	if err := journalOf(t, path, p).Close(0); err != nil {
		t.Fatal(err)
	}
	for setting, o := range map[string]Options{
		"temperature 0": {Shots: Published, Temperature: 1},
		"maxTokens 8":   {Shots: Published, MaxTokens: 4},
		"grading":       {Shots: Published, Grading: benchmark.GradingStrict},
		"prompts":       {Shots: 0},
	} {
		_, err := OpenJournal(path, mustPaper(t, 100, o))
		if !errors.Is(err, ErrOtherSettings) || !strings.Contains(err.Error(), setting) || !strings.Contains(err.Error(), "--out") {
			t.Errorf("%s: %v", setting, err)
		}
	}
}

func TestPromptsThatDoNotFitAreNotSolved(t *testing.T) {
	s, all := problems(t)
	all[0].Question = strings.Repeat("long ", 30)
	p, err := NewPaper(s, all, "digest", letters(100), Options{Samples: 2})
	if err != nil {
		t.Fatal(err)
	}
	j := journalOf(t, filepath.Join(t.TempDir(), "sums.jsonl"), p)
	asked := &solver{}
	if err := Run(t.Context(), p, j, asked, nil); err != nil {
		t.Fatal(err)
	}
	r := p.Result(j, nil)
	if len(asked.asked) != 3 || r.TooLong != 1 || r.Summary.Accuracy != 0.75 || r.Summary.Completions != 5 {
		t.Errorf("asked %v, result %+v", asked.asked, r)
	}
}

func TestItemsOfAFinishedEvaluation(t *testing.T) {
	dir := t.TempDir()
	p := mustPaper(t, 100, Options{Shots: Published})
	j := journalOf(t, filepath.Join(dir, "sums.jsonl"), p)
	if err := Run(t.Context(), p, j, &solver{}, nil); err != nil {
		t.Fatal(err)
	}
	items, preamble, err := ReadItems(dir, p.Result(j, nil))
	if err != nil || len(items) != 4 || preamble != p.Preamble {
		t.Fatalf("%d items, preamble %q, %v", len(items), preamble, err)
	}
	if c := items[0].Completions[0]; c.Verdict != reward.Right || c.Answer == "" || items[0].Prompt == "" {
		t.Errorf("item %+v", items[0])
	}
}

// TestHalfALineIsCut leaves what a full disk leaves of a line, and goes on.
func TestHalfALineIsCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sums.jsonl")
	p := mustPaper(t, 100, Options{Shots: Published})
	j := journalOf(t, path, p)
	for _, q := range p.Questions[:2] {
		if err := j.Add(p.item(q)); err != nil {
			t.Fatal(err)
		}
		if _, err := j.file.WriteString(`{"item": {"Problem": {`); err != nil {
			t.Fatal(err)
		}
		if err := j.cut(j.end); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(1); err != nil {
		t.Fatal(err)
	}
	again, err := ReadJournal(path)
	if err != nil || len(again.items) != 2 || again.Seconds != 1 {
		t.Errorf("read %+v, %v", again, err)
	}
}
