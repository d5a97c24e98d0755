package config

import "testing"

func TestDerivedNumbers(t *testing.T) {
	r := mustParse(t, small)
	base, rl := r.Stages[0], r.Stages[1]
	for _, c := range []struct {
		what      string
		got, want int64
	}{
		{"steps of 5000 tokens in batches of 2048", int64(base.NumSteps()), 3},
		{"tokens of 3 batches", base.NumTrainTokens(), 6144},
		{"tokens of the run", r.NumTrainTokens(), 6144},
		{"trajectories of 4 steps, 8 groups, 4 samples", rl.NumTrajectories(), 128},
		{"trajectories of the run", r.NumTrajectories(), 128},
		{"updates, 2 a step", int64(rl.NumUpdates()), 8},
		{"completion tokens, 3 steps of 16 and 1 of 32, 32 each", rl.MaxCompletionTokens(), 32 * (3*16 + 32)},
		{"cap in step 2", int64(rl.RL.ResponseCap(2)), 16},
		{"cap in step 3", int64(rl.RL.ResponseCap(3)), 32},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.what, c.got, c.want)
		}
	}
}

// Counted by hand: embedding 10·4, then a block of q 4·(2·2), k and v
// 2·4·(1·2), o (2·2)·4, feed-forward 3·4·6, two gains of 4, and the last gain.
func TestNumParameters(t *testing.T) {
	s := Shape{Layers: 1, Hidden: 4, Heads: 2, KVHeads: 1, HeadWidth: 2, FFN: 6, TieEmbeddings: true}
	const want = 40 + 16 + 16 + 16 + 72 + 8 + 4
	if got := s.NumParameters(10); got != want {
		t.Errorf("tied: %d parameters, want %d", got, want)
	}
	s.TieEmbeddings = false
	if got := s.NumParameters(10); got != want+40 {
		t.Errorf("untied: %d parameters, want %d", got, want+40)
	}
}

func TestShortenKeepsTheRecipeValid(t *testing.T) {
	r := mustParse(t, small)
	r.Shorten(2)
	for _, s := range r.Stages {
		if s.NumSteps() != 2 {
			t.Errorf("stage %s has %d steps, want 2", s.Name, s.NumSteps())
		}
	}
	if r.Evaluation.Limit > 16 || r.Evaluation.N > 4 {
		t.Errorf("evaluation %+v is not short", r.Evaluation)
	}
	if err := r.Validate(); err != nil {
		t.Error(err)
	}
	r.Shorten(5)
	if n := r.Stages[1].NumSteps(); n != 2 {
		t.Errorf("shortening to 5 made %d steps of 2", n)
	}
}
