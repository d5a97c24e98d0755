package main

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/kernels/cpu"
	"github.com/octorl/octorl/policy"
)

// cpuBench measures the CPU device on several numbers of threads.
type cpuBench struct {
	ctx     context.Context
	reps    int
	threads []int
	report  cpuReport
}

// What a training step and decoding are measured with.
const (
	benchSequences    = 8
	benchSequence     = 512 // tokens predicted of each
	benchRows         = benchSequences * benchSequence
	benchBatch        = 64 // sequences decoded together
	benchPrompt       = 64
	benchCompletion   = 64
	benchSeed         = 7
	benchMaxPositions = 1024
	benchPeakFLOPs    = 5e8
)

// tiny10M is the policy that other systems are measured with, too.
func tiny10M() policy.Config {
	return policy.Config{
		Architecture: policy.Llama, Vocab: 4096, Hidden: 320, Layers: 6, FFN: 864,
		Heads:        kernels.Heads{Query: 5, KeyValue: 5, Width: 64},
		MaxPositions: benchMaxPositions, NormEps: 1e-5, Rope: policy.Rope{Theta: 500000}, TieEmbeddings: true,
	}
}

// productWeights are the weights that a token is multiplied by, the tied output
// matrix once.
func productWeights(c policy.Config) float64 {
	h := c.Heads
	layer := c.Hidden*(h.QKV()+h.Out()) + 3*c.Hidden*c.FFN
	return float64(c.Layers*layer + c.Hidden*c.Vocab)
}

// trainFLOPs are the operations of one token's training in sequences of so many
// tokens: six a weight, and causal attention, whose triangle is half a square.
func trainFLOPs(c policy.Config, sequence int) float64 {
	return 6*productWeights(c) + 6*float64(c.Layers*c.Hidden*sequence)
}

// eachThreads calls f with a device of each number of threads.
func (b *cpuBench) eachThreads(f func(dev *cpu.Device, threads int) error) error {
	for _, threads := range b.threads {
		dev := cpu.Open(cpu.Config{Threads: threads})
		err := f(dev, threads)
		if closed := dev.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// peak measures what one core can do at most.
func (b *cpuBench) peak() error {
	return b.measure(measurement{"multiply-adds on registers", 1, "GFLOP/s", benchPeakFLOPs / 1e9, func() error {
		cpu.MultiplyAdd(benchPeakFLOPs)
		return nil
	}})
}

// ofPeak completes the last measurement, whose rates are in GFLOP/s.
func (b *cpuBench) ofPeak() {
	m := &b.report.Measurements[len(b.report.Measurements)-1]
	if peak := b.report.find("multiply-adds on registers", 1); peak != nil {
		m.OfPeak = m.Median / peak.Median / float64(m.Threads)
		m.OfPeakCPU = m.CPU / peak.CPU / float64(m.Threads)
	}
}

// products measures the products of cubes and of the policy's shapes.
func (b *cpuBench) products() error {
	return b.eachThreads(func(dev *cpu.Device, threads int) error {
		for _, n := range []int{256, 512, 768, 1024} {
			if err := b.product(dev, threads, kernels.LinearShape{Rows: n, In: n, Out: n}, "forward"); err != nil {
				return err
			}
		}
		c := tiny10M()
		for _, s := range []kernels.LinearShape{
			{Rows: benchRows, In: c.Hidden, Out: c.Heads.QKV()},
			{Rows: benchRows, In: c.Heads.Out(), Out: c.Hidden},
			{Rows: benchRows, In: c.Hidden, Out: 2 * c.FFN},
			{Rows: benchRows, In: c.FFN, Out: c.Hidden},
			{Rows: benchRows, In: c.Hidden, Out: c.Vocab},
		} {
			for _, kind := range []string{"forward", "by input", "by weight"} {
				if err := b.product(dev, threads, s, kind); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// product measures one matrix product of a linear layer: out, the gradient of
// its input, or that of its weight.
func (b *cpuBench) product(dev *cpu.Device, threads int, s kernels.LinearShape, kind string) error {
	x, err := randomBuffer(dev, s.Rows*s.In)
	if err != nil {
		return err
	}
	defer dev.Free(x)
	y, err := randomBuffer(dev, s.Rows*s.Out)
	if err != nil {
		return err
	}
	defer dev.Free(y)
	w, err := randomBuffer(dev, s.Out*s.In)
	if err != nil {
		return err
	}
	defer dev.Free(w)
	run := map[string]func(){
		"forward":   func() { dev.Linear(s, y, x, w, nil) },
		"by input":  func() { dev.LinearGradInput(s, x, y, w) },
		"by weight": func() { dev.LinearGradWeight(s, w, nil, y, x) },
	}[kind]
	m := measurement{
		name: productName(s, kind), threads: threads, unit: "GFLOP/s",
		work: 2 * float64(s.Rows) * float64(s.In) * float64(s.Out) / 1e9,
		run: func() error {
			run()
			return dev.Wait(dev.Mark())
		},
	}
	if err := b.measure(m); err != nil {
		return err
	}
	b.ofPeak()
	return nil
}

func productName(s kernels.LinearShape, kind string) string {
	return fmt.Sprintf("sgemm %d×%d×%d %s", s.Rows, s.Out, s.In, kind)
}

// randomBuffer returns n normal numbers.
func randomBuffer(dev *cpu.Device, n int) (kernels.Buffer, error) {
	r := rand.New(rand.NewPCG(benchSeed, uint64(n)))
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	f, err := dev.Alloc(kernels.Float32, n)
	if err != nil {
		return nil, err
	}
	dev.Upload(f, v)
	return f, nil
}

// productRate returns the rate at which a policy's training step would do its
// products alone, GFLOP/s by the clock and in CPU time, or zeros where they
// have not been measured.
func (b *cpuBench) productRate(c policy.Config, threads int) (clock, cpuTime float64) {
	var work, clockTime, cpuSeconds float64
	add := func(in, out, times int) {
		s := kernels.LinearShape{Rows: benchRows, In: in, Out: out}
		for _, kind := range []string{"forward", "by input", "by weight"} {
			m := b.report.find(productName(s, kind), threads)
			if m == nil {
				return
			}
			flops := 2 * float64(s.Rows) * float64(in) * float64(out) * float64(times) / 1e9
			work += flops
			clockTime += flops / m.Median
			cpuSeconds += flops / m.CPU
		}
	}
	add(c.Hidden, c.Heads.QKV(), c.Layers)
	add(c.Heads.Out(), c.Hidden, c.Layers)
	add(c.Hidden, 2*c.FFN, c.Layers)
	add(c.FFN, c.Hidden, c.Layers)
	add(c.Hidden, c.Vocab, 1)
	if work == 0 {
		return 0, 0
	}
	return work / clockTime, work / cpuSeconds
}
