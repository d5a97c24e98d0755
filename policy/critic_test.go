package policy

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/kernels/cpu"
)

// newCritic returns a critic whose values depend on all tokens before them.
func newCritic(t *testing.T, cfg Config, seed uint64) *Policy {
	t.Helper()
	cfg.ValueHead = true
	return newPolicy(t, cfg, seed)
}

func readValues(t *testing.T, ps *Pass) []float32 {
	t.Helper()
	values := make([]float32, ps.Value.Len())
	ps.policy.dev.Download(values, ps.Value)
	if err := ps.policy.dev.Wait(ps.policy.dev.Mark()); err != nil {
		t.Fatal(err)
	}
	return values
}

func TestCriticStartsFromThePolicyWithoutValues(t *testing.T) {
	for _, cfg := range tinyConfigs() {
		p := newPolicy(t, cfg, 61)
		c, err := p.NewCritic()
		if err != nil {
			t.Fatal(err)
		}
		weights, err := p.ReadWeights()
		if err != nil {
			t.Fatal(err)
		}
		values, err := c.ReadWeights()
		if err != nil {
			t.Fatal(err)
		}
		copied := 0
		for _, x := range c.Tensors() {
			got := values[x.Offset : x.Offset+x.numElements()]
			i := slices.IndexFunc(p.Tensors(), func(of Tensor) bool { return of.Name == x.Name })
			if i < 0 {
				if x.Name != "score.weight" || !slices.Equal(x.Shape, []int{1, cfg.Hidden}) || slices.Max(got) != 0 || slices.Min(got) != 0 {
					t.Errorf("%s: tensor %s of shape %v, values %v", cfg.Architecture, x.Name, x.Shape, got)
				}
				continue
			}
			from := p.Tensors()[i].Offset
			if !slices.Equal(got, weights[from:from+len(got)]) {
				t.Errorf("%s: tensor %s is not the policy's", cfg.Architecture, x.Name)
			}
			copied++
		}
		heads := len(p.Tensors()) - copied // lm_head.weight where it is not tied
		if want := map[bool]int{false: 1}[cfg.TieEmbeddings]; heads != want {
			t.Errorf("%s: %d tensors of the policy were not copied, want %d", cfg.Architecture, heads, want)
		}
		c.Free()
	}
}

func TestValuesAreIndependentOfPacking(t *testing.T) {
	for _, cfg := range tinyConfigs() {
		c := newCritic(t, cfg, 62)
		together, alone := newPass(t, c, testLimits), newPass(t, c, PassLimits{Tokens: 32, Segments: 1, Predictions: 32})
		groups := testGroups(cfg.Vocab)
		together.Values(PackGroups(groups))
		values := readValues(t, together)
		for _, g := range groups {
			for _, completion := range g.Completions {
				alone.Values(PackDocuments([][]int32{slices.Concat(g.Prompt, completion)}))
				n := len(completion)
				if v := readValues(t, alone); !slices.Equal(v[len(v)-n:], values[:n]) {
					t.Errorf("%s: alone %v, in a group %v", cfg.Architecture, v[len(v)-n:], values[:n])
				}
				values = values[n:]
			}
		}
	}
}

// TestCriticGradientFiniteDifferences compares, for every tensor, the length of
// its gradient with the change along it of a sum of values, of which several
// share a row: the first ones after a prompt.
func TestCriticGradientFiniteDifferences(t *testing.T) {
	for _, cfg := range tinyConfigs() {
		c := newCritic(t, cfg, 63)
		if c.dev.Info().Compute != kernels.Float32 {
			t.Skip("differences need weights that are not rounded; TestCriticAgreesWithCPU compares gradients instead")
		}
		ps, g := newPass(t, c, testLimits), newGradients(t, c)
		b := PackGroups(testGroups(cfg.Vocab))
		coef := coefficients(5, len(b.Rows))
		ps.Values(b)
		ps.BackwardValues(g, upload(t, c.dev, coef))
		gradient := readGradients(t, c, g)
		weights, err := c.ReadWeights()
		if err != nil {
			t.Fatal(err)
		}
		sum := func(w []float32) float64 {
			c.SetWeights(w)
			ps.Values(b)
			return dot(coef, readValues(t, ps))
		}
		for _, x := range c.Tensors() {
			from, to := x.Offset, x.Offset+x.numElements()
			want := slope(sum, weights, gradient, from, to)
			got := math.Sqrt(dot(gradient[from:to], gradient[from:to]))
			if !(math.Abs(got-want) < 1e-3*want) {
				t.Errorf("%s of %s: gradient of length %g, the sum rises by %g", x.Name, cfg.Architecture, got, want)
			}
		}
	}
}

func TestCriticAgreesWithCPU(t *testing.T) {
	for _, cfg := range append(tinyConfigs(), wideConfig(Llama, 64)) {
		c := newCritic(t, cfg, 64)
		if c.dev.Info().Compute == kernels.Float32 {
			t.Skip("the device computes as the CPU does")
		}
		host := cpu.Open(cpu.Config{})
		shrink(t, c)
		b := PackGroups(testGroups(cfg.Vocab))
		coef := coefficients(6, len(b.Rows))
		values, gradient := criticOnce(t, c, b, coef)
		q, err := New(host, c.cfg)
		if err != nil {
			t.Fatal(err)
		}
		w, err := c.ReadWeights()
		if err != nil {
			t.Fatal(err)
		}
		q.SetWeights(w)
		wantValues, want := criticOnce(t, q, b, coef)
		off := 1 - cosine(gradient, want)
		t.Logf("%s: values off by at most %.2g, cosine 1 − %.2g", cfg.Architecture, largestError(values, wantValues), off)
		if tolerance := tolerances[c.dev.Info().Compute]; !(largestError(values, wantValues) <= tolerance.logProb && off <= tolerance.gradient) {
			t.Errorf("tolerances are %g and %g", tolerance.logProb, tolerance.gradient)
		}
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	}
}

func criticOnce(t *testing.T, c *Policy, b Batch, coef []float32) (values, gradient []float32) {
	t.Helper()
	ps, g := newPass(t, c, testLimits), newGradients(t, c)
	ps.Values(b)
	ps.BackwardValues(g, upload(t, c.dev, coef))
	return readValues(t, ps), readGradients(t, c, g)
}

func TestSaveLoadCritic(t *testing.T) {
	for _, cfg := range tinyConfigs() {
		c := newCritic(t, cfg, 65)
		dir := save(t, c)
		got, err := LoadCritic(c.dev, dir)
		if err != nil {
			t.Fatal(err)
		}
		w, err := got.ReadWeights()
		if err != nil {
			t.Fatal(err)
		}
		if want, err := c.ReadWeights(); err != nil || !slices.Equal(w, want) {
			t.Errorf("%s: loaded weights differ from the saved ones, %v", cfg.Architecture, err)
		}
		got.Free()
		if err := Inspect(dir).Fault(); err != nil {
			t.Errorf("%s: %v", cfg.Architecture, err)
		}
		if _, err := Load(c.dev, dir); err == nil || !strings.Contains(err.Error(), "is a critic") {
			t.Errorf("%s: loaded as a policy: %v", cfg.Architecture, err)
		}
		dir = save(t, newPolicy(t, cfg, 66))
		if _, err := LoadCritic(c.dev, dir); err == nil || !strings.Contains(err.Error(), "with one label") || !strings.Contains(err.Error(), filepath.Base(dir)) {
			t.Errorf("%s: a policy loaded as a critic: %v", cfg.Architecture, err)
		}
	}
}
