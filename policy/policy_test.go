package policy

import (
	"math"
	"slices"
	"testing"

	"github.com/octorl/octorl/internal/devicetest"
	"github.com/octorl/octorl/kernels"
)

func openDevice(t *testing.T) kernels.Device {
	t.Helper()
	return devicetest.Open(t)
}

// newPolicy returns a policy whose weights are large enough that every token
// depends on all those before it; gains and biases are not the initial ones.
func newPolicy(t *testing.T, cfg Config, seed uint64) *Policy {
	t.Helper()
	p, err := New(openDevice(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("seed %d", seed)
	w := make([]float32, p.NumParameters())
	for _, x := range p.tensors {
		if x.deviation = 0.3; !x.Decay {
			x.deviation = 0.1
		}
		fillNormal(w[x.Offset:x.Offset+x.numElements()], x, 0, seed)
	}
	p.SetWeights(w)
	return p
}

func newPass(t *testing.T, p *Policy, l PassLimits) *Pass {
	t.Helper()
	ps, err := p.NewPass(l)
	if err != nil {
		t.Fatal(err)
	}
	return ps
}

// mustRead returns logprobs and entropies of the last batch of ps.
func mustRead(t *testing.T, ps *Pass) (logprob, entropy []float32) {
	t.Helper()
	logprob, entropy = make([]float32, ps.LogProb.Len()), make([]float32, ps.Entropy.Len())
	if err := ps.Read(logprob, entropy); err != nil {
		t.Fatal(err)
	}
	return logprob, entropy
}

// tokens returns n ids below the vocabulary that depend on seed.
func tokens(seed uint64, n, vocab int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(kernels.Philox(seed, [4]uint32{uint32(i)})[0] % uint32(vocab))
	}
	return ids
}

func TestArenaPlan(t *testing.T) {
	for _, cfg := range tinyConfigs() {
		p, err := New(openDevice(t), cfg)
		if err != nil {
			t.Fatal(err)
		}
		next := 0
		for _, x := range p.Tensors() {
			if x.Offset != next {
				t.Errorf("%s begins at %d, expected %d", x.Name, x.Offset, next)
			}
			if x.Decay != (x.Offset < p.DecayedParameters()) || x.Decay != (len(x.Shape) == 2) {
				t.Errorf("%s of shape %v at %d: decay is %t, %d weights are decayed", x.Name, x.Shape, x.Offset, x.Decay, p.DecayedParameters())
			}
			next += x.numElements()
		}
		if next != p.NumParameters() || p.Weights().Len() != next {
			t.Errorf("tensors take %d, the arena %d", next, p.NumParameters())
		}
	}
}

func TestInitDistribution(t *testing.T) {
	cfg := tinyConfig(Qwen2)
	cfg.Hidden, cfg.FFN, cfg.Layers = 100, 160, 8 // 1/sqrt(100) = 0.1, a quarter of it where projected back
	p, err := New(openDevice(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	p.Init(7)
	w, err := p.ReadWeights()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]struct{ mean, deviation float64 }{
		"model.embed_tokens.weight":              {0, 0.1},
		"lm_head.weight":                         {0, 0.1},
		"model.layers.3.mlp.up_proj.weight":      {0, 0.1},
		"model.layers.3.mlp.down_proj.weight":    {0, 0.025}, // 0.1/sqrt(2·8)
		"model.layers.0.self_attn.o_proj.weight": {0, 0.025},
		"model.layers.0.self_attn.q_proj.bias":   {0, 0},
		"model.layers.0.input_layernorm.weight":  {1, 0},
		"model.norm.weight":                      {1, 0},
	}
	for _, x := range p.Tensors() {
		expected, ok := want[x.Name]
		if !ok {
			continue
		}
		values := w[x.Offset : x.Offset+x.numElements()]
		n, mean, square := float64(len(values)), 0.0, 0.0
		for _, v := range values {
			mean += float64(v) / n
		}
		for _, v := range values {
			square += (float64(v) - mean) * (float64(v) - mean) / n
		}
		deviation := math.Sqrt(square)
		// Five standard errors of each estimate, and rounding.
		if math.Abs(mean-expected.mean) > 5*expected.deviation/math.Sqrt(n)+1e-9 ||
			math.Abs(deviation-expected.deviation) > 5*expected.deviation/math.Sqrt(2*n)+1e-9 {
			t.Errorf("%s: mean %g, deviation %g over %g weights; expected %v", x.Name, mean, deviation, n, expected)
		}
		delete(want, x.Name)
	}
	if len(want) != 0 {
		t.Errorf("not seen: %v", want)
	}
}

func TestInitDependsOnSeedOnly(t *testing.T) {
	digest := func(seed uint64) string {
		p, err := New(openDevice(t), tinyConfig(Llama))
		if err != nil {
			t.Fatal(err)
		}
		p.Init(seed)
		w, err := p.ReadWeights()
		if err != nil {
			t.Fatal(err)
		}
		return Digest(w)
	}
	first, again := digest(1), digest(1)
	if first != again {
		t.Error("the same seed gives different weights")
	}
	if first == digest(2) {
		t.Error("different seeds give the same weights")
	}
}

func TestDigest(t *testing.T) {
	// printf '\0\0\200\077\0\0\0\300' | sha256sum: 1 and −2 in little-endian bytes.
	const want = "ee4ac73c2bd27756ab82780f27c73a7bc4d3f0bb6acb37e008bc27eccd7e588b"
	if got := Digest([]float32{1, -2}); got != want {
		t.Errorf("digest %s, expected %s", got, want)
	}
}

func TestSetWeightsRoundTrip(t *testing.T) {
	p := newPolicy(t, tinyConfig(Llama), 3)
	w, err := p.ReadWeights()
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(w)
	p.SetWeights(w)
	got, err := p.ReadWeights()
	if err != nil || !slices.Equal(got, w) {
		t.Errorf("weights differ after SetWeights, error %v", err)
	}
}

func TestNewRefusesInvalidConfig(t *testing.T) {
	if _, err := New(openDevice(t), Config{}); err == nil {
		t.Error("the zero config was accepted")
	}
}
