package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/octorl/octorl/actors"
	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/evaluation/exam"
	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/internal/devicetest"
)

// documented returns the first block of code in a section of docs/evaluation.md that
// is marked as of a language: what the user reads there is what these tests run.
func documented(t *testing.T, section, language string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/evaluation.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "## "+section+"\n")
	_, after, marked := strings.Cut(after, "```"+language+"\n")
	block, _, closed := strings.Cut(after, "```")
	if !found || !marked || !closed {
		t.Fatalf("docs/evaluation.md has no block of %s in %s", language, section)
	}
	return block
}

const ownSection = "A benchmark of your own"

func TestDocumentedRecipe(t *testing.T) {
	r, err := config.Parse("doc.yaml", []byte(documented(t, "In a recipe", "yaml")))
	if err != nil {
		t.Fatal(err)
	}
	if all, rl := r.Evaluation, r.EvaluationOf("rl"); all.N != 4 || all.Template != "" || *all.Shots != config.Published || rl.Template != "complex" || rl.Limit != 0 {
		t.Errorf("evaluation %+v, of rl %+v", all, rl)
	}
}

// evalFlags are of an evaluation of a tiny checkpoint on the user's own benchmark.
func evalFlags(t *testing.T) evalVerb {
	t.Helper()
	dir := t.TempDir()
	saveModel(t, filepath.Join(dir, "model"))
	for name, text := range map[string]string{"sums.yaml": documented(t, ownSection, "yaml"), "sums.jsonl": documented(t, ownSection, "json")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return evalVerb{
		Model: filepath.Join(dir, "model"), Benchmarks: []string{filepath.Join(dir, "sums.yaml")}, Out: filepath.Join(dir, "out"),
		Shots: "published", MaxTokens: 4, Greedy: true, N: 2, K: []int{1, 2},
	}
}

func evaluateFlags(t *testing.T, v evalVerb, ctx context.Context) error {
	t.Helper()
	if err := v.settle(); err != nil {
		return err
	}
	return v.evaluate(ctx)
}

func TestEvalOfOwnBenchmark(t *testing.T) {
	v := evalFlags(t)
	if err := evaluateFlags(t, v, t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := evaluation.ReadResult(v.Out)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Benchmarks) != 2 {
		t.Fatalf("%d results, want greedy and sampled", len(r.Benchmarks))
	}
	for i, want := range []struct {
		name        string
		samples     int
		temperature float32
	}{{"sums", 1, 0}, {"sums-sampled", 2, 1}} {
		b := r.Benchmarks[i]
		if s := b.Settings; b.Name() != want.name || b.Asked != 3 || s.Benchmark != "sums" || s.Shots != 1 || s.Samples != want.samples || s.Temperature != want.temperature {
			t.Errorf("result %+v, want %+v", b, want)
		}
		if b.Summary.Completions != 3*want.samples {
			t.Errorf("%s: %d completions", b.Name(), b.Summary.Completions)
		}
		items, preamble, err := exam.ReadItems(v.Out, b)
		if err != nil || len(items) != 3 || !strings.HasPrefix(preamble, "Q: 1 + 1") {
			t.Errorf("%s: %d items, preamble %q, %v", b.Name(), len(items), preamble, err)
		}
	}
}

// TestEvalGoesOnAfterInterrupt stops an evaluation before anything is drawn, and
// lets it go on: the items are those of one that was not stopped.
func TestEvalGoesOnAfterInterrupt(t *testing.T) {
	v := evalFlags(t)
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if err := evaluateFlags(t, v, stopped); !errors.Is(err, actors.ErrStopped) {
		t.Fatalf("interrupted: %v", err)
	}
	limited := v
	limited.Limit = 1
	for _, flags := range []evalVerb{limited, v} {
		if err := evaluateFlags(t, flags, t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	whole := v
	whole.Out = filepath.Join(t.TempDir(), "whole")
	if err := evaluateFlags(t, whole, t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := textsOf(t, v.Out), textsOf(t, whole.Out); got != want {
		t.Errorf("completions %q, want %q", got, want)
	}
}

// textsOf returns all completions of an evaluation, by problem.
func textsOf(t *testing.T, out string) string {
	t.Helper()
	r, err := evaluation.ReadResult(out)
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]string{}
	for _, b := range r.Benchmarks {
		items, _, err := exam.ReadItems(out, b)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range items {
			for _, c := range it.Completions {
				byID[it.Problem.ID] += c.Text + "|"
			}
		}
	}
	return byID["sums/0"] + "\n" + byID["sums/1"] + "\n" + byID["sums/2"]
}

func TestEvalRefuses(t *testing.T) {
	v := evalFlags(t)
	if err := evaluateFlags(t, v, t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*evalVerb){
		"other settings":  func(v *evalVerb) { v.MaxTokens = 3 },
		"--shots many":    func(v *evalVerb) { v.Shots = "many" },
		"--temperature 0": func(v *evalVerb) { v.Temperature = at(float32(0)) },
		"--no-greedy":     func(v *evalVerb) { v.Greedy, v.N, v.K = false, 0, nil },
		"sums twice":      func(v *evalVerb) { v.Benchmarks = append(v.Benchmarks, v.Benchmarks...) },
		"--k 3":           func(v *evalVerb) { v.K = []int{3} },
		"unknown prompt":  func(v *evalVerb) { v.Template = "chatty" },
		"no benchmark":    func(v *evalVerb) { v.Benchmarks = []string{"gsm9k"} },
		"--list":          func(v *evalVerb) { v.Benchmarks = nil },
	} {
		w := v
		change(&w)
		if err := evaluateFlags(t, w, t.Context()); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCompareEvaluations(t *testing.T) {
	v := evalFlags(t)
	other := v
	other.Out, other.Seed = filepath.Join(t.TempDir(), "other"), 1
	for _, flags := range []evalVerb{v, other} {
		if err := evaluateFlags(t, flags, t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := compareEvaluations([]string{v.Out, other.Out}, filepath.Join(t.TempDir(), "page"), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"sums: other − out", "95% interval", "undecided"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if err := compareEvaluations([]string{v.Out}, "", &out); err == nil {
		t.Error("compared one folder")
	}
}

func TestNameOfCheckpoint(t *testing.T) {
	for dir, want := range map[string]string{
		"/home/x/runs/quickstart/checkpoints/rl-mid/final": "quickstart-rl-mid",
		"/models/Llama-3.2-1B/":                            "models-Llama-3.2-1B",
	} {
		if got := nameOfCheckpoint(dir); got != want {
			t.Errorf("%s: %s, want %s", dir, got, want)
		}
	}
}

// TestReadinessOfAnUntrainedPolicy asks under every template but the long one, which
// does not fit: there is nothing to learn from.
func TestReadinessOfAnUntrainedPolicy(t *testing.T) {
	v := evalFlags(t)
	v.Readiness, v.Model, v.N, v.K, v.Limit, v.Temperature = v.Model, "", 0, nil, 2, nil
	if err := v.readiness(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := evaluation.ReadResult(v.Out)
	if err != nil || r.Readiness == nil || r.Readiness.Verdict != evaluation.Bad || r.Readiness.Samples != readinessSamples {
		t.Fatalf("readiness %+v, %v", r.Readiness, err)
	}
	var names []string
	for _, b := range r.Benchmarks {
		names = append(names, b.Name())
	}
	if strings.Join(names, " ") != "sums@simple sums@dialogue" {
		t.Errorf("asked %v", names)
	}
	v.Template = "simple"
	if err := v.readiness(t.Context()); err == nil {
		t.Error("--readiness with --template")
	}
}

func TestContamination(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("own.yaml", "name: own\nfile: own.jsonl\nquestion: \"{q}\"\nanswer: \"{a}\"\n")
	write("own.jsonl", `{"q": "How many red apples does Ada eat a day?", "a": 2}`+"\n"+`{"q": "Why?", "a": 1}`)
	v := evalVerb{
		Benchmarks: []string{filepath.Join(dir, "own.yaml")}, Window: 5, Out: filepath.Join(dir, "traces.json"),
		Folders: []string{
			write("corpus.jsonl", `{"text": "nothing"}`+"\n"+`{"parts": [{"x": "So: how many RED apples does he"}, "ada"]}`),
			write("book.txt", "Red apples does\nAda eat."), write("clean.md", "How many apples does Ada eat?"),
		},
	}
	var out bytes.Buffer
	if err := v.contamination(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	for i, want := range []string{"file documents hit own", "corpus 2 1 1", "book.txt 1 1 1", "clean.md 1 0 0", "together 4 2 1"} {
		if got := strings.Join(strings.Fields(lines[i]), " "); got != want {
			t.Errorf("line %d is %q, want %q", i, got, want)
		}
	}
	if !strings.Contains(out.String(), "own: questions of fewer words, which cannot be found this way: 1") {
		t.Errorf("no word of short questions in\n%s", out.String())
	}
	traces, err := os.ReadFile(v.Out)
	if err != nil || !strings.Contains(string(traces), `"document": "line 2"`) || !strings.Contains(string(traces), `"words": "how many red apples does"`) {
		t.Errorf("traces %s, %v", traces, err)
	}
	v.Folders = []string{write("broken.jsonl", "{")}
	if err := v.contamination(t.Context(), &out); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a broken corpus: %v", err)
	}
}

func TestContaminationRefusesBeforeItSearches(t *testing.T) {
	v := evalVerb{Window: 13, Benchmarks: []string{"no such benchmark"}}
	for _, missing := range []string{filepath.Join(t.TempDir(), "none.jsonl"), t.TempDir()} {
		v.Folders = []string{"orcca", missing}
		err := v.contamination(t.Context(), io.Discard)
		if err == nil || !strings.Contains(err.Error(), missing) || !strings.Contains(err.Error(), "gsm8k-train") {
			t.Errorf("%s: %v", missing, err)
		}
	}
}

// TestEvalRepeatsARunsEvaluation asks a stage of a run what the run has asked it: the
// settings and the completions are the same, and stages compare by the run's name.
func TestEvalRepeatsARunsEvaluation(t *testing.T) {
	run := filepath.Join(t.TempDir(), "small")
	r, err := config.Parse("small.yaml", []byte(explained))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := actors.Run(t.Context(), r, actors.Options{Directory: run, Device: devicetest.Open(t), Log: zerolog.Nop()}); err != nil {
		t.Fatal(err)
	}
	v := evalVerb{
		Model: run + "@rl", Benchmarks: []string{"generated-1-4"}, Out: t.TempDir(), Shots: "published",
		Template: "simple", Greedy: true, N: 3, Seed: 7, Limit: 9, MaxTokens: 12,
	}
	if err := evaluateFlags(t, v, t.Context()); err != nil {
		t.Fatal(err)
	}
	ours, theirs := completionsOf(t, v.Out), completionsOf(t, evaluationOf(run, "rl"))
	if len(theirs) != 9+2 || len(ours) != 9+9 {
		t.Errorf("%d items in the run, %d of octorl eval", len(theirs), len(ours))
	}
	for name, text := range theirs {
		if ours[name] != text {
			t.Errorf("%s: %q in the run, %q of octorl eval", name, text, ours[name])
		}
	}
	var out bytes.Buffer
	if err := compareEvaluations([]string{run + "@text", run + "@rl"}, t.TempDir(), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"generated-1-4: small@rl − small@text", "generated-1-4-sampled: small@rl − small@text"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if err := compareEvaluations([]string{run + "@text", run + "@none"}, "", &out); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("a stage that is not there: %v", err)
	}
}

// completionsOf returns the completions of an evaluation with their settings, by file
// and problem.
func completionsOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	r, err := evaluation.ReadResult(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, b := range r.Benchmarks {
		items, _, err := exam.ReadItems(dir, b)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range items {
			out[b.Items+" "+it.Problem.ID] = fmt.Sprintf("%+v %+v", b.Settings, it)
		}
	}
	return out
}

func TestListOfBenchmarks(t *testing.T) {
	var out strings.Builder
	if err := listBenchmarks(&out); err != nil {
		t.Fatal(err)
	}
	table, elsewhere, _ := strings.Cut(out.String(), "\n\n")
	for line := range strings.Lines(table) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if !strings.Contains(table, "svamp") || strings.Contains(elsewhere, "svamp") || !strings.Contains(elsewhere, "ocw.jsonl: ") {
		t.Errorf("list:\n%s", out.String())
	}
}
