package learner

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func midConfig(microbatchTokens int) MidConfig {
	c := DefaultMidConfig()
	c.MicrobatchTokens = microbatchTokens
	return c
}

// randomDocs returns documents of 2 to 12 tokens.
func randomDocs(r *rand.Rand, n int) [][]int32 {
	docs := make([][]int32, n)
	for i := range docs {
		docs[i] = randomTokens(r, 2+r.IntN(11))
	}
	return docs
}

// Four documents that differ from their second token on cannot be told apart
// before it: the best loss is ln 4 for that token and 0 for the other seven.
func TestMidTrainerReachesTheEntropyOfItsDocuments(t *testing.T) {
	const seed = 3
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	docs := make([][]int32, 4)
	for i := range docs {
		docs[i] = append([]int32{0, int32(i + 1)}, randomTokens(r, 7)...)
	}
	best := math.Log(4) / 8
	trainer := newMid(t, newTiny(t, newDevice(t)), midConfig(64))
	loss := math.Inf(1)
	for step := 1; step <= 150; step++ {
		m, err := trainer.Step(docs, 0.01)
		if err != nil {
			t.Fatal(err)
		}
		if loss = m.Loss; loss < best-1e-4 {
			t.Fatalf("step %d: loss %v is below the entropy %v", step, loss, best)
		}
	}
	if loss > best+0.02 {
		t.Errorf("loss %v after training, want at most %v", loss, best+0.02)
	}
}

func TestMidTrainerGradientIgnoresMicrobatchesAndOrder(t *testing.T) {
	const seed = 5
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	docs := randomDocs(r, 20)
	shuffled := slices.Clone(docs)
	r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	dev := newDevice(t)
	step := func(limit int, docs [][]int32) (MidMetrics, []float32) {
		trainer := newMid(t, newTiny(t, dev), midConfig(limit))
		m, err := trainer.Step(docs, 0)
		if err != nil {
			t.Fatal(err)
		}
		return m, trainer.gradient(t)
	}
	whole, want := step(1000, docs)
	if whole.Microbatches != 1 {
		t.Fatalf("%d microbatches of the whole batch", whole.Microbatches)
	}
	for _, limit := range []int{11, 23, 1000} {
		m, got := step(limit, shuffled)
		if d := distance(got, want); d > gradientTolerance {
			t.Errorf("microbatches of %d: gradient is off by %v of its norm", limit, d)
		}
		if math.Abs(m.Loss-whole.Loss) > 1e-6 || m.Tokens != whole.Tokens {
			t.Errorf("microbatches of %d: loss %v of %d tokens, want %v of %d", limit, m.Loss, m.Tokens, whole.Loss, whole.Tokens)
		}
	}
}

func TestMidTrainerCountsTokens(t *testing.T) {
	trainer := newMid(t, newTiny(t, newDevice(t)), midConfig(4))
	m, err := trainer.Step([][]int32{{1, 2, 3}, {}, {4}, {5, 6}, {1, 2, 3, 4, 5}}, 0.01)
	if err != nil {
		t.Fatal(err)
	}
	// 2 and 1 predictions share a microbatch of 4, the last 4 have their own.
	if m.Documents != 3 || m.Tokens != 7 || m.Microbatches != 2 || m.Skipped || m.GradNorm <= 0 {
		t.Errorf("metrics %+v", m)
	}
}

func TestMidTrainerRefuses(t *testing.T) {
	p := newTiny(t, newDevice(t))
	trainer := newMid(t, p, midConfig(4))
	before := digest(t, p)
	for _, c := range []struct {
		docs [][]int32
		want error
	}{
		{[][]int32{{1, 2}, {1, 2, 3, 4, 5, 6}}, ErrOverBudget},
		{[][]int32{{1}, {}}, ErrNothingToTrain},
		{nil, ErrNothingToTrain},
	} {
		if _, err := trainer.Step(c.docs, 0.01); !errors.Is(err, c.want) {
			t.Errorf("documents %v: error %v, want %v", c.docs, err, c.want)
		}
	}
	if digest(t, p) != before {
		t.Error("a refused batch changed the weights")
	}
	if _, err := NewMidTrainer(p, MidConfig{}); err == nil {
		t.Error("the zero config was accepted")
	}
}

func TestMidTrainerSkipsNotFiniteGradients(t *testing.T) {
	p := newTiny(t, newDevice(t))
	trainer := newMid(t, p, midConfig(16))
	p.Device().Fill(p.Weights().Slice(0, 1), float32(math.NaN()))
	before := digest(t, p)
	m, err := trainer.Step([][]int32{{0, 1, 2}}, 0.01)
	if err != nil {
		t.Fatal(err)
	}
	if !m.Skipped || m.GradNorm != 0 || trainer.Optimizer().Updates() != 0 || digest(t, p) != before {
		t.Errorf("an update was made from a gradient that is not finite: %+v", m)
	}
}

// A step is queued before the one before is finished: metrics and weights are those
// of steps made in turn.
func TestStepsQueuedAheadAreTheSame(t *testing.T) {
	const seed, steps = 9, 7
	t.Log("seed", seed)
	dev := newDevice(t)
	train := func(ahead int) (all []MidMetrics, weights string) {
		r := rand.New(rand.NewPCG(seed, 0))
		p := newTiny(t, dev)
		trainer := newMid(t, p, midConfig(30))
		finish := func() {
			m, err := trainer.Finish()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, m)
		}
		for range steps {
			if err := trainer.Queue(randomDocs(r, 2+r.IntN(9)), 0.01); err != nil {
				t.Fatal(err)
			}
			if len(trainer.queued) > ahead {
				finish()
			}
		}
		for len(trainer.queued) > 0 {
			finish()
		}
		return all, digest(t, p)
	}
	want, weights := train(0)
	got, other := train(1)
	if !slices.Equal(got, want) || other != weights {
		t.Errorf("queued ahead: %+v, digest %.12s\nin turn: %+v, %.12s", got, other, want, weights)
	}
}
