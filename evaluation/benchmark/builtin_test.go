package benchmark

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/octorl/octorl/reward"
)

// dataFolder is where the benchmarks that are not embedded may lie.
func dataFolder() string {
	fixtures := os.Getenv("OCTORL_FIXTURES")
	if fixtures == "" {
		fixtures = "../../../shared/data/fixtures"
	}
	return filepath.Join(fixtures, "..", "benchmarks")
}

// problemsOf reads a benchmark from the binary or the data folder, or skips.
func problemsOf(t *testing.T, s *Spec) []Problem {
	t.Helper()
	problems, err := s.Problems(dataFolder())
	if errors.Is(err, ErrNoData) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return problems
}

func find(t *testing.T, name string) *Spec {
	t.Helper()
	s, err := Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryBenchmarkHasItsPublishedRows(t *testing.T) {
	t.Parallel()
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			s := find(t, name)
			problems := problemsOf(t, s)
			if s.Name != name || len(problems) != s.Rows {
				t.Errorf("%s has %d problems, %d are published", s.Name, len(problems), s.Rows)
			}
			for _, p := range problems {
				if strings.ContainsAny(p.Question, "\x00") || !strings.HasPrefix(p.ID, name+"/") || p.Source != name {
					t.Errorf("problem %+v", p)
				}
			}
		})
	}
}

// TestOctoThinkerSettings compares with the published table of the few-shot
// evaluation (arXiv:2506.20512, eval/configs of its repository).
func TestOctoThinkerSettings(t *testing.T) {
	shots := map[string]int{
		"gsm8k": 8, "math": 4, "math500": 4, "olympiad_bench": 4, "amc23": 0, "sat": 4, "ocw": 4, "mmlu_stem": 4, "mathqa": 4,
		"svamp": 8, "tabmwp": 8, "asdiv": 8, "mawps": 8,
	}
	for name, want := range shots {
		s := find(t, name)
		if s.Shots != want || s.MaxTokens != 1024 || len(s.Stops) != 2 || s.Stops[0] != "\nQ:" || s.Stops[1] != "\nProblem:" {
			t.Errorf("%s: %d shots, %d tokens, stops %q", name, s.Shots, s.MaxTokens, s.Stops)
		}
	}
}

func TestEmbeddedAreThoseWhoseLicensePermits(t *testing.T) {
	for _, name := range Names() {
		s := find(t, name)
		permits := s.License == "MIT" || s.License == "Apache-2.0"
		if s.Embedded() != permits {
			t.Errorf("%s is embedded: %v, and its license is %s", name, s.Embedded(), s.License)
		}
		if _, err := s.Problems(""); errors.Is(err, ErrNoData) == permits {
			t.Errorf("%s without data: %v", name, err)
		} else if !permits && (!strings.Contains(err.Error(), s.File) || !strings.Contains(err.Error(), s.Source)) {
			t.Errorf("%s: the error %v lacks the file or where it is published", name, err)
		}
	}
}

// calculation matches a chain of arithmetic with its result.
var calculation = regexp.MustCompile(`(?:^|[ $(])((?:\d[\d.]*(?: [-+*/] ))+\d[\d.]*) = (\d[\d.]*)(?:[,;]|$| [a-zA-Z%])`)

