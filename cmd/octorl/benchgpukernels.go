package main

import (
	"math/rand/v2"

	"github.com/octorl/octorl/kernels"
)

// kernelBench is an operation with the work it has to do.
type kernelBench struct {
	name         string
	flops, bytes float64 // the fewest: inputs read once, outputs written once
	run          func()
}

// arena hands out buffers for one shape and takes them back together.
type arena struct {
	dev  kernels.Device
	all  []kernels.Buffer
	rng  *rand.Rand
	err  error
	host []float32
}

// buffer returns n elements of type t with normal numbers, repeated where n is
// large, times scale; or nil once memory has run out.
func (a *arena) buffer(t kernels.Type, n int, scale float32) kernels.Buffer {
	if a.err != nil {
		return nil
	}
	b, err := a.dev.Alloc(t, n)
	if err != nil {
		a.err = err
		return nil
	}
	a.all = append(a.all, b)
	if len(a.host) == 0 {
		a.host = make([]float32, 1<<22+3)
		for i := range a.host {
			a.host[i] = float32(a.rng.NormFloat64())
		}
	}
	scaled := a.host
	if scale != 1 {
		scaled = make([]float32, len(a.host))
		for i, v := range a.host {
			scaled[i] = v * scale
		}
	}
	for from := 0; from < n; from += len(scaled) {
		part := scaled[:min(len(scaled), n-from)]
		a.dev.Upload(b.Slice(from, from+len(part)), part)
	}
	return b
}

func (a *arena) ints(v []int32) kernels.Buffer {
	if a.err != nil {
		return nil
	}
	b, err := a.dev.Alloc(kernels.Int32, len(v))
	if err != nil {
		a.err = err
		return nil
	}
	a.all = append(a.all, b)
	a.dev.Upload(b, v)
	return b
}

func (a *arena) free() {
	for _, b := range a.all {
		a.dev.Free(b)
	}
}

// kernels measures the operations of one layer, the head and the optimizer at
// the shape's sizes.
func (b *gpuBench) kernels(s gpuShape) error {
	a := &arena{dev: b.dev, rng: newBenchRand()}
	defer a.free()
	benches := append(b.products(a, s), b.rowKernels(a, s)...)
	benches = append(benches, b.attention(a, s)...)
	benches = append(benches, b.ends(a, s)...)
	benches = append(benches, b.critic(a, s)...)
	if a.err != nil {
		return a.err
	}
	for _, k := range benches {
		if err := b.kernel(s, k); err != nil {
			return err
		}
	}
	return nil
}

// kernel measures one operation, repeated in a graph so that a run takes about
// five milliseconds.
func (b *gpuBench) kernel(s gpuShape, k kernelBench) error {
	limit := max(k.flops/b.report.Rate, k.bytes/b.report.Bandwidth)
	repeats := min(max(int(5e-3/limit), 1), 50)
	g, err := b.dev.Capture(func() {
		for range repeats {
			k.run()
		}
	})
	if err != nil {
		return err
	}
	times, err := b.seconds(func() error {
		b.dev.Replay(g)
		return b.dev.Wait(b.dev.Mark())
	})
	if err != nil {
		return err
	}
	micros := func(q float64) float64 { return quantileOf(times, q) / float64(repeats) * 1e6 }
	r := kernelRate{Shape: s.name, Name: k.name, Micros: micros(0.5), Low: micros(0.25), High: micros(0.75)}
	r.OfLimit = limit * 1e6 / r.Micros
	if k.flops/b.report.Rate > k.bytes/b.report.Bandwidth {
		r.TFLOPs = k.flops / r.Micros / 1e6
	} else {
		r.TBs = k.bytes / r.Micros / 1e6
	}
	b.report.Kernels = append(b.report.Kernels, r)
	return nil
}

