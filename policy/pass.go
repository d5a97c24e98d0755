package policy

import (
	"fmt"
	"math/bits"

	"github.com/octorl/octorl/kernels"
)

// PassLimits is the largest microbatch that a Pass takes.
type PassLimits struct {
	Tokens      int  // packed rows
	Segments    int  // runs of rows
	Predictions int  // logprobs wanted
	Backward    bool // keep what gradients need; otherwise one layer's activations
}

// Pass is the memory of one microbatch on the device, allocated once: what goes
// in, the activations, and the results. It serves training and scoring.
type Pass struct {
	// LogProb is (P,) Float32: the natural-log probability of each target of the
	// last batch. It is valid on the device after Forward.
	LogProb kernels.Buffer
	// Entropy is (P,) Float32: the entropy in nats of the distribution that each
	// target is from.
	Entropy kernels.Buffer
	// Value is (P,) Float32: the value of each prediction of the last batch. A
	// critic's pass has it instead of LogProb and Entropy.
	Value kernels.Buffer

	policy      *Policy
	temperature float32 // of the last Forward
	activations *activations
	derivatives *derivatives // nil without PassLimits.Backward
	segmentRows rowBuffers
	segments    kernels.Buffer // (S, 4) Int32
	predictions rowBuffers
	rows        kernels.Buffer // (P,) Int32
	targets     kernels.Buffer // (P,) Int32
	coef        kernels.Buffer // (P,) Float32
	segmentInts []int32        // staging, kept for its memory
	recordings  recordings
	attend      func(layer int, la *layerActivations)
}

// NewPass allocates a pass, or returns an error that wraps kernels.ErrNoMemory.
// Free releases it.
func (p *Policy) NewPass(l PassLimits) (*Pass, error) {
	ps := &Pass{
		policy:      p,
		activations: p.newActivations(l.Tokens, l.Backward),
		segmentRows: rowBuffers{dev: p.dev, maxRows: l.Segments},
		predictions: rowBuffers{dev: p.dev, maxRows: l.Predictions},
		recordings:  recordings{dev: p.dev},
	}
	if l.Backward {
		ps.derivatives = p.newDerivatives(&ps.activations.rows)
		ps.predictions.add(&ps.coef, kernels.Float32, 1)
	}
	ps.segmentRows.add(&ps.segments, kernels.Int32, 4)
	ps.predictions.add(&ps.rows, kernels.Int32, 1)
	ps.predictions.add(&ps.targets, kernels.Int32, 1)
	if p.cfg.ValueHead {
		ps.predictions.add(&ps.Value, kernels.Float32, 1)
	} else {
		ps.predictions.add(&ps.LogProb, kernels.Float32, 1)
		ps.predictions.add(&ps.Entropy, kernels.Float32, 1)
	}
	ps.attend = func(_ int, la *layerActivations) {
		p.dev.Attend(p.cfg.Heads, la.attention, la.lse, la.qkv, ps.segments)
	}
	for _, rows := range ps.groups() {
		if rows.err != nil {
			ps.Free()
			return nil, fmt.Errorf("allocate pass of %+v: %w", l, rows.err)
		}
	}
	return ps, nil
}

func (ps *Pass) groups() [3]*rowBuffers {
	return [3]*rowBuffers{&ps.activations.rows, &ps.segmentRows, &ps.predictions}
}

// Free releases the pass, once queued work that uses it is done.
func (ps *Pass) Free() {
	ps.recordings.forget()
	for _, rows := range ps.groups() {
		rows.free()
	}
}

// Forward queues logprobs and entropies of b's predictions, of the softmax of
// logits/temperature, into LogProb and Entropy. The caller may reuse b at once.
// It panics where b exceeds the limits or its lengths disagree. A batch without
// predictions computes nothing.
func (ps *Pass) Forward(b Batch, temperature float32) {
	ps.forward(b, temperature, func() { ps.policy.dev.Head(ps.head()) })
}

// forward uploads b and queues the network and the operation that ends it.
func (ps *Pass) forward(b Batch, temperature float32, head func()) {
	if ps.load(b, temperature) {
		ps.record(workForward, nil, func() {
			ps.policy.forward(ps.activations, ps.attend)
			head()
		})
	}
}

// record queues work on the loaded batch, from a recording where that is cheaper.
// What the graph refers to besides the pass's own buffers is g.
func (ps *Pass) record(work passWork, g *Gradients, queue func()) {
	ps.recordings.run(recordedShape{
		work: work, rows: ps.activations.rows.rows, segments: ps.segmentRows.rows, predictions: ps.predictions.rows,
		temperature: ps.temperature, gradients: g,
	}, queue)
}

// ForwardBackward is Forward at temperature 1 with the gradients of
// Σ coef·LogProb added to g, for losses whose coefficients are known beforehand:
// cross-entropy has −1/P each. coef is (P,); the caller may reuse it at once.
// It needs PassLimits.Backward.
func (ps *Pass) ForwardBackward(b Batch, g *Gradients, coef []float32) {
	if len(coef) != len(b.Rows) {
		panic(fmt.Sprintf("policy: ForwardBackward of %d predictions with %d coefficients", len(b.Rows), len(coef)))
	}
	ps.mustDifferentiate()
	if ps.load(b, 1) {
		ps.policy.dev.Upload(ps.coef, coef)
		ps.record(workForwardBackward, g, func() {
			ps.policy.forward(ps.activations, ps.attend)
			ps.headBackward(g, ps.coef, nil)
			ps.policy.backward(&g.parameters, ps.activations, ps.derivatives, ps.segments)
		})
	}
}

