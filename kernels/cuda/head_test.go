//go:build cuda

package cuda

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/octorl/octorl/kernels"
)

// TestHeadChunks runs Head whole and in small chunks. Nothing that belongs to a
// row may change; sums over rows change by rounding.
func TestHeadChunks(t *testing.T) {
	d := open(t)
	const n, c, v, predictions = 50, 40, 517, 301
	rng := rand.New(rand.NewPCG(rand.Uint64(), 1))
	a := kernels.HeadArgs{
		Channels: c, Temperature: 0.9,
		Hidden: normal(t, d, rng, kernels.BFloat16, n*c), Weight: normal(t, d, rng, kernels.BFloat16, v*c),
		Rows: below(t, d, rng, predictions, n), Targets: below(t, d, rng, predictions, v),
		Coef: normal(t, d, rng, kernels.Float32, predictions), EntropyCoef: normal(t, d, rng, kernels.Float32, predictions),
	}
	head := func() [][]float32 {
		a.LogProb, a.Entropy = alloc(t, d, kernels.Float32, predictions), alloc(t, d, kernels.Float32, predictions)
		a.DHidden, a.DWeight = alloc(t, d, kernels.BFloat16, n*c), alloc(t, d, kernels.Float32, v*c)
		d.Fill(a.DHidden, float32(math.NaN()))
		d.Head(a)
		return [][]float32{read(t, d, a.LogProb), read(t, d, a.Entropy), read(t, d, a.DHidden), read(t, d, a.DWeight)}
	}
	whole := head()
	defer func(rows, logits, gradients int) { headRows, logitBytes, dLogitBytes = rows, logits, gradients }(headRows, logitBytes, dLogitBytes)
	headRows, logitBytes, dLogitBytes = 8, 40*4*v, 90*2*v
	cut := head()
	for i, what := range []string{"LogProb", "Entropy", "DHidden", "DWeight"} {
		tolerance := 0.0
		if what == "DWeight" {
			tolerance = 1e-5
		}
		for j, want := range whole[i] {
			if !(math.Abs(float64(cut[i][j]-want)) <= tolerance*(1+math.Abs(float64(want)))) {
				t.Fatalf("%s in chunks: element %d is %g, whole %g", what, j, cut[i][j], want)
			}
		}
	}
}

// TestSampleChunks checks that a token does not depend on the chunk of its row.
func TestSampleChunks(t *testing.T) {
	d := open(t)
	const n, c, v = 45, 32, 20_011
	rng := rand.New(rand.NewPCG(rand.Uint64(), 1))
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(i)
	}
	a := kernels.SampleArgs{
		Channels: c, Seed: rng.Uint64(),
		Hidden: normal(t, d, rng, kernels.BFloat16, n*c), Weight: normal(t, d, rng, kernels.BFloat16, v*c),
		Rows: upload(t, d, rows), Temperatures: alloc(t, d, kernels.Float32, n),
		Keys: below(t, d, rng, 2*n, 1<<30), Positions: below(t, d, rng, n, 1000),
		Tokens: alloc(t, d, kernels.Int32, n), LogProb: alloc(t, d, kernels.Float32, n), Entropy: alloc(t, d, kernels.Float32, n),
	}
	d.Fill(a.Temperatures, 1)
	sample := func() ([]int32, []float32) {
		d.Sample(a)
		tokens := make([]int32, n)
		d.Download(tokens, a.Tokens)
		return tokens, read(t, d, a.LogProb)
	}
	tokens, logProb := sample()
	defer func(rows, logits int) { headRows, logitBytes = rows, logits }(headRows, logitBytes)
	headRows, logitBytes = 7, 1
	cut, cutLogProb := sample()
	for b := range tokens {
		if cut[b] != tokens[b] || cutLogProb[b] != logProb[b] {
			t.Fatalf("row %d in chunks: token %d of logprob %g, whole %d of %g", b, cut[b], cutLogProb[b], tokens[b], logProb[b])
		}
	}
}

func alloc(t *testing.T, d *Device, kind kernels.Type, n int) kernels.Buffer {
	t.Helper()
	b, err := d.Alloc(kind, n)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func normal(t *testing.T, d *Device, rng *rand.Rand, kind kernels.Type, n int) kernels.Buffer {
	t.Helper()
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	b := alloc(t, d, kind, n)
	d.Upload(b, v)
	return b
}

func below(t *testing.T, d *Device, rng *rand.Rand, n, limit int) kernels.Buffer {
	t.Helper()
	v := make([]int32, n)
	for i := range v {
		v[i] = int32(rng.IntN(limit))
	}
	return upload(t, d, v)
}

func upload(t *testing.T, d *Device, v []int32) kernels.Buffer {
	t.Helper()
	b := alloc(t, d, kernels.Int32, len(v))
	d.Upload(b, v)
	return b
}

func read(t *testing.T, d *Device, b kernels.Buffer) []float32 {
	t.Helper()
	v := make([]float32, b.Len())
	d.Download(v, b)
	if err := d.Wait(d.Mark()); err != nil {
		t.Fatal(err)
	}
	return v
}
