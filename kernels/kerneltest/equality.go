package kerneltest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/octorl/octorl/kernels"
)

// rowsAlike checks that a row's result is the same bit for bit alone, and at
// any place in a batch.
func (s *suite) rowsAlike() {
	gain, _ := s.input(s.compute, 75)
	for _, l := range append(linearShapes, kernels.LinearShape{Rows: 40, In: 75, Out: 150}) {
		w, _ := s.input(s.compute, l.Out*l.In)
		bias, _ := s.input(s.compute, l.Out)
		s.alike(fmt.Sprintf("Linear %+v", l), l.In, l.Out, l.Rows, func(n int, out, x kernels.Buffer) {
			s.dev.Linear(kernels.LinearShape{Rows: n, In: l.In, Out: l.Out}, out, x, w, bias)
		})
		s.alike(fmt.Sprintf("LinearGradInput %+v", l), l.Out, l.In, l.Rows, func(n int, out, x kernels.Buffer) {
			s.dev.LinearGradInput(kernels.LinearShape{Rows: n, In: l.In, Out: l.Out}, out, x, w)
		})
	}
	s.alike("AddNorm", 75, 75, 20, func(n int, out, x kernels.Buffer) {
		s.dev.AddNorm(x, out, s.buffer(kernels.Float32, n), x, nil, gain, 1e-5)
	})
	heads := kernels.Heads{Query: 3, KeyValue: 1, Width: 15}
	s.alike("HeadNorm", 75, 75, 20, func(n int, out, x kernels.Buffer) {
		s.dev.HeadNorm(kernels.HeadNormArgs{Heads: heads, QKV: x, Gain: gain.Slice(0, 30), Eps: 1e-5,
			Out: out, Rstd: s.buffer(kernels.Float32, 4*n)})
	})
	s.alike("SwiGLU", 150, 75, 20, func(_ int, out, x kernels.Buffer) { s.dev.SwiGLU(out, x, 75) })
}

// alike runs op on a batch and on some of its rows, alone and in other company.
func (s *suite) alike(what string, in, out, rows int, op func(n int, out, x kernels.Buffer)) {
	s.Helper()
	_, batch := s.input(s.compute, rows*in)
	run := func(order []int) []float32 {
		var x []float32
		for _, row := range order {
			for _, v := range batch[row*in : (row+1)*in] {
				x = append(x, float32(v))
			}
		}
		from, _ := s.floats(s.compute, x)
		to := s.output(s.compute, len(order)*out)
		op(len(order), to, from)
		return s.read(to)
	}
	whole := run(upTo(rows))
	for n := range min(rows, 9) {
		order := s.rng.Perm(rows)[:n+1]
		var want []float32
		for _, row := range order {
			want = append(want, whole[row*out:(row+1)*out]...)
		}
		s.same(fmt.Sprintf("%s, rows %v", what, order), run(order), want)
	}
}

// segmentsAlike checks that a sequence's attention is the same alone, packed
// with others, and cut into a prefix and the rest.
func (s *suite) segmentsAlike() {
	for _, h := range headShapes {
		const n, before, cut = 90, 7, 41
		_, rows := s.input(s.compute, (before+n)*h.QKV())
		run := func(from int, segs ...kernels.Segment) []float32 {
			var v []float32
			for _, x := range rows[from*h.QKV():] {
				v = append(v, float32(x))
			}
			qkv, _ := s.floats(s.compute, v)
			out := s.output(s.compute, qkv.Len()/h.QKV()*h.Out())
			lse := s.output(kernels.Float32, qkv.Len()/h.QKV()*h.Query)
			s.dev.Attend(h, out, lse, qkv, s.segments(segs))
			return append(s.read(out)[(before-from)*h.Out():], s.read(lse)[(before-from)*h.Query:]...)
		}
		alone := run(before, kernels.Segment{Len: n})
		s.same("packed", run(0, kernels.Segment{Len: before}, kernels.Segment{Start: before, Len: n}), alone)
		s.same("cut", run(before, kernels.Segment{Len: cut}, kernels.Segment{Start: cut, Len: n - cut, PrefixLen: cut}), alone)
	}
}

