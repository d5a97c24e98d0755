package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/octorl/octorl/actors"
	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/kernels/cuda"
	"github.com/octorl/octorl/learner"
	"github.com/octorl/octorl/policy"
)

// memoryPart is a part of the device memory that a run takes.
type memoryPart struct {
	name  string
	bytes int
	how   string
}

// memoryEstimate is what the head process of a run allocates on its device.
type memoryEstimate struct {
	parts     []memoryPart
	workspace int // of kernels; one of the parts
}

func (e *memoryEstimate) add(name string, bytes int, how string) {
	e.parts = append(e.parts, memoryPart{name, bytes, how})
}

// total returns the bytes of all parts.
func (e *memoryEstimate) total() int {
	n := 0
	for _, p := range e.parts {
		n += p.bytes
	}
	return n
}

// explainMemory writes the estimate.
func explainMemory(line writeLine, r *config.Recipe, c policy.Config, info kernels.Info) error {
	e, err := estimateMemory(r, c, info)
	if err != nil {
		return err
	}
	line("memory, estimated", "", fmt.Sprintf("in %s, on a device like %s", info.Compute, info.Name))
	for _, p := range e.parts {
		line(p.name, formatBytes(p.bytes), p.how)
	}
	together := formatBytes(e.total())
	if most := int(info.Memory); most > 0 && e.total() > most {
		line("together", together, fmt.Sprintf("MORE than the device's %s", formatBytes(most)))
	} else {
		line("together", together)
	}
	return nil
}

// estimateMemory counts what the head process allocates on its device. On the
// CPU, scratch memory of kernels is left out, and so is the program itself.
func estimateMemory(r *config.Recipe, c policy.Config, info kernels.Info) (*memoryEstimate, error) {
	e, compute, parameters := new(memoryEstimate), info.Compute, c.NumParameters()
	sizes := actors.SizesOn(info, c, actors.NeedsOf(r))
	batch, rollouts := microbatch(r, c, sizes), r.Scale.Rollouts
	completions := actors.NeedsOf(r).Samples * sizes.Groups
	prefill := max(sizes.PromptTokens, completions)
	positions := completions * actors.PageTokens * (ceil(c.MaxPositions, actors.PageTokens) + 1)

	e.add("weights", c.WeightBytes(compute), fmt.Sprintf("%d bytes a parameter", compute.Size()))
	copied := 0
	if info.Memory == 0 {
		copied = 4 * (parameters - c.Hidden*(2*c.Layers+1)) // less the gains; biases are too few to matter
		e.add("weights for products", 2*copied, "2 · matrices, copied into the device's layout")
	}
	e.add("training state", actors.StateBytes(compute)*parameters, fmt.Sprintf("%d bytes a parameter: gradient, moments%s",
		actors.StateBytes(compute), map[bool]string{true: ", master weights"}[compute != kernels.Float32]))
	e.add("activations, training", batch*c.RowBytes(compute, true), fmt.Sprintf("%d tokens of a microbatch · %d bytes", batch, c.RowBytes(compute, true)))
	if numCritics(r) > 0 {
		explainCriticMemory(e.add, r, c, info, batch)
	}
	scoring := c.RowBytes(compute, false)
	if needsReference(r) {
		e.add("reference policy", c.WeightBytes(compute)+copied+batch*scoring, fmt.Sprintf("weights and %d tokens · %d bytes", batch, scoring))
	}
	e.add("activations, sampling", rollouts*prefill*scoring, fmt.Sprintf("rollouts %d · %d tokens · %d bytes", rollouts, prefill, scoring))
	e.add("key/value cache", rollouts*c.CacheBytes(compute, positions),
		fmt.Sprintf("rollouts %d · %d positions of %d completions · %d bytes", rollouts, positions, completions, c.CacheBytes(compute, 1)))
	e.add("evaluator's policy", c.WeightBytes(compute)+copied, "weights")
	if held := r.Evaluation.Backlog + 1; info.Memory == 0 {
		e.add("evaluator's versions", 4*held*parameters, fmt.Sprintf("at most %d versions held · 4 bytes a parameter", held))
	}
	examRows, examPositions := max(c.MaxPositions, actors.ExamRows), actors.ExamRows*(positions/completions)
	e.add("evaluator's sampling", examRows*scoring+c.CacheBytes(compute, examPositions),
		fmt.Sprintf("%d tokens · %d bytes + %d positions of %d completions", examRows, scoring, examPositions, actors.ExamRows))
	if info.Memory == 0 {
		return e, nil
	}
	return e, e.addDevice(info, c, batch, completions)
}

// trainingMemory estimates a trainer alone, on microbatches of so many tokens.
func trainingMemory(info kernels.Info, c policy.Config, tokens int) (*memoryEstimate, error) {
	e := new(memoryEstimate)
	e.add("weights and training state", (info.Compute.Size()+actors.StateBytes(info.Compute))*c.NumParameters(), "")
	e.add("activations", tokens*c.RowBytes(info.Compute, true), "")
	return e, e.addDevice(info, c, tokens, 1)
}

