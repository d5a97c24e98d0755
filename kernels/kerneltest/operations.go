package kerneltest

import (
	"fmt"
	"math"

	"github.com/octorl/octorl/kernels"
)

func (s *suite) transfer() {
	b := s.output(kernels.Float32, 7)
	s.dev.Upload(b, []float32{1, 2, 3})
	s.dev.Fill(b.Slice(3, 7), -4)
	s.same("upload and fill", s.read(b), []float32{1, 2, 3, -4, -4, -4, -4})
	s.dev.Copy(b.Slice(0, 2), b.Slice(2, 4))
	s.same("copy", s.read(b), []float32{3, -4, 3, -4, -4, -4, -4})

	half := s.buffer(kernels.BFloat16, 5)
	s.dev.Upload(half, []float32{1, 1 + 1.0/256, 1 + 3.0/256, -3, float32(math.Inf(1))})
	want := []float32{1, 1, 1 + 4.0/256, -3, float32(math.Inf(1))} // ties go to even
	s.same("bfloat16", s.read(half), want)
	full := s.output(kernels.Float32, 5)
	s.dev.Copy(full, half)
	s.same("bfloat16 to float32", s.read(full), want)
	back := s.output(kernels.BFloat16, 5)
	s.dev.Copy(back, full)
	s.same("float32 to bfloat16", s.read(back), want)

	i := s.buffer(kernels.Int32, 4)
	s.dev.Upload(i, []int32{5, -6, 1 << 30})
	s.dev.Fill(i.Slice(0, 1), -1)
	if got := fmt.Sprint(s.readInts(i)); got != "[-1 -6 1073741824 0]" {
		s.Errorf("integers: %s", got)
	}
}

func (s *suite) embed() {
	const v, c = 11, 19
	table, tableOf := s.input(s.compute, v*c)
	ids := s.below(40, v)
	out := s.output(s.compute, len(ids)*c)
	s.dev.Embed(out, table, s.ints(ids))
	dOut, dOutOf := s.input(s.compute, len(ids)*c)
	dTable, want := s.input(kernels.Float32, v*c)
	s.dev.EmbedGrad(dTable, dOut, s.ints(ids))
	var rows []float64
	for n, id := range ids {
		for i := range c {
			rows = append(rows, tableOf[int(id)*c+i])
			want[int(id)*c+i] += dOutOf[n*c+i]
		}
	}
	s.within("Embed", out, rows, 0)
	s.near("EmbedGrad", dTable, want)
}

// embedRepeats has many rows for few ids: their sums are long, and each must be
// what it is without the other ids.
func (s *suite) embedRepeats() {
	const v, c, n = 700, 24, 3000
	ids := s.below(n, 3)
	for i := range ids {
		if s.rng.IntN(2) == 0 {
			ids[i] = int32(s.rng.IntN(v))
		}
	}
	dOut, dOutOf := s.input(s.compute, n*c)
	dTable, want := s.input(kernels.Float32, v*c)
	before := s.read(dTable)
	s.dev.EmbedGrad(dTable, dOut, s.ints(ids))
	var alone []float32 // rows of id 1
	for i, id := range ids {
		for j := range c {
			want[int(id)*c+j] += dOutOf[i*c+j]
		}
		if id == 1 {
			alone = append(alone, narrow(dOutOf[i*c:(i+1)*c])...)
		}
	}
	s.near("EmbedGrad of repeats", dTable, want)
	one, _ := s.floats(kernels.Float32, before)
	rows, _ := s.floats(s.compute, alone)
	only := make([]int32, len(alone)/c)
	for i := range only {
		only[i] = 1
	}
	s.dev.EmbedGrad(one, rows, s.ints(only))
	s.same("EmbedGrad of one id", s.read(one)[c:2*c], s.read(dTable)[c:2*c])
}

// linearShapes have remainders in every dimension, and sums longer than a block.
var linearShapes = []kernels.LinearShape{
	{Rows: 1, In: 1, Out: 1}, {Rows: 1, In: 64, Out: 96}, {Rows: 2, In: 17, Out: 64}, {Rows: 3, In: 40, Out: 33},
	{Rows: 4, In: 31, Out: 16}, {Rows: 5, In: 8, Out: 100}, {Rows: 7, In: 300, Out: 21}, {Rows: 13, In: 600, Out: 47},
	{Rows: 150, In: 33, Out: 70}, {Rows: 301, In: 24, Out: 129}, {Rows: 200, In: 256, Out: 384}, {Rows: 129, In: 264, Out: 136},
}

