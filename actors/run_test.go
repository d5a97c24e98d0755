package actors

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/internal/devicetest"
)

// tiny is a whole run in about a second: text, two RL stages, evaluation.
const tiny = `
name: tiny
seed: 7
policy:
  shape: {layers: 1, hidden: 32, heads: 2, kvHeads: 1, headWidth: 16, ffn: 48, maxPositions: 160}
tokenizer: {vocab: 300, trainBytes: 20000}
generator: {levels: [1], boxedShare: 1}
stages:
  - name: text
    train: {tokens: 3072, batchTokens: 256, maxDocumentTokens: 64, mixture: {qa-short: 1}}
    optimizer: {lr: 1e-2, schedule: cosine}
  - name: rl
    from: text
    rl:
      steps: 5
      groupsPerStep: 6
      samples: 4
      levels: [1]
      maxResponseTokens: [{fromStep: 0, tokens: 8}, {fromStep: 2, tokens: 12}]
      entropy: 0.01
      evaluateEvery: 2
    optimizer: {lr: 1e-2}
evaluation: {benchmarks: [generated-1], limit: 8, sampledProblems: 2, n: 4, k: [1, 4], maxTokens: 12}
checkpoint: {everySteps: 2, keep: 2}
`

func tinyRecipe(t *testing.T) *config.Recipe {
	t.Helper()
	r, err := config.Parse("tiny.yaml", []byte(tiny))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// options runs in a directory on a device of its own.
func options(t *testing.T, dir string) Options {
	t.Helper()
	return Options{Directory: dir, Device: devicetest.Open(t), Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel)}
}

// finish runs a recipe to its end and returns the digests of its stages.
func finish(t *testing.T, r *config.Recipe, o Options) map[string]string {
	t.Helper()
	results, err := Run(t.Context(), r, o)
	if err != nil {
		t.Fatal(err)
	}
	return results.Digests
}

var (
	referenceOnce    sync.Once
	referenceDigests map[string]string
)

// reference are the digests of the tiny run with one rollout in one process.
func reference(t *testing.T) map[string]string {
	t.Helper()
	referenceOnce.Do(func() { referenceDigests = finish(t, tinyRecipe(t), options(t, t.TempDir())) })
	if d := referenceDigests; len(d) != 2 || d["text"] == d["rl"] {
		t.Fatalf("digests %v: the stages did not train", d)
	}
	return referenceDigests
}

// TestPlacementChangesNothing is invariant 2: neither the number of rollouts nor
// other nodes change the weights.
func TestPlacementChangesNothing(t *testing.T) {
	t.Parallel()
	want := reference(t)
	for _, rollouts := range []int{2, 5} {
		r := tinyRecipe(t)
		r.Scale.Rollouts, r.Scale.Verifiers = rollouts, 2
		if got := finish(t, r, options(t, t.TempDir())); !maps.Equal(got, want) {
			t.Errorf("%d rollouts: digests %v, want %v", rollouts, got, want)
		}
	}
}

// TestJoinedNodeSharesTheWork joins a second node over TCP, with weights of its
// own, to a run that has no rollouts itself: all groups are the node's.
func TestJoinedNodeSharesTheWork(t *testing.T) {
	t.Parallel()
	if got, want := finishElsewhere(t, tinyRecipe(t)), reference(t); !maps.Equal(got, want) {
		t.Errorf("digests %v, want %v", got, want)
	}
}

// finishElsewhere is finish for a run whose rollouts and verifiers are all in a
// node that joins over TCP.
func finishElsewhere(t *testing.T, r *config.Recipe) map[string]string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	node := make(chan error, 1)
	head := options(t, t.TempDir())
	worker := options(t, "")
	head.Listen = "127.0.0.1:0"
	head.Lead = true
	head.Joinable = func(url string) {
		worker.URL = url
		go func() {
			node <- Join(ctx, JoinOptions{Options: worker, Node: "worker", Rollouts: 2, Verifiers: 1})
		}()
	}
	digests := finish(t, r, head)
	if err := <-node; err != nil {
		t.Errorf("the node ended with: %v", err)
	}
	return digests
}