// weightsFresh checks that Linear sees every way of writing a weight that it
// has read before.
func (s *suite) weightsFresh() {
	l := kernels.LinearShape{Rows: 3, In: 40, Out: 40}
	x, xOf := s.input(s.compute, l.Rows*l.In)
	arena, _ := s.input(s.compute, 10+l.Out*l.In)
	w := arena.Slice(10, 10+l.Out*l.In)
	other, otherOf := s.input(s.compute, l.Out*l.In)
	adam := s.adamCase(l.Out*l.In, 1)
	writes := []struct {
		name  string
		write func()
	}{
		{"nothing", func() {}},
		{"Copy", func() { s.dev.Copy(w, other) }},
		{"Fill of the arena", func() { s.dev.Fill(arena, 0.25) }},
		{"Upload", func() { s.dev.Upload(w, narrow(otherOf)) }},
		{"AdamW", func() {
			adam.Weights = w
			if s.compute == kernels.Float32 {
				adam.Master = w
			}
			s.dev.AdamW(adam.AdamWArgs)
		}},
		{"AddNorm", func() {
			gain, _ := s.input(s.compute, l.In)
			s.dev.AddNorm(nil, w, s.buffer(kernels.Float32, l.Out), other, nil, gain, 1e-5)
		}},
	}
	for _, tt := range writes {
		tt.write()
		out, dx := s.output(s.compute, l.Rows*l.Out), s.output(s.compute, l.Rows*l.In)
		s.dev.Linear(l, out, x, w, nil)
		s.dev.LinearGradInput(l, dx, x, w)
		wOf := widen(s.read(w))
		s.near("Linear after "+tt.name, out, linearOf(l, xOf, wOf, nil))
		s.near("LinearGradInput after "+tt.name, dx, linearOf(l, xOf, transpose(wOf, l.In), nil))
	}
}

func narrow(v []float64) []float32 {
	w := make([]float32, len(v))
	for i, x := range v {
		w[i] = float32(x)
	}
	return w
}

// replay checks that a recorded graph does nothing until replayed, and then
// what the calls do, on the buffers' present contents.
func (s *suite) replay() {
	l := kernels.LinearShape{Rows: 5, In: 20, Out: 20}
	x, _ := s.input(s.compute, l.Rows*l.In)
	w, _ := s.input(s.compute, l.Out*l.In)
	out := s.output(s.compute, l.Rows*l.Out)
	sum := s.buffer(kernels.Float32, l.Out*l.In)
	work := func() {
		s.dev.Linear(l, out, x, w, nil)
		s.dev.LinearGradWeight(l, sum, nil, out, x)
		s.dev.Copy(w, sum)
	}
	start := s.read(w)
	g, err := s.dev.Capture(work)
	if err != nil {
		s.Fatal(err)
	}
	if g.NumOps() < 3 {
		s.Errorf("%d operations recorded, want at least 3", g.NumOps())
	}
	s.same("weights after Capture", s.read(w), start)
	s.dev.Replay(g)
	s.dev.Replay(g)
	replayed := append(s.read(w), s.read(sum)...)
	s.dev.Upload(w, start)
	s.dev.Fill(sum, 0)
	work()
	work()
	s.same("two replays", replayed, append(s.read(w), s.read(sum)...))
}

// severalCallers lets goroutines use the device at once, each with buffers and
// marks of its own; each must find what it would have found alone.
func (s *suite) severalCallers() {
	const callers, rounds = 4, 20
	l := kernels.LinearShape{Rows: 30, In: 64, Out: 64}
	w, _ := s.input(s.compute, l.In*l.Out)
	results := make([][]float32, callers)
	errs := make([]error, callers)
	var group sync.WaitGroup
	for i := range callers {
		x, y := s.buffer(s.compute, l.Rows*l.In), s.buffer(s.compute, l.Rows*l.Out)
		results[i] = make([]float32, y.Len())
		group.Go(func() {
			for round := range rounds {
				s.dev.Fill(x, float32(i+round))
				s.dev.Linear(l, y, x, w, nil)
				s.dev.Download(results[i], y)
				if errs[i] = s.dev.Wait(s.dev.Mark()); errs[i] != nil {
					return
				}
			}
		})
	}
	group.Wait()
	x, y := s.buffer(s.compute, l.Rows*l.In), s.output(s.compute, l.Rows*l.Out)
	for i := range callers {
		if errs[i] != nil {
			s.Fatalf("caller %d: %v", i, errs[i])
		}
		s.dev.Fill(x, float32(i+rounds-1))
		s.dev.Linear(l, y, x, w, nil)
		s.same(fmt.Sprintf("caller %d", i), results[i], s.read(y))
	}
}

func (s *suite) repeatable() {
	seed := s.rng.Uint64()
	s.same("second run", Fingerprint(s.T, s.dev, seed), Fingerprint(s.T, s.dev, seed))
}

