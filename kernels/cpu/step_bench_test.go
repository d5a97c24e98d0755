package cpu

import (
	"testing"

	"github.com/octorl/octorl/kernels"
)

// BenchmarkStep is a training step of four layers on 1024 rows, with the
// operations that a policy of 1M weights makes.
func BenchmarkStep(bb *testing.B) {
	b := newBench(bb)
	const n, c, f, v, layers, length = 1024, 128, 384, 1024, 4, 256
	h := kernels.Heads{Query: 4, KeyValue: 2, Width: 32}
	qkvShape := kernels.LinearShape{Rows: n, In: c, Out: h.QKV()}
	outShape := kernels.LinearShape{Rows: n, In: h.Out(), Out: c}
	upShape := kernels.LinearShape{Rows: n, In: c, Out: 2 * f}
	downShape := kernels.LinearShape{Rows: n, In: f, Out: c}
	const perLayer = c*256 + c*c + 3*c*f
	size := v*c + layers*perLayer
	weights, grads := b.random(size), b.random(size)
	b.Fill(weights, 0.01)
	at := func(arena kernels.Buffer, layer, from, n int) kernels.Buffer {
		from += v*c + layer*perLayer
		return arena.Slice(from, from+n)
	}
	x, y, normed, rstd, gain, dGain := b.random(n*c), b.random(n*c), b.random(n*c), b.random(n), b.random(c), b.random(c)
	qkv, dqkv, attended, lse := b.random(n*h.QKV()), b.random(n*h.QKV()), b.random(n*h.Out()), b.random(n*h.Query)
	gateUp, dGateUp, hidden := b.random(2*n*f), b.random(2*n*f), b.random(n*f)
	ids := b.ints(n, func(i int) int { return i * 7 % v })
	positions := b.ints(n, func(i int) int { return i % length })
	fields := kernels.SegmentInts(nil, []kernels.Segment{
		{Len: length}, {Start: 256, Len: length}, {Start: 512, Len: length}, {Start: 768, Len: length},
	})
	segments := b.ints(len(fields), func(i int) int { return int(fields[i]) })
	frequencies, norm, hyper := b.random(16), b.random(1), b.random(3)
	head := kernels.HeadArgs{
		Channels: c, Hidden: normed, Weight: weights.Slice(0, v*c), Temperature: 1, Rows: b.ints(n, func(i int) int { return i }),
		Targets: ids, LogProb: b.random(n), Entropy: b.random(n), Coef: b.random(n), DHidden: y, DWeight: grads.Slice(0, v*c),
	}
	adam := kernels.AdamWArgs{Weights: weights, Master: weights, Grads: grads, M: b.random(size), V: b.random(size),
		Norm: norm, Hyper: hyper, MaxNorm: 1, Eps: 1}
	forward := func(l int) {
		b.AddNorm(x, normed, rstd, x, y, gain, 1e-5)
		b.Linear(qkvShape, qkv, normed, at(weights, l, 0, c*256), nil)
		b.Rope(h, qkv, positions, frequencies, false)
		b.Attend(h, attended, lse, qkv, segments)
		b.Linear(outShape, y, attended, at(weights, l, c*256, c*c), nil)
		b.AddNorm(x, normed, rstd, x, y, gain, 1e-5)
		b.Linear(upShape, gateUp, normed, at(weights, l, c*256+c*c, 2*c*f), nil)
		b.SwiGLU(hidden, gateUp, f)
		b.Linear(downShape, y, hidden, at(weights, l, c*256+c*c+2*c*f, c*f), nil)
	}
	backward := func(l int) {
		b.SwiGLU(hidden, gateUp, f)
		b.LinearGradWeight(downShape, at(grads, l, c*256+c*c+2*c*f, c*f), nil, y, hidden)
		b.LinearGradInput(downShape, hidden, y, at(weights, l, c*256+c*c+2*c*f, c*f))
		b.SwiGLUGrad(dGateUp, nil, hidden, gateUp, f)
		b.AddNorm(x, normed, rstd, x, nil, gain, 1e-5)
		b.LinearGradWeight(upShape, at(grads, l, c*256+c*c, 2*c*f), nil, dGateUp, normed)
		b.LinearGradInput(upShape, normed, dGateUp, at(weights, l, c*256+c*c, 2*c*f))
		b.AddNormGrad(y, dGain, normed, x, gain, rstd)
		b.LinearGradWeight(outShape, at(grads, l, c*256, c*c), nil, y, attended)
		b.LinearGradInput(outShape, attended, y, at(weights, l, c*256, c*c))
		b.AttendGrad(h, dqkv, attended, attended, lse, qkv, segments)
		b.Rope(h, dqkv, positions, frequencies, true)
		b.AddNorm(x, normed, rstd, x, nil, gain, 1e-5)
		b.LinearGradWeight(qkvShape, at(grads, l, 0, c*256), nil, dqkv, normed)
		b.LinearGradInput(qkvShape, normed, dqkv, at(weights, l, 0, c*256))
		b.AddNormGrad(y, dGain, normed, x, gain, rstd)
	}
	b.measure(6*n*float64(size), func() {
		b.Fill(grads, 0)
		b.Embed(x, weights.Slice(0, v*c), ids)
		for l := range layers {
			forward(l)
		}
		b.AddNorm(x, normed, rstd, x, y, gain, 1e-5)
		b.Head(head)
		for l := range layers {
			backward(layers - 1 - l)
		}
		b.EmbedGrad(grads.Slice(0, v*c), y, ids)
		b.SquaredNorm(norm, grads)
		b.Upload(hyper, []float32{1e-6, 1, 1})
		b.AdamW(adam)
	})
}
