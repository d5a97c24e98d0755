package actors

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/evaluation/benchmark"
	"github.com/octorl/octorl/evaluation/exam"
	"github.com/octorl/octorl/internal/config"
)

// answerLog notes each answer of the evaluator in a file, and kills the process with
// the one that kill names, if any.
func answerLog(t *testing.T, path, kill string) func(standing, exam.State) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	seen := map[standing]int{}
	return func(at standing, s exam.State) {
		if s.Item.Problem.ID == "" {
			return // what the journal has
		}
		fmt.Fprintf(f, "%s@%d %s by %d\n", at.stage, at.step, s.Item.Problem.ID, len(s.Item.Completions))
		if seen[at]++; fmt.Sprintf("%s@%d:%d", at.stage, at.step, seen[at]) == kill {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}
}

// The environment of a process that is to be killed.
const killDir, killAt = "OCTORL_TEST_KILL_DIR", "OCTORL_TEST_KILL_AT"

// TestKilledEvaluationGoesOn kills the process, as a machine that loses power does, in
// the middle of the evaluation of a stage, of a probe, and of samples. No answer is
// asked for twice, and the evaluations are those of a run that was not killed.
func TestKilledEvaluationGoesOn(t *testing.T) {
	if dir := os.Getenv(killDir); dir != "" {
		o := options(t, dir)
		o.answered = answerLog(t, filepath.Join(dir, "answers"), os.Getenv(killAt))
		_, err := Run(t.Context(), tinyRecipe(t), o)
		t.Fatalf("the process was not killed: %v", err)
	}
	t.Parallel()
	whole, dir := t.TempDir(), t.TempDir()
	o := options(t, whole)
	o.answered = answerLog(t, filepath.Join(whole, "answers"), "")
	want := finish(t, tinyRecipe(t), o)
	for _, kill := range []string{"text@12:3", "rl@2:1", "rl@5:9"} {
		child := exec.Command(os.Args[0], "-test.run=^TestKilledEvaluationGoesOn$")
		child.Env = append(os.Environ(), killDir+"="+dir, killAt+"="+kill)
		out, err := child.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("at %s: %v\n%s", kill, err, out)
		}
	}
	o = options(t, dir)
	o.answered = answerLog(t, filepath.Join(dir, "answers"), "")
	if got := finish(t, tinyRecipe(t), o); !maps.Equal(got, want) {
		t.Errorf("digests %v, want %v", got, want)
	}
	checkMetrics(t, dir)
	if got, want := values(t, dir), values(t, whole); !maps.EqualFunc(got, want, maps.Equal) {
		t.Errorf("evaluations %v, want %v", got, want)
	}
	// 8 problems greedily and 2 by 4 completions of two stages, and 2 of each of three probes.
	got, once := answers(t, dir), answers(t, whole)
	if len(once) != 2*(8+2)+3*2 || !slices.Equal(got, once) {
		t.Errorf("answers\n%s\nwant each once:\n%s", strings.Join(got, "\n"), strings.Join(once, "\n"))
	}
	checkNothingPending(t, &directory{root: dir})
}

// answers returns the lines of an answerLog, sorted.
func answers(t *testing.T, dir string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "answers"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(slices.Values(strings.Split(strings.TrimSpace(string(data)), "\n")))
}

// sums are a user's own benchmark of two questions.
func sums(t *testing.T) (path string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"sums.yaml":  "name: sums\nfile: sums.jsonl\nquestion: \"{q}\"\nanswer: \"{a}\"\nshots: 1\ndemonstrations: [{question: 1+1?, solution: It is 2.}]\n",
		"sums.jsonl": "{\"q\": \"2+2?\", \"a\": 4}\n{\"q\": \"3+4?\", \"a\": 7}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "sums.yaml")
}