func (s *suite) linear() {
	for _, l := range linearShapes {
		x, xOf := s.input(s.compute, l.Rows*l.In)
		w, wOf := s.input(s.compute, l.Out*l.In)
		bias, biasOf := s.input(s.compute, l.Out)
		out := s.output(s.compute, l.Rows*l.Out)
		s.dev.Linear(l, out, x, w, nil)
		s.near(fmt.Sprintf("Linear %+v", l), out, linearOf(l, xOf, wOf, nil))
		s.dev.Linear(l, out, x, w, bias)
		s.near(fmt.Sprintf("Linear with bias %+v", l), out, linearOf(l, xOf, wOf, biasOf))

		dy, dyOf := s.input(s.compute, l.Rows*l.Out)
		dx := s.output(s.compute, l.Rows*l.In)
		s.dev.LinearGradInput(l, dx, dy, w)
		back := kernels.LinearShape{Rows: l.Rows, In: l.Out, Out: l.In}
		s.near(fmt.Sprintf("LinearGradInput %+v", l), dx, linearOf(back, dyOf, transpose(wOf, l.In), nil))

		dw, dwOf := s.input(kernels.Float32, l.Out*l.In)
		dBias, dBiasOf := s.input(kernels.Float32, l.Out)
		s.dev.LinearGradWeight(l, dw, dBias, dy, x)
		byRow := kernels.LinearShape{Rows: l.Out, In: l.Rows, Out: l.In}
		sum := linearOf(byRow, transpose(dyOf, l.Out), transpose(xOf, l.In), nil)
		s.near(fmt.Sprintf("LinearGradWeight %+v", l), dw, plus(dwOf, sum))
		for i, v := range dyOf {
			dBiasOf[i%l.Out] += v
		}
		s.near(fmt.Sprintf("LinearGradWeight bias %+v", l), dBias, dBiasOf)
	}
}

// transpose returns the transpose of a matrix with rows of c elements.
func transpose(x []float64, c int) []float64 {
	out, r := make([]float64, len(x)), len(x)/c
	for i, v := range x {
		out[i%c*r+i/c] = v
	}
	return out
}

func (s *suite) addNorm() {
	const eps = 1e-3
	for _, c := range []int{1, 8, 33, 100, 520} {
		n := 1 + s.rng.IntN(9)
		x, xOf := s.input(s.compute, n*c)
		y, yOf := s.input(s.compute, n*c)
		gain, gainOf := s.input(s.compute, c)
		sum, out, rstd := s.output(s.compute, n*c), s.output(s.compute, n*c), s.output(kernels.Float32, n)

		s.dev.AddNorm(sum, out, rstd, x, nil, gain, eps)
		want, wantRstd := normOf(xOf, gainOf, eps)
		s.near("norm", out, want)
		s.near("rstd", rstd, wantRstd)

		s.dev.AddNorm(sum, out, rstd, x, y, gain, eps)
		s.near("sum", sum, plus(xOf, yOf))
		sumOf := widen(s.read(sum))
		want, wantRstd = normOf(sumOf, gainOf, eps)
		s.near("norm of sum", out, want)
		s.near("rstd of sum", rstd, wantRstd)

		dOut, dOutOf := s.input(s.compute, n*c)
		dx, dxOf := s.input(s.compute, n*c)
		dGain, dGainOf := s.input(kernels.Float32, c)
		s.dev.AddNormGrad(dx, dGain, dOut, sum, gain, rstd)
		loss := func() float64 {
			out, _ := normOf(sumOf, gainOf, eps)
			return dot(out, dOutOf)
		}
		s.near("dx", dx, plus(dxOf, slope(sumOf, loss)))
		s.near("dGain", dGain, plus(dGainOf, slope(gainOf, loss)))
		s.dev.AddNorm(x, out, rstd, x, y, gain, eps)
		s.near("sum in place", x, plus(xOf, yOf))
	}
}

// addNormWide has widths of models, whose rows several threads share.
func (s *suite) addNormWide() {
	const eps, n = 1e-5, 37
	for _, c := range []int{320, 768, 1537, 2048, 5120} {
		x, xOf := s.input(s.compute, n*c)
		gain, gainOf := s.input(s.compute, c)
		out, rstd := s.output(s.compute, n*c), s.output(kernels.Float32, n)
		s.dev.AddNorm(nil, out, rstd, x, nil, gain, eps)
		want, r := normOf(xOf, gainOf, eps)
		s.near(fmt.Sprintf("norm of %d", c), out, want)
		s.near(fmt.Sprintf("rstd of %d", c), rstd, r)

		dOut, dOutOf := s.input(s.compute, n*c)
		dx, dxOf := s.input(s.compute, n*c)
		dGain, dGainOf := s.input(kernels.Float32, c)
		s.dev.AddNormGrad(dx, dGain, dOut, x, gain, rstd)
		for row := range n {
			product := 0.0
			for i := range c {
				at := row*c + i
				product += dOutOf[at] * gainOf[i] * xOf[at]
			}
			for i := range c {
				at := row*c + i
				dxOf[at] += r[row] * (dOutOf[at]*gainOf[i] - xOf[at]*r[row]*r[row]*product/float64(c))
				dGainOf[i] += dOutOf[at] * xOf[at] * r[row]
			}
		}
		s.near(fmt.Sprintf("dx of %d", c), dx, dxOf)
		s.near(fmt.Sprintf("dGain of %d", c), dGain, dGainOf)
	}
}

