package rollout

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/octorl/octorl/internal/devicetest"
	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/rollout/trajectory"
)

const vocabulary = 12

// tinyPolicy returns a policy of two layers with shared key heads.
func tinyPolicy(t *testing.T, seed uint64) *policy.Policy {
	t.Helper()
	device := devicetest.Open(t)
	p, err := policy.New(device, policy.Config{
		Architecture: policy.Llama, Vocab: vocabulary, Hidden: 16, Layers: 2, FFN: 24,
		Heads:        kernels.Heads{Query: 4, KeyValue: 2, Width: 4},
		MaxPositions: 64, NormEps: 1e-5, Rope: policy.Rope{Theta: 10000},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Free)
	p.Init(seed)
	// Initial weights are small: larger ones make distributions that differ from
	// uniform ones and from each other.
	w, err := p.ReadWeights()
	if err != nil {
		t.Fatal(err)
	}
	for i := range w {
		w[i] *= 8
	}
	p.SetWeights(w)
	return p
}

// generate returns the groups of the requests from an engine of p.
func generate(t *testing.T, p *policy.Policy, c Config, requests []Request) []trajectory.Group {
	t.Helper()
	e, err := New(p, c)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Free()
	var groups []trajectory.Group
	for _, r := range requests {
		r.Done = func(g trajectory.Group, err error) {
			if err != nil {
				t.Error(err)
			}
			groups = append(groups, g)
		}
		if err := e.Submit(r); err != nil {
			t.Fatal(err)
		}
	}
	e.Drain()
	if err := e.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	checkIdle(t, e)
	return groups
}

// recompute returns the logprobs of b's predictions in a full pass.
func recompute(t *testing.T, p *policy.Policy, b policy.Batch, temperature float32) []float32 {
	t.Helper()
	pass, err := p.NewPass(policy.PassLimits{Tokens: len(b.IDs), Segments: len(b.Segments), Predictions: len(b.Rows)})
	if err != nil {
		t.Fatal(err)
	}
	defer pass.Free()
	pass.Forward(b, temperature)
	logprobs := make([]float32, len(b.Rows))
	if err := pass.Read(logprobs, nil); err != nil {
		t.Fatal(err)
	}
	return logprobs
}

func packGroup(g trajectory.Group) policy.Batch {
	completions := make([][]int32, len(g.Trajectories))
	for i, t := range g.Trajectories {
		completions[i] = t.Completion
	}
	return policy.PackGroups([]policy.PromptCompletions{{Prompt: g.Prompt, Completions: completions}})
}

// What the engine says of a token is what a full pass says of it, bit for bit:
// with pages, shared prompts and neighbors, or packed.
func TestBehaviorLogprobsEqualRecomputedOnes(t *testing.T) {
	r, requests := randomRequests(t, 12)
	p := tinyPolicy(t, r.Uint64())
	temperatures := map[string]float32{}
	for i := range requests {
		requests[i].Temperature = 0.5 + float32(i%3)/2
		temperatures[requests[i].ID] = requests[i].Temperature
	}
	for _, g := range generate(t, p, small(), requests) {
		want := recompute(t, p, packGroup(g), temperatures[g.ID])
		for _, tr := range g.Trajectories {
			for i, logprob := range tr.LogProbs {
				if math.Float32bits(logprob) != math.Float32bits(want[i]) {
					t.Fatalf("%s completion %d token %d: behavior logprob %v, recomputed %v", g.ID, tr.Index, i, logprob, want[i])
				}
			}
			want = want[len(tr.LogProbs):]
		}
	}
}

// At temperature 0 each token is the likeliest one, found by asking a full pass
// for the logprob of every token of the vocabulary.
func TestGreedyTakesTheLikeliestToken(t *testing.T) {
	r, requests := randomRequests(t, 6)
	p := tinyPolicy(t, r.Uint64())
	for i := range requests {
		requests[i].Temperature = 0
	}
	for _, g := range generate(t, p, small(), requests) {
		b := packGroup(g)
		drawn := b.Targets
		every := policy.Batch{IDs: b.IDs, Positions: b.Positions, Segments: b.Segments}
		for _, row := range b.Rows {
			for token := range int32(vocabulary) {
				every.Rows = append(every.Rows, row)
				every.Targets = append(every.Targets, token)
			}
		}
		logprobs := recompute(t, p, every, 1)
		for i, token := range drawn {
			all := logprobs[i*vocabulary : (i+1)*vocabulary]
			for other, logprob := range all {
				if logprob > all[token] {
					t.Fatalf("%s: token %d of logprob %v was taken, and %d has %v", g.ID, token, all[token], other, logprob)
				}
			}
		}
	}
}

// The same requests give the same completions bit for bit in engines of
// different sizes, and sampled tokens occur as often as their logprobs say.
func TestPolicySamplesItsDistribution(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	p := tinyPolicy(t, seed)
	c := small()
	c.Seed, c.EndTokens = seed, nil
	request := Request{ID: "a", Prompt: []int32{3, 1, 4, 1, 5}, Samples: 4000, MaxTokens: 1, Temperature: 1}
	wide := c
	wide.Rows, wide.CacheTokens = 64, 0
	narrow, broad := generate(t, p, c, []Request{request})[0], generate(t, p, wide, []Request{request})[0]
	if !sameTrajectories(narrow.Trajectories, broad.Trajectories) {
		t.Error("5 rows and 64 rows gave different completions")
	}
	every := policy.PackGroups([]policy.PromptCompletions{{Prompt: request.Prompt}})
	counts := [vocabulary]float64{}
	for _, tr := range broad.Trajectories {
		counts[tr.Completion[0]]++
	}
	for token := range int32(vocabulary) {
		every.Rows = append(every.Rows, int32(len(request.Prompt)-1))
		every.Targets = append(every.Targets, token)
	}
	for token, logprob := range recompute(t, p, every, 1) {
		got, want := counts[token]/4000, math.Exp(float64(logprob))
		if bound := 6*math.Sqrt(want*(1-want)/4000) + 1e-3; math.Abs(got-want) > bound {
			t.Errorf("token %d was drawn at a rate of %v, and its probability is %v", token, got, want)
		}
	}
}

func TestNewRefusesLongSequences(t *testing.T) {
	c := small()
	c.SequenceTokens = 65
	if _, err := New(tinyPolicy(t, 1), c); err == nil || !strings.Contains(err.Error(), "SequenceTokens is 65 and the policy's MaxPositions is 64") {
		t.Errorf("got error %v", err)
	}
	c.Rows, c.PageTokens, c.Decode = 0, -1, nil
	_, err := New(tinyPolicy(t, 1), c)
	for _, fault := range []string{"Rows is 0", "PageTokens is -1", "Decode is nil"} {
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("error %v lacks %q", err, fault)
		}
	}
}