// products are the matrix products of a layer, in the three directions.
func (b *gpuBench) products(a *arena, s gpuShape) []kernelBench {
	c, dev := s.config, b.dev
	var all []kernelBench
	for _, p := range []struct {
		name    string
		in, out int
	}{{"qkv", c.Hidden, c.Heads.QKV()}, {"out", c.Heads.Out(), c.Hidden}, {"gate and up", c.Hidden, 2 * c.FFN}, {"down", c.FFN, c.Hidden}} {
		l := kernels.LinearShape{Rows: s.tokens(), In: p.in, Out: p.out}
		x, y := a.buffer(kernels.BFloat16, l.Rows*l.In, 1), a.buffer(kernels.BFloat16, l.Rows*l.Out, 1)
		w, dw := a.buffer(kernels.BFloat16, l.In*l.Out, 0.02), a.buffer(kernels.Float32, l.In*l.Out, 0)
		flops := 2 * float64(l.Rows) * float64(l.In) * float64(l.Out)
		operands := 2 * float64(l.Rows) * float64(l.In+l.Out)
		weight := float64(l.In * l.Out)
		all = append(all,
			kernelBench{"Linear " + p.name, flops, operands + 2*weight, func() { dev.Linear(l, y, x, w, nil) }},
			kernelBench{"LinearGradInput " + p.name, flops, operands + 2*weight, func() { dev.LinearGradInput(l, x, y, w) }},
			kernelBench{"LinearGradWeight " + p.name, flops, operands + 8*weight, func() { dev.LinearGradWeight(l, dw, nil, y, x) }},
		)
	}
	return all
}

// rowKernels are the operations between products.
func (b *gpuBench) rowKernels(a *arena, s gpuShape) []kernelBench {
	c, dev, n := s.config, b.dev, s.tokens()
	half := func(width int) kernels.Buffer { return a.buffer(kernels.BFloat16, n*width, 1) }
	x, y, sum, out := half(c.Hidden), half(c.Hidden), half(c.Hidden), half(c.Hidden)
	gain, dGain := a.buffer(kernels.BFloat16, c.Hidden, 1), a.buffer(kernels.Float32, c.Hidden, 0)
	rstd := a.buffer(kernels.Float32, n, 1)
	gateUp, dGateUp, ffn := half(2*c.FFN), half(2*c.FFN), half(c.FFN)
	qkv := half(c.Heads.QKV())
	positions := a.ints(make([]int32, n))
	frequencies := a.buffer(kernels.Float32, c.Heads.Width/2, 1)
	wide, row := 2*float64(n*c.Hidden), 2*float64(n*c.FFN)
	rotated := 2 * float64(n*(c.Heads.Query+c.Heads.KeyValue)*c.Heads.Width)
	return []kernelBench{
		{"AddNorm", 0, 4 * wide, func() { dev.AddNorm(sum, out, rstd, x, y, gain, 1e-5) }},
		{"AddNormGrad", 0, 4 * wide, func() { dev.AddNormGrad(y, dGain, x, sum, gain, rstd) }},
		{"SwiGLU", 0, 3 * row, func() { dev.SwiGLU(ffn, gateUp, c.FFN) }},
		{"SwiGLUGrad", 0, 6 * row, func() { dev.SwiGLUGrad(dGateUp, ffn, ffn, gateUp, c.FFN) }},
		{"Rope", 0, 2 * rotated, func() { dev.Rope(c.Heads, qkv, positions, frequencies, false) }},
	}
}

// attention is that of whole sequences.
func (b *gpuBench) attention(a *arena, s gpuShape) []kernelBench {
	c, dev, n := s.config, b.dev, s.tokens()
	h := c.Heads
	var segments []kernels.Segment
	for i := range s.sequences {
		segments = append(segments, kernels.Segment{Start: int32(i * s.sequence), Len: int32(s.sequence)})
	}
	table := a.ints(kernels.SegmentInts(nil, segments))
	qkv, dqkv := a.buffer(kernels.BFloat16, n*h.QKV(), 1), a.buffer(kernels.BFloat16, n*h.QKV(), 1)
	out, dOut := a.buffer(kernels.BFloat16, n*h.Out(), 1), a.buffer(kernels.BFloat16, n*h.Out(), 1)
	lse := a.buffer(kernels.Float32, n*h.Query, 1)
	if a.err == nil {
		dev.Attend(h, out, lse, qkv, table) // what the backward pass reads
	}
	flops := 2 * float64(n) * float64(s.sequence) * float64(h.Out()) // two products over a triangle
	bytes := 2 * float64(n*(h.QKV()+h.Out()))
	return []kernelBench{
		{"Attend", flops, bytes, func() { dev.Attend(h, out, lse, qkv, table) }},
		{"AttendGrad", 2.5 * flops, 2*bytes + 2*float64(n*h.Out()), func() { dev.AttendGrad(h, dqkv, dOut, out, lse, qkv, table) }},
	}
}