func (s *suite) headNorm() {
	for _, h := range append(headShapes, kernels.Heads{Query: 2, KeyValue: 1, Width: 6}) {
		n := 1 + s.rng.IntN(4)
		a := kernels.HeadNormArgs{Heads: h, Eps: 1e-3}
		var qkvOf, gainOf []float64
		a.QKV, qkvOf = s.input(s.compute, n*h.QKV())
		a.Gain, gainOf = s.input(s.compute, 2*h.Width)
		a.Out, a.Rstd = s.output(s.compute, n*h.QKV()), s.output(kernels.Float32, n*(h.Query+h.KeyValue))
		s.dev.HeadNorm(a)
		want, wantRstd := headNormOf(h, qkvOf, gainOf, 1e-3)
		s.near("HeadNorm", a.Out, want)
		s.near("HeadNorm rstd", a.Rstd, wantRstd)

		back := a
		var dOutOf, dGainOf []float64
		back.DQKV, dOutOf = s.input(s.compute, n*h.QKV())
		back.DGain, dGainOf = s.input(kernels.Float32, 2*h.Width)
		back.Out = nil
		s.dev.HeadNorm(back)
		loss := func() float64 {
			out, _ := headNormOf(h, qkvOf, gainOf, 1e-3)
			return dot(out, dOutOf)
		}
		s.near("HeadNorm dqkv", back.DQKV, slope(qkvOf, loss))
		s.near("HeadNorm dGain", back.DGain, plus(dGainOf, slope(gainOf, loss)))
		a.Out = a.QKV
		s.dev.HeadNorm(a)
		s.near("HeadNorm in place", a.QKV, want)
	}
}

func (s *suite) rope() {
	for _, h := range []kernels.Heads{{Query: 4, KeyValue: 2, Width: 32}, {Query: 3, KeyValue: 3, Width: 6}} {
		positions := append(s.below(6, 500), 0, 3)
		frequencies := make([]float32, h.Width/2)
		for i := range frequencies {
			frequencies[i] = float32(math.Pow(1e4, -2*float64(i)/float64(h.Width)))
		}
		f, fOf := s.floats(kernels.Float32, frequencies)
		qkv, qkvOf := s.input(s.compute, len(positions)*h.QKV())
		s.dev.Rope(h, qkv, s.ints(positions), f, false)
		s.near("Rope", qkv, ropeOf(h, qkvOf, positions, fOf))
		s.dev.Rope(h, qkv, s.ints(positions), f, true)
		s.near("Rope and back", qkv, qkvOf)
	}
}

func (s *suite) swiglu() {
	for _, width := range []int{1, 8, 29, 80} {
		n := 1 + s.rng.IntN(7)
		gateUp, of := s.input(s.compute, 2*n*width)
		out := s.output(s.compute, n*width)
		s.dev.SwiGLU(out, gateUp, width)
		s.near("SwiGLU", out, swigluOf(of, width))
		dOut, dOutOf := s.input(s.compute, n*width)
		dGateUp := s.output(s.compute, 2*n*width)
		s.dev.SwiGLUGrad(dGateUp, nil, dOut, gateUp, width)
		s.near("SwiGLUGrad", dGateUp, slope(of, func() float64 { return dot(swigluOf(of, width), dOutOf) }))
		alone, value := s.read(dGateUp), s.read(out)
		s.dev.Fill(dGateUp, float32(math.NaN()))
		s.dev.SwiGLUGrad(dGateUp, dOut, dOut, gateUp, width)
		s.same("SwiGLUGrad in place", s.read(dGateUp), alone)
		s.same("SwiGLU beside its gradient", s.read(dOut), value)
	}
	// Far out, silu is the identity or zero, and nothing overflows.
	gateUp, _ := s.floats(s.compute, []float32{200, -200, 3, 3})
	out := s.output(s.compute, 2)
	s.dev.SwiGLU(out, gateUp, 2)
	s.near("SwiGLU far out", out, []float64{600, 0})
}