// TestSeveralBenchmarks evaluates one stage on two benchmarks, and another on one of
// them in another way.
func TestSeveralBenchmarks(t *testing.T) {
	t.Parallel()
	own := sums(t)
	r := tinyRecipe(t)
	r.Stage("rl").RL.EvaluateEvery = 0
	r.Evaluation.Benchmarks = append(r.Evaluation.Benchmarks, own)
	few := r.Evaluation
	few.Benchmarks, few.Template, few.Shots, few.SampledProblems, few.Backlog = []string{own}, "", new(config.Shots), 0, 0
	*few.Shots = config.Published
	r.Stage("rl").Evaluation = &few
	r.Compare = &config.Compare{First: "rl", Second: "text"}
	dir := t.TempDir()
	results, err := Run(t.Context(), r, options(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, s := range results.Stages {
		rows = append(rows, fmt.Sprintf("%s: %d, sampled %v", s.Stage, s.Problems, len(s.PassAt) > 0))
	}
	want := []string{"text generated-1: 8, sampled true", "text sums: 2, sampled true", "rl: 2, sampled false"}
	if !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	if c := results.Comparisons; len(c) != 1 || c[0].On != "sums" || c[0].Problems != 2 {
		t.Errorf("comparisons %+v", c)
	}
	d := &directory{root: dir}
	for stage, want := range map[string]string{"text": "simple", "rl": "1-shot"} {
		result, err := d.result(stage)
		if err != nil {
			t.Fatal(err)
		}
		last := evaluation.Result{Benchmarks: result.Benchmarks[len(result.Benchmarks)-1:]}
		if how, _, _ := strings.Cut(last.Label(), ":"); last.Benchmarks[0].Settings.Benchmark != "sums" || how != want {
			t.Errorf("stage %s asked %+v by %s, want sums by %s", stage, last.Benchmarks, how, want)
		}
	}
	if got := evaluations(t, dir, "text"); !slices.Equal(got, []int{12}) {
		t.Errorf("evaluations of text at %v", got)
	}
}

// TestExamsAreRefusedAtOnce starts runs whose problems are not at hand, or leave the
// policy no room: nothing is trained, and what is missing is named.
func TestExamsAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*config.Evaluation)
		want   []string
	}{
		"no data": {
			func(e *config.Evaluation) { e.Benchmarks = []string{"gsm8k", "math500"} },
			[]string{"benchmarks[1]", "math500", "published at", "evaluation.data"},
		},
		"data elsewhere": {
			func(e *config.Evaluation) { e.Benchmarks, e.Data = []string{"math500"}, "nowhere" }, []string{"nowhere", "math500.jsonl"},
		},
		"no room": {
			func(e *config.Evaluation) { e.Benchmarks, e.Template = []string{"gsm8k"}, "complex" }, []string{"stage text", "160 positions"},
		},
		"no program": {
			func(e *config.Evaluation) {
				e.Verifier = &config.Verifier{Mode: "program", Program: []string{"./none"}, DeadlineSeconds: 1}
			}, []string{"verifier", "./none"},
		},
	} {
		r := tinyRecipe(t)
		c.change(&r.Evaluation)
		dir := filepath.Join(t.TempDir(), "run")
		_, err := Run(t.Context(), r, options(t, dir))
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %q in it", name, err, want)
			}
		}
		if d := (&directory{root: dir}); len(d.steps("text")) > 0 {
			t.Errorf("%s: something was trained", name)
		}
	}
}

// TestOtherAnswersMakePlace evaluates a stage whose folder has answers of other
// weights.
func TestOtherAnswersMakePlace(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	r := tinyRecipe(t)
	r.Seed++
	finish(t, r, options(t, other))
	finish(t, tinyRecipe(t), options(t, dir))
	d, o := &directory{root: dir}, &directory{root: other}
	want := values(t, dir)
	for _, err := range []error{os.RemoveAll(d.evaluation("rl")), os.CopyFS(d.evaluation("rl"), os.DirFS(o.evaluation("rl"))),
		os.Remove(filepath.Join(d.evaluation("rl"), "results.json"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	finish(t, tinyRecipe(t), options(t, dir))
	if got := values(t, dir); !maps.EqualFunc(got, want, maps.Equal) {
		t.Errorf("evaluations %v, want %v", got, want)
	}
}

func TestConfigKnowsEveryBenchmark(t *testing.T) {
	t.Parallel()
	if got, want := config.BenchmarkNames(), benchmark.Names(); !slices.Equal(got, want) {
		t.Errorf("config has %v, package benchmark %v", got, want)
	}
}