// Backward queues the gradients of Σ coef·LogProb + Σ entropyCoef·Entropy for
// the batch of the last Forward and adds them to g. Both are (P,) Float32 on the
// device; entropyCoef may be nil for zeros. LogProb and Entropy are written
// again with the same values. It needs PassLimits.Backward.
func (ps *Pass) Backward(g *Gradients, coef, entropyCoef kernels.Buffer) {
	if entropyCoef != nil { // graphs refer to buffers of the pass alone
		ps.mustDifferentiate()
		if ps.predictions.rows > 0 {
			ps.headBackward(g, coef, entropyCoef)
			ps.policy.backward(&g.parameters, ps.activations, ps.derivatives, ps.segments)
		}
		return
	}
	ps.backward(g, coef, func(coef kernels.Buffer) { ps.headBackward(g, coef, nil) })
}

func (ps *Pass) headBackward(g *Gradients, coef, entropyCoef kernels.Buffer) {
	h := ps.head()
	h.Coef, h.EntropyCoef = coef, entropyCoef
	h.DHidden, h.DWeight = ps.derivatives.normed, g.parameters.head
	ps.policy.dev.Head(h)
}

// backward queues the gradients of the last batch, of which head computes the
// first step from coef: those of the hidden states and of the output matrix.
func (ps *Pass) backward(g *Gradients, coef kernels.Buffer, head func(coef kernels.Buffer)) {
	ps.mustDifferentiate()
	if ps.predictions.rows == 0 {
		return
	}
	if ps.policy.dev.Info().Replays {
		ps.policy.dev.Copy(ps.coef, coef)
		coef = ps.coef
	}
	ps.record(workBackward, g, func() {
		head(coef)
		ps.policy.backward(&g.parameters, ps.activations, ps.derivatives, ps.segments)
	})
}

// mustDifferentiate panics in a pass that has no memory for gradients.
func (ps *Pass) mustDifferentiate() {
	if ps.derivatives == nil {
		panic("policy: backward in a pass without PassLimits.Backward")
	}
}

// Read waits for queued work and copies LogProb and Entropy, (P,) each, to the
// host; either may be nil. It returns the device's fault.
func (ps *Pass) Read(logprob, entropy []float32) error {
	dev := ps.policy.dev
	if logprob != nil {
		dev.Download(logprob, ps.LogProb)
	}
	if entropy != nil {
		dev.Download(entropy, ps.Entropy)
	}
	if err := dev.Wait(dev.Mark()); err != nil {
		return fmt.Errorf("read logprobs: %w", err)
	}
	return nil
}

// load uploads b. It reports whether there is anything to predict.
func (ps *Pass) load(b Batch, temperature float32) bool {
	if len(b.Positions) != len(b.IDs) || len(b.Targets) != len(b.Rows) {
		panic(fmt.Sprintf("policy: batch of %d ids with %d positions, %d rows with %d targets",
			len(b.IDs), len(b.Positions), len(b.Rows), len(b.Targets)))
	}
	a, dev := ps.activations, ps.policy.dev
	a.rows.resize("packed rows", len(b.IDs))
	ps.loadSegments(b.Segments)
	ps.predictions.resize("predictions", len(b.Rows))
	ps.temperature = temperature
	if len(b.Rows) == 0 {
		return false
	}
	dev.Upload(a.ids, b.IDs)
	dev.Upload(a.positions, b.Positions)
	dev.Upload(ps.segments, ps.segmentInts)
	dev.Upload(ps.rows, b.Rows)
	dev.Upload(ps.targets, b.Targets)
	return true
}

// loadSegments sets the segments that the next upload takes. Where graphs are
// recorded there are a power of two of them, the last ones of no rows, so that
// batches of the same rows have the same shape.
func (ps *Pass) loadSegments(segments []kernels.Segment) {
	ps.segmentInts = kernels.SegmentInts(ps.segmentInts[:0], segments)
	n := len(segments)
	if n > 0 && ps.policy.dev.Info().Replays {
		n = max(n, min(1<<bits.Len(uint(n-1)), ps.segmentRows.maxRows))
		ps.segmentInts = append(ps.segmentInts, make([]int32, 4*(n-len(segments)))...)
	}
	ps.segmentRows.resize("segments", n)
}

func (ps *Pass) head() kernels.HeadArgs {
	ps.policy.mustHave(false)
	return kernels.HeadArgs{
		Channels: ps.policy.cfg.Hidden, Hidden: ps.activations.hidden, Weight: ps.policy.parameters.head,
		Rows: ps.rows, Targets: ps.targets, Temperature: ps.temperature,
		LogProb: ps.LogProb, Entropy: ps.Entropy,
	}
}