// Fingerprint returns the results of operations large enough to be shared out
// among workers, on inputs from a seed. Devices of one Info.Kind must agree bit
// for bit.
func Fingerprint(t *testing.T, dev kernels.Device, seed uint64) []float32 {
	s := newSuite(t, dev, seed)
	s.rng = rand.New(rand.NewPCG(seed, 2))
	const n, c, v = 211, 96, 517
	heads := kernels.Heads{Query: 4, KeyValue: 2, Width: 32}
	segs := []kernels.Segment{{Len: 60}, {Start: 60, Len: 71, PrefixLen: 60}, {Start: 131, Len: 50, PrefixLen: 60}, {Start: 181, Len: 30}}
	var results []float32
	keep := func(b ...kernels.Buffer) {
		for _, b := range b {
			results = append(results, s.read(b)...)
		}
	}
	l := kernels.LinearShape{Rows: n, In: c, Out: heads.QKV()}
	x, _ := s.input(s.compute, n*c)
	w, _ := s.input(s.compute, l.In*l.Out)
	qkv, dqkv, dx := s.output(s.compute, n*l.Out), s.output(s.compute, n*l.Out), s.output(s.compute, n*c)
	dw, dBias := s.buffer(kernels.Float32, l.In*l.Out), s.buffer(kernels.Float32, l.Out)
	out, lse := s.output(s.compute, n*heads.Out()), s.output(kernels.Float32, n*heads.Query)
	s.dev.Linear(l, qkv, x, w, nil)
	s.dev.Attend(heads, out, lse, qkv, s.segments(segs))
	s.dev.AttendGrad(heads, dqkv, out, out, lse, qkv, s.segments(segs))
	s.dev.LinearGradInput(l, dx, dqkv, w)
	s.dev.LinearGradWeight(l, dw, dBias, dqkv, x)
	keep(qkv, out, lse, dqkv, dx, dw, dBias)

	gain, _ := s.input(s.compute, c)
	normed, rstd, dGain := s.output(s.compute, n*c), s.output(kernels.Float32, n), s.buffer(kernels.Float32, c)
	s.dev.AddNorm(x, normed, rstd, x, nil, gain, 1e-5)
	s.dev.AddNormGrad(dx, dGain, normed, x, gain, rstd)
	headGain, _ := s.input(s.compute, 2*heads.Width)
	heading := kernels.HeadNormArgs{Heads: heads, QKV: qkv, Gain: headGain, Eps: 1e-5,
		Out: s.output(s.compute, n*l.Out), Rstd: s.output(kernels.Float32, n*6)}
	s.dev.HeadNorm(heading)
	heading.DQKV, heading.DGain = dqkv, s.buffer(kernels.Float32, 2*heads.Width)
	s.dev.HeadNorm(heading)
	keep(heading.Out, heading.Rstd, dqkv, heading.DGain)
	half := s.output(s.compute, n*c/2)
	s.dev.SwiGLU(half, normed, c/2)
	s.dev.SwiGLUGrad(normed, nil, half, dx, c/2)
	table, ids := s.buffer(kernels.Float32, v*c), s.ints(s.below(n, v))
	s.dev.EmbedGrad(table, dx, ids)
	norm := s.output(kernels.Float32, 1)
	s.dev.SquaredNorm(norm, table)
	keep(dx, dGain, half, normed, table, norm)

	h := s.headCase(n, c, v, 300, 0.9)
	h.Coef, _ = s.input(kernels.Float32, 300)
	h.DHidden, h.DWeight = s.output(s.compute, n*c), s.buffer(kernels.Float32, v*c)
	s.dev.Head(h.HeadArgs)
	a := s.adamCase(v*c, 1)
	s.dev.AdamW(a.AdamWArgs)
	keep(h.LogProb, h.Entropy, h.DHidden, h.DWeight, a.Master, a.M, a.V)
	keep(s.critic(n, c)...)
	return results
}

// critic returns the results of a critic's operations on n rows of c channels.
func (s *suite) critic(n, c int) []kernels.Buffer {
	const predictions = 400
	numbers := func() kernels.Buffer { return s.output(kernels.Float32, predictions) }
	h := kernels.ValueHeadArgs{Rows: s.ints(s.below(predictions, n)), Value: numbers()}
	h.Hidden, _ = s.input(s.compute, n*c)
	h.Weight, _ = s.input(s.compute, c)
	s.dev.ValueHead(h)
	a := kernels.AdvantageArgs{
		Starts: s.ints([]int32{0, 150, 170, predictions}), Value: h.Value, Gamma: 1, Lambda: 0.95, Whiten: true,
		Advantage: numbers(), Return: numbers(),
	}
	a.Reward, _ = s.input(kernels.Float32, 3)
	s.dev.Advantage(a)
	l := kernels.ValueLossArgs{Value: h.Value, Return: a.Return, Clip: 0.2, Coef: numbers(), Stats: s.output(kernels.Float32, kernels.NumValueStats)}
	l.Old, _ = s.input(kernels.Float32, predictions)
	l.Weight, _ = s.input(kernels.Float32, predictions)
	s.dev.ValueLoss(l)
	h.Coef, h.DHidden, h.DWeight = l.Coef, s.output(s.compute, n*c), s.buffer(kernels.Float32, c)
	s.dev.ValueHead(h)
	return []kernels.Buffer{h.Value, a.Advantage, a.Return, l.Coef, l.Stats, h.DHidden, h.DWeight}
}