// addDevice adds what a GPU takes beside buffers.
func (e *memoryEstimate) addDevice(info kernels.Info, c policy.Config, tokens, rows int) (err error) {
	if e.workspace, err = workspaceOf(info, c, tokens, rows); err != nil {
		return err
	}
	e.add("workspace of kernels", e.workspace, "found by planning a microbatch and a step of decoding")
	e.add("driver and kernels", cuda.ContextBytes, "as measured on an H100")
	return nil
}

// reserver is a device that can see to the workspace of kernels beforehand.
type reserver interface{ Reserve(bytes int64) error }

// reserve sees to the workspace that was estimated, where the device has one.
func (e *memoryEstimate) reserve(dev kernels.Device) error {
	if r, ok := dev.(reserver); ok {
		return r.Reserve(int64(e.workspace))
	}
	return nil
}

// reserveFor estimates a run's memory on a device that has memory of its own,
// and reserves the workspace. Elsewhere it returns nil.
func reserveFor(r *config.Recipe, dev kernels.Device) (*memoryEstimate, error) {
	if dev.Info().Memory == 0 {
		return nil, nil
	}
	c, err := shapeOf(r)
	if err != nil {
		return nil, err
	}
	e, err := estimateMemory(r, c, dev.Info())
	if err != nil {
		return nil, err
	}
	return e, e.reserve(dev)
}

// occupant is a device that says how much of its memory is given away.
type occupant interface{ Occupied() int64 }

// compare writes the most that the process had allocated on the device beside the
// estimate, and what of the card the driver says is in use, by other processes too.
func (e *memoryEstimate) compare(w io.Writer, dev kernels.Device) {
	m, ok := dev.(memoryMeter)
	if !ok {
		return
	}
	_, peak := m.Memory()
	used := float64(peak + cuda.ContextBytes)
	fmt.Fprintf(w, "device memory: %s at the peak, %s estimated (%+.1f %%)", formatBytes(int(used)), formatBytes(e.total()), 100*(float64(e.total())/used-1))
	if o, ok := dev.(occupant); ok {
		fmt.Fprintf(w, "; %s of the card in use", formatBytes(int(o.Occupied())))
	}
	fmt.Fprintln(w)
}

// explainLack says what to do about an error that is a lack of device memory.
func explainLack(err error, recipe string) error {
	if !errors.Is(err, kernels.ErrNoMemory) {
		return err
	}
	return fmt.Errorf("%w; `octorl explain %s` says what takes how much: lower maxPositions, maxDocumentTokens, samples, or scale.rollouts, "+
		"choose a smaller policy, or use --device cpu. What was trained up to the newest checkpoint is kept", err, recipe)
}

// workspaceOf returns the memory that kernels need besides their operands, in
// training on a microbatch of so many tokens and in decoding so many rows.
func workspaceOf(info kernels.Info, c policy.Config, tokens, rows int) (int, error) {
	// What does not fit is explained all the same.
	info.Memory = 1 << 50
	dev, err := cuda.Plan(info)
	if err != nil {
		return 0, fmt.Errorf("plan the workspace of kernels: %w", err)
	}
	defer dev.Close()
	p, err := policy.New(dev, c)
	if err != nil {
		return 0, err
	}
	mid := learner.DefaultMidConfig()
	mid.MicrobatchTokens = tokens
	t, err := learner.NewMidTrainer(p, mid)
	if err != nil {
		return 0, err
	}
	if _, err := t.Step([][]int32{make([]int32, tokens+1)}, 0); err != nil {
		return 0, err
	}
	d, err := p.NewDecoder(policy.DecoderLimits{Rows: rows, PromptTokens: 1, Pages: 1, PageTokens: 1, PagesPerRow: 1})
	if err != nil {
		return 0, err
	}
	ids := make([]int32, rows)
	if err := d.Step(ids, ids, ids, make([]int32, rows*(kernels.CacheTable+1))); err != nil {
		return 0, err
	}
	floats := make([]float32, rows)
	draw := policy.Draw{Rows: ids, Temperatures: floats, Keys: make([]int32, 2*rows), Positions: ids}
	err = d.Sample(draw, make([]int32, rows), floats, make([]float32, rows))
	return int(dev.Workspace()), err
}

// microbatch returns the most packed tokens of one pass of training.
func microbatch(r *config.Recipe, c policy.Config, sizes actors.Sizes) int {
	most := 0
	for _, s := range r.Stages {
		if s.RL != nil {
			most = max(most, sizes.MicrobatchTokens, c.MaxPositions)
		} else {
			most = max(most, min(s.Train.BatchTokens, sizes.MicrobatchTokens), s.Train.MaxDocumentTokens)
		}
	}
	return most
}

// needsReference reports whether a stage keeps the policy that it started from.
func needsReference(r *config.Recipe) bool {
	return slices.ContainsFunc(r.Stages, func(s config.Stage) bool { return s.RL != nil && s.RL.KL != 0 })
}