// ends are embedding, head and optimizer.
func (b *gpuBench) ends(a *arena, s gpuShape) []kernelBench {
	c, dev, n := s.config, b.dev, s.tokens()
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = a.rng.Int32N(int32(c.Vocab))
	}
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(i)
	}
	tokens, order := a.ints(ids), a.ints(rows)
	table, dTable := a.buffer(kernels.BFloat16, c.Vocab*c.Hidden, 0.02), a.buffer(kernels.Float32, c.Vocab*c.Hidden, 0)
	hidden, dHidden := a.buffer(kernels.BFloat16, n*c.Hidden, 1), a.buffer(kernels.BFloat16, n*c.Hidden, 1)
	logprob, entropy := a.buffer(kernels.Float32, n, 1), a.buffer(kernels.Float32, n, 1)
	coef := a.buffer(kernels.Float32, n, 1e-4)
	head := kernels.HeadArgs{Channels: c.Hidden, Hidden: hidden, Weight: table, Rows: order, Targets: tokens, Temperature: 1,
		LogProb: logprob, Entropy: entropy, Coef: coef, DHidden: dHidden, DWeight: dTable}
	const parameters = 1 << 26
	flat := func(t kernels.Type) kernels.Buffer { return a.buffer(t, parameters, 0.01) }
	adam := kernels.AdamWArgs{Weights: flat(kernels.BFloat16), Master: flat(kernels.Float32), Grads: flat(kernels.Float32),
		M: flat(kernels.Float32), V: a.buffer(kernels.Float32, parameters, 0), Norm: a.buffer(kernels.Float32, 1, 0),
		Hyper: a.buffer(kernels.Float32, 3, 1e-3), MaxNorm: 1, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8}
	norm := a.buffer(kernels.Float32, 1, 0)
	wide := float64(n * c.Hidden)
	return []kernelBench{
		{"Embed", 0, 4 * wide, func() { dev.Embed(dHidden, table, tokens) }},
		{"EmbedGrad", 0, 2*wide + 8*wide, func() { dev.EmbedGrad(dTable, hidden, tokens) }},
		{"Head with gradients", 6 * wide * float64(c.Vocab), 4 * wide, func() { dev.Head(head) }},
		{"SquaredNorm", 0, 4 * parameters, func() { dev.SquaredNorm(norm, adam.Grads) }},
		{"AdamW", 0, 30 * parameters, func() { dev.AdamW(adam) }},
	}
}

// critic are what a critic has in place of the head, and what turns its values
// into credit.
func (b *gpuBench) critic(a *arena, s gpuShape) []kernelBench {
	c, dev, n := s.config, b.dev, s.tokens()
	rows, starts := make([]int32, n), make([]int32, s.sequences+1)
	for i := range rows {
		rows[i] = int32(i)
	}
	for i := range starts {
		starts[i] = int32(i * s.sequence)
	}
	numbers := func(n int) kernels.Buffer { return a.buffer(kernels.Float32, n, 1) }
	values := kernels.ValueHeadArgs{
		Hidden: a.buffer(kernels.BFloat16, n*c.Hidden, 1), Weight: a.buffer(kernels.BFloat16, c.Hidden, 0.02), Rows: a.ints(rows), Value: numbers(n),
	}
	trained := values
	trained.Coef, trained.DHidden, trained.DWeight = numbers(n), a.buffer(kernels.BFloat16, n*c.Hidden, 1), numbers(c.Hidden)
	advantage := kernels.AdvantageArgs{
		Starts: a.ints(starts), Reward: numbers(s.sequences), Value: numbers(n), Gamma: 1, Lambda: 0.95, Whiten: true,
		Advantage: numbers(n), Return: numbers(n),
	}
	loss := kernels.ValueLossArgs{
		Value: values.Value, Old: advantage.Value, Return: advantage.Return, Weight: numbers(n), Clip: 0.5,
		Coef: trained.Coef, Stats: numbers(kernels.NumValueStats),
	}
	wide, each := 2*float64(n*c.Hidden), 4*float64(n)
	return []kernelBench{
		{"ValueHead", 0, wide, func() { dev.ValueHead(values) }},
		{"ValueHead with gradients", 0, 2 * wide, func() { dev.ValueHead(trained) }},
		{"Advantage", 0, 3 * each, func() { dev.Advantage(advantage) }},
		{"ValueLoss", 0, 5 * each, func() { dev.ValueLoss(loss) }},
	}
}