// TestStopAndResume is invariant 4: a run that is stopped again and again, at
// whatever moment, ends with the weights of one that is not.
func TestStopAndResume(t *testing.T) {
	t.Parallel()
	want := reference(t)
	dir := t.TempDir()
	for stops := 0; ; stops++ {
		ctx, cancel := context.WithCancel(t.Context())
		o := options(t, dir)
		var seen atomic.Int64
		o.Watch = func(body any) {
			if _, ok := body.(message.MetricsReported); ok && seen.Add(1) == int64(1+stops%3) {
				cancel()
			}
		}
		results, err := Run(ctx, tinyRecipe(t), o)
		cancel()
		if errors.Is(err, ErrStopped) {
			if stops > 30 {
				t.Fatal("the run makes no progress between stops")
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if stops < 3 {
			t.Errorf("the run was stopped only %d times", stops)
		}
		if !maps.Equal(results.Digests, want) {
			t.Errorf("after %d stops: digests %v, want %v", stops, results.Digests, want)
		}
		break
	}
	checkMetrics(t, dir)
}

// checkMetrics expects each step and each evaluation of each stage once and in
// order, and a first ratio of exactly 1 in every RL step.
func checkMetrics(t *testing.T, dir string) {
	t.Helper()
	next := map[string]int{"text": 1, "rl": 1}
	evaluated := map[string][]int{}
	err := readRecord(filepath.Join(dir, "metrics.jsonl"), func(line []byte) error {
		m := decodeMetrics(t, line)
		if m.Kind == kindEvaluation {
			evaluated[m.Stage] = append(evaluated[m.Stage], m.Step)
			return nil
		}
		if m.Step != next[m.Stage] {
			t.Errorf("stage %s: step %d recorded where %d was due", m.Stage, m.Step, next[m.Stage])
		}
		next[m.Stage] = m.Step + 1
		if d := m.Values["ratio_deviation_first"]; m.Kind == kindRL && d != 0 {
			t.Errorf("step %d: the first ratio deviates by %g", m.Step, d)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if next["text"] != 13 || next["rl"] != 6 {
		t.Errorf("recorded up to %v", next)
	}
	if text, rl := evaluated["text"], evaluated["rl"]; !slices.Equal(text, []int{12}) || !slices.Equal(rl, []int{0, 2, 4, 5}) {
		t.Errorf("evaluations of text at %v, of rl at %v", text, rl)
	}
}

// TestDamagedCheckpoint damages the newest checkpoint of a stopped run: the one
// before is used, and the run ends as if nothing had been.
func TestDamagedCheckpoint(t *testing.T) {
	t.Parallel()
	want := reference(t)
	dir := t.TempDir()
	stopAfter(t, dir, "text", 5)
	d := &directory{root: dir}
	steps := d.steps("text")
	if len(steps) < 2 {
		t.Fatalf("checkpoints of steps %v, want two", steps)
	}
	path := filepath.Join(d.checkpoint("text", steps[0]), "model.safetensors")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := finish(t, tinyRecipe(t), options(t, dir)); !maps.Equal(got, want) {
		t.Errorf("digests %v, want %v", got, want)
	}
}

// stopAfter runs the tiny recipe until a step of a stage has been reported.
func stopAfter(t *testing.T, dir, stage string, step int) {
	t.Helper()
	stopAt(t, dir, stage, step, "")
}

// stopAt does so on the bus at url.
func stopAt(t *testing.T, dir, stage string, step int, url string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := options(t, dir)
	o.URL = url
	o.Watch = func(body any) {
		if m, ok := body.(message.MetricsReported); ok && m.Stage == stage && m.Step == step {
			cancel()
		}
	}
	if _, err := Run(ctx, tinyRecipe(t), o); !errors.Is(err, ErrStopped) {
		t.Fatalf("stopping at step %d of %s: %v", step, stage, err)
	}
}

// TestFinishedRun deletes what a finished run can make again: it is made again,
// and nothing else is done.
func TestFinishedRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := finish(t, tinyRecipe(t), options(t, dir))
	d := &directory{root: dir}
	for _, path := range []string{d.report(), d.evaluation("rl")} {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		if got := finish(t, tinyRecipe(t), options(t, dir)); !maps.Equal(got, want) {
			t.Errorf("without %s: digests %v, want %v", path, got, want)
		}
		if _, err := os.Stat(d.report()); err != nil {
			t.Errorf("without %s: %v", path, err)
		}
	}
	checkMetrics(t, dir)
	if err := os.WriteFile(filepath.Join(d.evaluation("rl"), evaluation.ResultsFile), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Run(t.Context(), tinyRecipe(t), options(t, dir))
	if err == nil || !strings.Contains(err.Error(), "delete it") {
		t.Errorf("a damaged evaluation: %v", err)
	}
}

func TestOtherRecipeIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stopAfter(t, dir, "text", 1)
	r := tinyRecipe(t)
	r.Seed++
	_, err := Run(t.Context(), r, options(t, dir))
	if !errors.Is(err, ErrOtherRecipe) || !strings.Contains(err.Error(), "--out") {
		t.Errorf("another seed in the same directory: %v", err)
	}
	r = tinyRecipe(t)
	r.Scale.Rollouts++
	if _, err := Run(t.Context(), r, options(t, dir)); err != nil {
		t.Errorf("another scale in the same directory: %v", err)
	}
}

func TestDirectoryInUseIsRefused(t *testing.T) {
	dir := t.TempDir()
	d, err := openDirectory(dir, tinyRecipe(t))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := openDirectory(dir, tinyRecipe(t)); !errors.Is(err, ErrInUse) {
		t.Errorf("a locked directory: %v", err)
	}
}

func TestJoinWithoutRun(t *testing.T) {
	o := options(t, "")
	o.URL = "nats://127.0.0.1:1"
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := Join(ctx, JoinOptions{Options: o, Node: "worker"}); err == nil {
		t.Error("joined a bus that is not there")
	}
}