// TestDemonstrationsAreRight judges each demonstration by the verifier of its
// benchmark against the answer that ends it, and every calculation in it.
func TestDemonstrationsAreRight(t *testing.T) {
	answer := regexp.MustCompile(`(?:The answer is |The final answer is )(.*?)(?:\. I hope it is correct)?\.$`)
	for _, name := range Names() {
		s := find(t, name)
		for _, d := range s.Demonstrations {
			m := answer.FindStringSubmatch(d.Solution)
			if m == nil {
				t.Errorf("%s: no answer at the end of %q", name, d.Solution)
				continue
			}
			v, err := s.Verifier(GradingStrict)
			if err != nil {
				t.Fatal(err)
			}
			p := Problem{}
			p.Answer = strings.Trim(m[1], "$()")
			if strings.HasPrefix(m[1], "$[") || strings.HasPrefix(m[1], "$(") {
				p.Answer = strings.Trim(m[1], "$")
			}
			if r := v.Verify(context.Background(), p.Problem, d.Solution); r.Verdict != reward.Right {
				t.Errorf("%s: %q is %v against %q: %s", name, d.Solution, r.Verdict, p.Answer, r.Reason)
			}
			for _, c := range calculation.FindAllStringSubmatch(d.Solution, -1) {
				p.Answer = strings.TrimSuffix(c[2], ".")
				if r := reward.CompareAnswer(context.Background(), p.Problem, c[1]); r.Verdict != reward.Right {
					t.Errorf("%s: %s is not %s", name, c[1], c[2])
				}
			}
			for _, q := range problemsIn(t, s) {
				if q.Question == d.Question {
					t.Errorf("%s: the demonstration %q is one of its problems", name, d.Question)
				}
			}
		}
	}
}

// problemsIn returns the embedded problems of a benchmark.
func problemsIn(t *testing.T, s *Spec) []Problem {
	t.Helper()
	problems, err := s.Problems("")
	if err != nil && !errors.Is(err, ErrNoData) {
		t.Fatal(err)
	}
	return problems
}

// TestReferenceAnswersAreRight answers each problem with its reference answer, in
// the form of the benchmark's demonstrations, and with another value.
func TestReferenceAnswersAreRight(t *testing.T) {
	t.Parallel()
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := find(t, name)
			v, err := s.Verifier(GradingPublished)
			if err != nil {
				t.Fatal(err)
			}
			problems := problemsOf(t, s)
			right := 0
			for _, p := range problems {
				if testing.Short() && len(problems) > 500 && len(p.ID)%7 != 0 {
					right++
					continue
				}
				r := v.Verify(context.Background(), p.Problem, complete(s, p.Answer))
				if r.Verdict == reward.Right {
					right++
				} else {
					t.Logf("%s: %q is %v: %s", p.ID, p.Answer, r.Verdict, r.Reason)
				}
				if s.choice() {
					other := letter((int(p.Answer[0]-'A') + 1) % 2)
					if other == p.Answer {
						other = "C"
					}
					if r := v.Verify(context.Background(), p.Problem, complete(s, other)); r.Verdict != reward.Wrong {
						t.Errorf("%s: %q is %v against %q", p.ID, other, r.Verdict, p.Answer)
					}
				} else if r := v.Verify(context.Background(), p.Problem, complete(s, "123457.5")); r.Verdict == reward.Right {
					t.Errorf("%s: 123457.5 is right against %q", p.ID, p.Answer)
				}
			}
			if float64(right) < 0.99*float64(len(problems)) {
				t.Errorf("%d of %d reference answers are right", right, len(problems))
			}
		})
	}
}

// complete writes an answer as the demonstrations of a benchmark end.
func complete(s *Spec, answer string) string {
	switch {
	case s.choice():
		return "It is this one.\nFinal Answer: The final answer is (" + answer + "). I hope it is correct."
	case strings.HasPrefix(s.Prompt, "Q:"):
		return "So it is. The answer is " + answer + "."
	case strings.Contains(answer, "$"):
		return "So it is.\nFinal Answer: The final answer is " + answer + ". I hope it is correct."
	}
	return "So it is.\nFinal Answer: The final answer is $" + answer + "$. I hope it is correct."
}

func TestGeneratedProblemsAreHeldOutAndTakeTurns(t *testing.T) {
	s := find(t, "generated-2-3")
	problems := problemsIn(t, s)
	if len(problems) != 2*generatedEach || problems[0].Level != 2 || problems[1].Level != 3 || problems[2].Level != 2 {
		t.Errorf("%d problems, levels %d, %d, %d", len(problems), problems[0].Level, problems[1].Level, problems[2].Level)
	}
	for _, name := range []string{"generated-3-2", "generated-9", "generated-"} {
		if _, err := Find(name); err == nil {
			t.Errorf("found a benchmark %s", name)
		}
	}
}
