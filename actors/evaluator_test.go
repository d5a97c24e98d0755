package actors

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"github.com/octorl/octorl/actors/message"
)

// gate is a scorer that passes a version on once it is told to.
type gate struct {
	scorer
	open  <-chan struct{} // one a version, or closed for all
	began chan standing
}

func (g *gate) score(ctx context.Context, e examine) (examined, error) {
	if g.began != nil {
		g.began <- e.at
	}
	select {
	case <-g.open:
	case <-ctx.Done():
		return examined{}, ctx.Err()
	}
	if g.scorer == nil {
		return examined{at: e.at, final: e.final}, nil
	}
	return g.scorer.score(ctx, e)
}

func (g *gate) free() {
	if g.scorer != nil {
		g.scorer.free()
	}
}

// TestEvaluatorHoldsFewVersions gives an evaluator with a backlog of one more
// versions than it may hold: there is room for the next only when one is scored, and
// scores come in the order of the versions.
func TestEvaluatorHoldsFewVersions(t *testing.T) {
	system := newSystem(zerolog.Nop())
	defer system.Shutdown()
	open := make(chan struct{})
	scored, room := make(chan examined, 8), make(chan reserved, 8)
	g := &gate{open: open, began: make(chan standing, 8)}
	boss := system.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch m := c.Message().(type) {
		case *actor.Started:
			(&crew{}).spawn(c, instanceEvaluator, func() actor.Actor { return &evaluator{scorer: g, backlog: 1} })
		case examined:
			scored <- m
		case reserved:
			room <- m
		case reserve:
			c.Request(c.Children()[0], m)
		case examine:
			c.Send(c.Children()[0], m)
		case listPending:
			c.Forward(c.Children()[0])
		}
	}))
	pending := func() int {
		got, err := system.Root.RequestFuture(boss, listPending{}, leaseTime).Result()
		if err != nil {
			t.Fatal(err)
		}
		return len(got.(pendingVersions).versions)
	}
	at := func(step int) standing { return standing{stage: "rl", step: step} }
	for step := range 4 {
		system.Root.Send(boss, reserve{at: at(step)})
	}
	for step := range 2 {
		if got := <-room; got.at != at(step) {
			t.Fatalf("room for %v, want %v", got.at, at(step))
		}
		system.Root.Send(boss, examine{at: at(step), weights: []float32{1}})
	}
	if n := pending(); n != 2 || len(room) != 0 {
		t.Fatalf("%d versions held, room for %d more", n, len(room))
	}
	for step := range 4 {
		if got := <-g.began; got != at(step) {
			t.Errorf("scoring %v, want %v", got, at(step))
		}
		open <- struct{}{}
		if got := <-scored; got.at != at(step) {
			t.Errorf("scored %v, want %v", got.at, at(step))
		}
		if step < 2 {
			next := <-room
			system.Root.Send(boss, examine{at: next.at, weights: []float32{1}})
		}
	}
	if n := pending(); n != 0 {
		t.Errorf("%d versions held in the end", n)
	}
	system.Root.StopFuture(boss).Wait()
}

