package main

import (
	"math"
	"runtime"

	"github.com/octorl/octorl/kernels/cpu"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/rollout/trajectory"
)

// equalityResult says whether logprobs came out the same, bit for bit, another
// way.
type equalityResult struct {
	Name  string `json:"name"`
	Equal bool   `json:"equal"`
}

// equality compares the logprobs of one completion, drawn alone from a cache
// by one thread, with those of every other way to compute them.
func (b *cpuBench) equality() error {
	var want []float32
	for _, threads := range []int{1, max(2, runtime.GOMAXPROCS(0))} {
		dev := cpu.Open(cpu.Config{Threads: threads})
		err := withPolicy(dev, func(p *policy.Policy) error { return b.compare(p, threads, &want) })
		if closed := dev.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// compare reports on one device; want is set by the first.
func (b *cpuBench) compare(p *policy.Policy, threads int, want *[]float32) error {
	alone, err := generateBench(b, p, 1, 0)
	if err != nil {
		return err
	}
	among, err := generateBench(b, p, 9, 37)
	if err != nil {
		return err
	}
	if *want == nil {
		*want = alone[0].Trajectories[0].LogProbs
	}
	sequences := [][]int32{sequenceOf(alone[0])}
	for _, g := range among[1:] {
		sequences = append(sequences, sequenceOf(g))
	}
	on := map[bool]string{true: "on one thread", false: "on several threads"}[threads == 1]
	check := func(how string, got []float32, err error) error {
		b.report.Equal = append(b.report.Equal, equalityResult{how + ", " + on, sameBits(got, *want)})
		return err
	}
	if err := check("decoded alone from a cache", alone[0].Trajectories[0].LogProbs, nil); err != nil {
		return err
	}
	if err := check("decoded in a batch from a cache", among[0].Trajectories[0].LogProbs, nil); err != nil {
		return err
	}
	got, err := scoreBatch(p, policy.PackDocuments(sequences[:1]))
	if err := check("scored alone", got[len(got)-benchCompletion:], err); err != nil {
		return err
	}
	got, err = scoreBatch(p, policy.PackDocuments(sequences))
	if err := check("scored in a batch", got[benchPrompt-1:][:benchCompletion], err); err != nil {
		return err
	}
	const cut = benchPrompt - 27
	got, err = scoreBatch(p, policy.PackGroups([]policy.PromptCompletions{{Prompt: sequences[0][:cut], Completions: [][]int32{sequences[0][cut:]}}}))
	return check("scored in two chunks", got[len(got)-benchCompletion:], err)
}

func sequenceOf(g trajectory.Group) []int32 {
	return append(g.Prompt[:len(g.Prompt):len(g.Prompt)], g.Trajectories[0].Completion...)
}

// scoreBatch returns the logprobs of b's predictions in a full pass. Their number
// is right also where it fails.
func scoreBatch(p *policy.Policy, b policy.Batch) ([]float32, error) {
	logprobs := make([]float32, len(b.Rows))
	pass, err := p.NewPass(policy.PassLimits{Tokens: len(b.IDs), Segments: len(b.Segments), Predictions: len(b.Rows)})
	if err != nil {
		return logprobs, err
	}
	defer pass.Free()
	pass.Forward(b, 1)
	return logprobs, pass.Read(logprobs, nil)
}

func sameBits(x, y []float32) bool {
	if len(x) != len(y) {
		return false
	}
	for i, v := range x {
		if math.Float32bits(v) != math.Float32bits(y[i]) {
			return false
		}
	}
	return true
}
