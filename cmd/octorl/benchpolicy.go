package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/octorl/octorl/kernels/cpu"
	"github.com/octorl/octorl/learner"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/rollout"
	"github.com/octorl/octorl/rollout/trajectory"
)

// withPolicy calls f with a fresh policy on dev.
func withPolicy(dev *cpu.Device, f func(p *policy.Policy) error) error {
	p, err := policy.New(dev, tiny10M())
	if err != nil {
		return err
	}
	defer p.Free()
	p.Init(benchSeed)
	return f(p)
}

// randomTokens returns n random ids of the policy's vocabulary.
func randomTokens(r *rand.Rand, n int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = r.Int32N(int32(tiny10M().Vocab))
	}
	return ids
}

func newBenchRand() *rand.Rand { return rand.New(rand.NewPCG(benchSeed, 0)) }

// training measures whole steps: forward, backward, clipping and AdamW.
func (b *cpuBench) training() error {
	return b.eachThreads(func(dev *cpu.Device, threads int) error {
		return withPolicy(dev, func(p *policy.Policy) error { return b.trainingStep(p, threads) })
	})
}

func (b *cpuBench) trainingStep(p *policy.Policy, threads int) error {
	config := learner.DefaultMidConfig()
	config.MicrobatchTokens = benchRows
	t, err := learner.NewMidTrainer(p, config)
	if err != nil {
		return err
	}
	defer t.Free()
	r := newBenchRand()
	docs := make([][]int32, benchSequences)
	for i := range docs {
		docs[i] = randomTokens(r, benchSequence+1)
	}
	m := measurement{"training step, tiny-10m", threads, "tokens/s", benchRows, func() error {
		_, err := t.Step(docs, 1e-4)
		return err
	}}
	if err := b.measure(m); err != nil {
		return err
	}
	b.ofProducts(p.Config(), trainFLOPs(p.Config(), benchSequence)/1e9)
	return nil
}

// ofProducts completes the last measurement, a rate of tokens of so many GFLOP
// each.
func (b *cpuBench) ofProducts(c policy.Config, token float64) {
	m := &b.report.Measurements[len(b.report.Measurements)-1]
	m.GFLOPs = m.Median * token
	if peak := b.report.find("multiply-adds on registers", 1); peak != nil {
		m.OfPeak = m.GFLOPs / peak.Median / float64(m.Threads)
		m.OfPeakCPU = m.CPU * token / peak.CPU / float64(m.Threads)
	}
	if clock, cpuTime := b.productRate(c, m.Threads); clock > 0 {
		m.OfSGEMM, m.OfSGEMMCPU = m.GFLOPs/clock, m.CPU*token/cpuTime
	}
}

// decoding measures an engine from prompts to completions.
func (b *cpuBench) decoding() error {
	return b.eachThreads(func(dev *cpu.Device, threads int) error {
		return withPolicy(dev, func(p *policy.Policy) error {
			for _, batch := range []int{benchBatch, 1} {
				name := fmt.Sprintf("decode tiny-10m, batch %d", batch)
				err := b.measure(measurement{name, threads, "tokens/s", float64(batch * benchCompletion), func() error {
					_, err := generateBench(b, p, batch, 0)
					return err
				}})
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// generateBench returns one completion for each of batch random prompts, the
// first of which are the same for every batch. more lengthens the prompts of
// all but the first.
func generateBench(b *cpuBench, p *policy.Policy, batch, more int) ([]trajectory.Group, error) {
	c := rollout.Default()
	c.Rows, c.PromptTokens, c.SequenceTokens = batch, batch*(benchPrompt+more), benchPrompt+more+benchCompletion
	c.Seed, c.Decode = benchSeed, func([]int32) string { return "" }
	e, err := rollout.New(p, c)
	if err != nil {
		return nil, err
	}
	defer e.Free()
	r := newBenchRand()
	groups := make([]trajectory.Group, batch)
	var failed error
	for i := range groups {
		length := benchPrompt
		if i > 0 {
			length += more
		}
		err := e.Submit(rollout.Request{
			ID: fmt.Sprint(i), Prompt: randomTokens(r, length), Samples: 1, MaxTokens: benchCompletion, Temperature: 1,
			Done: func(g trajectory.Group, err error) {
				if groups[i] = g; err != nil {
					failed = err
				}
			},
		})
		if err != nil {
			return nil, err
		}
	}
	e.Drain()
	if err := e.Run(b.ctx); err != nil {
		return nil, err
	}
	return groups, failed
}
