package policy

import (
	"math"
	"slices"
	"testing"

	"github.com/octorl/octorl/internal/devicetest"
	"github.com/octorl/octorl/kernels"
)

// testGroups returns two groups whose lengths are odd and differ.
func testGroups(vocab int) []PromptCompletions {
	group := func(seed uint64, prompt int, completions ...int) PromptCompletions {
		g := PromptCompletions{Prompt: tokens(seed, prompt, vocab)}
		for i, n := range completions {
			g.Completions = append(g.Completions, tokens(seed+uint64(i)+1, n, vocab))
		}
		return g
	}
	return []PromptCompletions{group(100, 7, 5, 1, 9, 3), group(200, 3, 2, 11, 4, 7)}
}

var testLimits = PassLimits{Tokens: 128, Segments: 16, Predictions: 128, Backward: true}

func TestForwardIsIndependentOfPacking(t *testing.T) {
	for _, cfg := range tinyConfigs() {
		p := newPolicy(t, cfg, 11)
		trained, scoring := newPass(t, p, testLimits), newPass(t, p, PassLimits{Tokens: 32, Segments: 1, Predictions: 32})
		groups := testGroups(cfg.Vocab)
		trained.Forward(PackGroups(groups), 0.8)
		logprob, entropy := mustRead(t, trained)
		for _, g := range groups {
			for _, completion := range g.Completions {
				scoring.Forward(PackDocuments([][]int32{slices.Concat(g.Prompt, completion)}), 0.8)
				l, e := mustRead(t, scoring)
				n := len(completion)
				l, e = l[len(l)-n:], e[len(e)-n:]
				if !slices.Equal(l, logprob[:n]) || !slices.Equal(e, entropy[:n]) {
					t.Errorf("%s: alone %v %v\nin a group %v %v", cfg.Architecture, l, e, logprob[:n], entropy[:n])
				}
				logprob, entropy = logprob[n:], entropy[n:]
			}
		}
	}
}

func TestForwardIsRepeatable(t *testing.T) {
	p := newPolicy(t, tinyConfig(Llama), 12)
	ps, g := newPass(t, p, testLimits), newGradients(t, p)
	groups := testGroups(p.cfg.Vocab)
	ps.Forward(PackGroups(groups), 1)
	first, _ := mustRead(t, ps)
	ps.ForwardBackward(PackGroups(groups[1:]), g, make([]float32, 24))
	ps.Forward(Batch{}, 1)
	ps.Forward(PackGroups(groups), 1)
	if second, _ := mustRead(t, ps); !slices.Equal(first, second) {
		t.Errorf("first %v\nafter another batch %v", first, second)
	}
}