// evaluations returns the steps of a stage whose evaluations are on record, in
// their order.
func evaluations(t *testing.T, dir, stage string) []int {
	t.Helper()
	var steps []int
	err := readRecord((&directory{root: dir}).metrics(), func(line []byte) error {
		if m := decodeMetrics(t, line); m.Kind == kindEvaluation && m.Stage == stage {
			steps = append(steps, m.Step)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return steps
}

// TestLearnerDoesNotWaitForEvaluations lets no version be scored before the last
// step of the run has been reported: had the learner waited, it would for ever.
func TestLearnerDoesNotWaitForEvaluations(t *testing.T) {
	t.Parallel()
	r := tinyRecipe(t)
	r.Stage("rl").RL.EvaluateEvery, r.Evaluation.Backlog = 1, 5
	r.Stages = append(r.Stages, *r.Stage("text"), *r.Stage("text")) // whose text is of another order
	r.Stages[2].Name, r.Stages[3].Name, r.Stages[3].From = "more", "most", "more"
	open, dir := make(chan struct{}), t.TempDir()
	o := options(t, dir)
	o.rescore = func(s scorer) scorer { return &gate{scorer: s, open: open} }
	o.Watch = func(body any) {
		if m, ok := body.(message.MetricsReported); ok && m.Kind == kindRL && m.Step == 5 {
			close(open)
		}
	}
	got, want := finish(t, r, o), reference(t)
	if len(got) != 4 || got["text"] != want["text"] || got["rl"] != want["rl"] {
		t.Errorf("digests %v, want %v and two more", got, want)
	}
	if got := evaluations(t, dir, "rl"); !slices.Equal(got, []int{0, 1, 2, 3, 4, 5}) {
		t.Errorf("evaluations of rl at %v", got)
	}
}

// TestEvaluationChangesNothing trains without evaluations and with one of every
// step: the weights are the same.
func TestEvaluationChangesNothing(t *testing.T) {
	t.Parallel()
	for _, every := range []int{0, 1} {
		r := tinyRecipe(t)
		r.Stage("rl").RL.EvaluateEvery, r.Stage("text").Train.EvaluateEvery, r.Evaluation.Backlog = every, 5*every, 1
		dir := t.TempDir()
		if got, want := finish(t, r, options(t, dir)), reference(t); !maps.Equal(got, want) {
			t.Errorf("evaluated every %d steps: digests %v, want %v", every, got, want)
		}
		want := []int{12}
		if every == 1 {
			want = []int{0, 5, 10, 12}
		}
		if got := evaluations(t, dir, "text"); !slices.Equal(got, want) {
			t.Errorf("evaluations of text at %v, want %v", got, want)
		}
	}
}

// values are the metrics of the evaluations of rl, by step.
func values(t *testing.T, dir string) map[int]map[string]float64 {
	t.Helper()
	out := map[int]map[string]float64{}
	err := readRecord((&directory{root: dir}).metrics(), func(line []byte) error {
		if m := decodeMetrics(t, line); m.Kind == kindEvaluation && m.Stage == "rl" {
			out[m.Step] = m.Values
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestUnscoredVersionsAreScoredAfterResume stops a run whose evaluator has not
// scored anything, past the checkpoints that follow the versions: the resumed run
// scores each once, from the weights that it had.
func TestUnscoredVersionsAreScoredAfterResume(t *testing.T) {
	t.Parallel()
	whole, dir := t.TempDir(), t.TempDir()
	finish(t, tinyRecipe(t), options(t, whole))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := options(t, dir)
	o.rescore = func(s scorer) scorer { return &gate{scorer: s, open: nil} }
	o.Watch = func(body any) {
		if m, ok := body.(message.MetricsReported); ok && m.Stage == "rl" && m.Step == 3 {
			cancel()
		}
	}
	if _, err := Run(ctx, tinyRecipe(t), o); !errors.Is(err, ErrStopped) {
		t.Fatalf("stopped run: %v", err)
	}
	d := &directory{root: dir}
	if left, _, err := d.pendingVersions(); err != nil || len(left) == 0 {
		t.Fatalf("nothing was put aside (%v)", err)
	}
	o = options(t, dir)
	var mu sync.Mutex
	times := map[standing]int{}
	o.rescore = func(s scorer) scorer {
		return counted{s, func(at standing) {
			mu.Lock()
			defer mu.Unlock()
			times[at]++
		}}
	}
	finish(t, tinyRecipe(t), o)
	for at, n := range times {
		if n != 1 {
			t.Errorf("%v was scored %d times", at, n)
		}
	}
	checkMetrics(t, dir)
	got, want := values(t, dir), values(t, whole)
	if !maps.EqualFunc(got, want, maps.Equal) {
		t.Errorf("evaluations %v, want %v", got, want)
	}
	checkNothingPending(t, d)
}

// checkNothingPending expects that a finished run keeps nothing aside.
func checkNothingPending(t *testing.T, d *directory) {
	t.Helper()
	if left, err := os.ReadDir(d.pendingFolder()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left aside: %v, %v", left, err)
	}
}

// counted tells of every version that is scored.
type counted struct {
	scorer
	tell func(standing)
}

func (c counted) score(ctx context.Context, e examine) (examined, error) {
	c.tell(e.at)
	return c.scorer.score(ctx, e)
}