func newGradients(t *testing.T, p *Policy) *Gradients {
	t.Helper()
	g, err := p.NewGradients()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func readGradients(t *testing.T, p *Policy, g *Gradients) []float32 {
	t.Helper()
	out := make([]float32, g.Arena.Len())
	p.dev.Download(out, g.Arena)
	if err := p.dev.Wait(p.dev.Mark()); err != nil {
		t.Fatal(err)
	}
	return out
}

// relativeError returns |a − b| / |b| in the Euclidean norm.
func relativeError(a, b []float32) float64 {
	var difference, norm float64
	for i := range b {
		d := float64(a[i]) - float64(b[i])
		difference += d * d
		norm += float64(b[i]) * float64(b[i])
	}
	return math.Sqrt(difference / norm)
}

func upload(t *testing.T, dev kernels.Device, v []float32) kernels.Buffer {
	t.Helper()
	b, err := dev.Alloc(kernels.Float32, len(v))
	if err != nil {
		t.Fatal(err)
	}
	dev.Upload(b, v)
	return b
}

// coefficients returns n numbers between −1 and 1 that depend on seed.
func coefficients(seed uint64, n int) []float32 {
	c := make([]float32, n)
	for i := range c {
		c[i] = 2*kernels.Uniform(seed, 0, 0, int32(i)) - 1
	}
	return c
}

func TestGradientIsIndependentOfPacking(t *testing.T) {
	p := newPolicy(t, tinyConfig(Qwen2), 13)
	ps := newPass(t, p, testLimits)
	groups := testGroups(p.cfg.Vocab)
	b := PackGroups(groups)
	coef := coefficients(1, len(b.Rows))
	together, apart := newGradients(t, p), newGradients(t, p)
	ps.ForwardBackward(b, together, coef)
	for _, g := range groups {
		for _, completion := range g.Completions {
			b := PackDocuments([][]int32{slices.Concat(g.Prompt, completion)})
			c := make([]float32, len(b.Rows))
			coef = coef[copy(c[len(c)-len(completion):], coef):]
			ps.ForwardBackward(b, apart, c)
		}
	}
	got, want := readGradients(t, p, together), readGradients(t, p, apart)
	for _, x := range p.Tensors() {
		from, to := x.Offset, x.Offset+x.numElements()
		if e := relativeError(got[from:to], want[from:to]); !(e < devicetest.Tolerance(p.dev, 1e-5, 2e-2)) {
			t.Errorf("%s: relative error %g", x.Name, e)
		}
	}
}

func TestBackwardAgreesWithForwardBackward(t *testing.T) {
	p := newPolicy(t, tinyConfig(Llama), 14)
	ps := newPass(t, p, testLimits)
	b := PackGroups(testGroups(p.cfg.Vocab))
	coef := coefficients(2, len(b.Rows))
	fused, split := newGradients(t, p), newGradients(t, p)
	ps.ForwardBackward(b, fused, coef)
	ps.Forward(b, 1)
	split.Zero()
	ps.Backward(split, upload(t, p.dev, coef), nil)
	if got, want := readGradients(t, p, split), readGradients(t, p, fused); !slices.Equal(got, want) {
		t.Errorf("relative error %g, expected equal bits", relativeError(got, want))
	}
	ps.Backward(split, upload(t, p.dev, coef), nil)
	got, want := readGradients(t, p, split), readGradients(t, p, fused)
	for i := range want {
		want[i] *= 2
	}
	if e := relativeError(got, want); !(e < 1e-6) {
		t.Errorf("the second backward does not add: relative error %g", e)
	}
}

// cosine returns that of the angle between a and b.
func cosine(a, b []float32) float64 { return dot(a, b) / math.Sqrt(dot(a, a)*dot(b, b)) }

// TestGradientFiniteDifferences compares, for every tensor, the length of its
// gradient with the change of the loss along it, for a loss of logprobs and
// entropies of packed groups with shared prompts at temperature 0.9.
func TestGradientFiniteDifferences(t *testing.T) {
	for _, cfg := range tinyConfigs() {
		p := newPolicy(t, cfg, 15)
		if p.dev.Info().Compute != kernels.Float32 {
			t.Skip("differences need weights that are not rounded; TestAgreesWithCPU compares gradients instead")
		}
		ps, g := newPass(t, p, testLimits), newGradients(t, p)
		b := PackGroups(testGroups(cfg.Vocab))
		coef, entropyCoef := coefficients(3, len(b.Rows)), coefficients(4, len(b.Rows))
		ps.Forward(b, 0.9)
		ps.Backward(g, upload(t, p.dev, coef), upload(t, p.dev, entropyCoef))
		gradient := readGradients(t, p, g)
		weights, err := p.ReadWeights()
		if err != nil {
			t.Fatal(err)
		}
		loss := func(w []float32) float64 {
			p.SetWeights(w)
			ps.Forward(b, 0.9)
			logprob, entropy := mustRead(t, ps)
			sum := 0.0
			for i := range coef {
				sum += float64(coef[i])*float64(logprob[i]) + float64(entropyCoef[i])*float64(entropy[i])
			}
			return sum
		}
		for _, x := range p.Tensors() {
			from, to := x.Offset, x.Offset+x.numElements()
			want := slope(loss, weights, gradient, from, to)
			got := math.Sqrt(dot(gradient[from:to], gradient[from:to]))
			if !(math.Abs(got-want) < 1e-3*want) {
				t.Errorf("%s of %s: gradient of length %g, the loss rises by %g", x.Name, cfg.Architecture, got, want)
			}
		}
	}
}

// slope returns the derivative of f along the unit vector of direction
// [from, to), by the five-point formula.
func slope(f func([]float32) float64, at, direction []float32, from, to int) float64 {
	const h = 0.005 // truncation and rounding are alike here
	length := math.Sqrt(dot(direction[from:to], direction[from:to]))
	value := func(step float64) float64 {
		w := slices.Clone(at)
		for i := from; i < to; i++ {
			w[i] += float32(step * float64(direction[i]) / length)
		}
		return f(w)
	}
	return (value(-2*h) - 8*value(-h) + 8*value(h) - value(2*h)) / (12 * h)
}

func dot(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func TestPassPanicsBeyondLimits(t *testing.T) {
	p := newPolicy(t, tinyConfig(Llama), 16)
	ps := newPass(t, p, PassLimits{Tokens: 4, Segments: 1, Predictions: 4})
	for name, call := range map[string]func(){
		"tokens":      func() { ps.Forward(PackDocuments([][]int32{make([]int32, 6)}), 1) },
		"segments":    func() { ps.Forward(PackDocuments([][]int32{{1, 2}, {1, 2}}), 1) },
		"lengths":     func() { ps.Forward(Batch{IDs: []int32{1}}, 1) },
		"backward":    func() { ps.ForwardBackward(PackDocuments([][]int32{{1, 2}}), newGradients(t, p), []float32{1}) },
		"coefficient": func() { ps.ForwardBackward(PackDocuments([][]int32{{1, 2}}), newGradients(t, p), nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			call()
		}()
	}
}
