package learner

import (
	"errors"
	"fmt"
	"math"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
)

// OptimizerConfig is the setting of AdamW (arXiv:1711.05101).
type OptimizerConfig struct {
	Beta1, Beta2 float64 // decay of the first and the second moment a step
	Eps          float64 // added to the square root of the second moment
	WeightDecay  float64 // a unit of learning rate; matrices only, not gains and biases
	MaxNorm      float64 // gradients of a larger global norm are scaled down to it; 0 does not clip
}

// DefaultMidOptimizer returns the usual setting for training on text: betas 0.9
// and 0.95, weight decay 0.1, norm at most 1. OctoThinker states only the decay
// (arXiv:2506.20512); the rest is its framework's example setting.
func DefaultMidOptimizer() OptimizerConfig {
	return OptimizerConfig{Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, WeightDecay: 0.1, MaxNorm: 1}
}

// DefaultRLOptimizer returns the setting of OctoThinker's RL runs, verl's
// default: betas 0.9 and 0.999, weight decay 0.01, norm at most 1.
func DefaultRLOptimizer() OptimizerConfig {
	return OptimizerConfig{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, MaxNorm: 1}
}

// Validate reports every fault of c, joined.
func (c OptimizerConfig) Validate() error {
	return errors.Join(
		inRange("optimizer beta1", c.Beta1, 0, almostOne),
		inRange("optimizer beta2", c.Beta2, 0, almostOne),
		inRange("optimizer epsilon", c.Eps, math.SmallestNonzeroFloat32, 1),
		inRange("optimizer weight decay", c.WeightDecay, 0, math.MaxFloat32),
		inRange("optimizer maximal norm", c.MaxNorm, 0, math.MaxFloat32),
	)
}

// almostOne is the largest share below 1 that a float32 can hold.
var almostOne = float64(math.Nextafter32(1, 0))

// inRange returns an error when x, called name, is not in [low, high].
func inRange(name string, x, low, high float64) error {
	if x >= low && x <= high {
		return nil
	}
	return fmt.Errorf("%s is %g: use a number from %g to %g", name, x, low, high)
}

// Optimizer updates the weights of one policy in place by AdamW. It owns the
// moments and, where the device computes in less than float32, the master
// weights. It is not safe for concurrent use.
type Optimizer struct {
	policy  *policy.Policy
	config  OptimizerConfig
	decayed int // weights [0, decayed) decay

	memory  allocations
	master  kernels.Buffer // (parameters,); the weights themselves where Compute is Float32
	m, v    kernels.Buffer // (parameters,)
	norms   kernels.Buffer // (maxQueued,) sums of squares of gradients
	hyper   kernels.Buffer // (1+2·maxQueued,) as kernels.AdamWArgs
	updates int64          // updates known to be applied: t of the bias correction

	queued []queuedUpdate // oldest first; their norms are adjacent
}

// maxQueued bounds the updates that are queued and not yet finished.
const maxQueued = 16

// queuedUpdate is an update whose outcome is not known yet.
type queuedUpdate struct {
	slot    int         // of its norm
	squares *[1]float32 // its norm, valid when the device has passed end
	end     kernels.Mark
}

// NewOptimizer returns an optimizer with zero moments. The master weights are
// the policy's present ones, so weights are set before. It returns an error
// for an invalid config and when device memory cannot be had.
func NewOptimizer(p *policy.Policy, c OptimizerConfig) (*Optimizer, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	o := &Optimizer{policy: p, config: c, decayed: p.DecayedParameters(), master: p.Weights()}
	o.memory.dev = p.Device()
	if o.ownsMaster() {
		o.master = o.memory.floats(p.NumParameters())
	}
	o.m, o.v = o.memory.floats(p.NumParameters()), o.memory.floats(p.NumParameters())
	o.norms, o.hyper = o.memory.floats(maxQueued), o.memory.floats(1+2*maxQueued)
	if err := o.memory.err; err != nil {
		o.memory.free()
		return nil, fmt.Errorf("allocate optimizer of %d parameters: %w", p.NumParameters(), err)
	}
	if o.ownsMaster() {
		p.Device().Copy(o.master, p.Weights())
	}
	return o, nil
}

// Updates returns the number of updates applied.
func (o *Optimizer) Updates() int64 { return o.updates }

// Free releases the moments and the master weights, once queued work that uses
// them is done.
func (o *Optimizer) Free() { o.memory.free() }

// Step updates the weights from grads, (parameters,) Float32, at learning rate
// lr, and returns the gradient's global norm before clipping. It waits for the
// device, so what was downloaded before is valid after.
//
// When the norm is not finite it returns ErrNotFinite: weights, moments and the
// number of updates are as before, and the optimizer can go on. Other errors
// are the device's.
func (o *Optimizer) Step(grads kernels.Buffer, lr float64) (norm float64, err error) {
	o.queue(grads, lr)
	return o.finish()
}

// queue is the part of Step that does not wait. A call of finish must follow for
// each, before there are maxQueued of them. Which of the earlier ones are made, and
// so the correction of this one, is found on the device.
func (o *Optimizer) queue(grads kernels.Buffer, lr float64) {
	before, slot := len(o.queued), 0
	if before > 0 {
		slot = o.queued[before-1].slot + 1
	}
	if slot == maxQueued {
		slot = 0
		if before > 1 {
			panic(fmt.Sprintf("learner: update queued after %d unfinished ones", before))
		}
	}
	dev := o.policy.Device()
	hyper := []float32{float32(lr)}
	for made := range before + 1 {
		t := float64(o.updates) + float64(made) + 1
		c1, c2 := 1/(1-math.Pow(o.config.Beta1, t)), 1/(1-math.Pow(o.config.Beta2, t))
		hyper = append(hyper, float32(c1), float32(c2))
	}
	a := kernels.AdamWArgs{Norm: o.norms.Slice(slot, slot+1), Hyper: o.hyper.Slice(0, len(hyper))}
	if before > 0 {
		a.Before = o.norms.Slice(o.queued[0].slot, o.queued[before-1].slot+1)
	}
	dev.Upload(a.Hyper, hyper)
	dev.SquaredNorm(a.Norm, grads)
	o.update(a, grads, 0, o.decayed, o.config.WeightDecay)
	o.update(a, grads, o.decayed, grads.Len(), 0)
	u := queuedUpdate{slot: slot, squares: new([1]float32)}
	dev.Download(u.squares[:], a.Norm)
	u.end = dev.Mark()
	o.queued = append(o.queued, u)
}

// finish waits for the oldest queued update and returns what Step does.
func (o *Optimizer) finish() (norm float64, err error) {
	u := o.queued[0]
	o.queued = append(o.queued[:0], o.queued[1:]...)
	if err := o.policy.Device().Wait(u.end); err != nil {
		return 0, fmt.Errorf("update weights: %w", err)
	}
	norm = math.Sqrt(float64(u.squares[0]))
	if !isFinite(u.squares[0]) {
		return norm, fmt.Errorf("norm of the gradient of update %d is %v: %w", o.updates+1, norm, ErrNotFinite)
	}
	o.updates++
	return norm, nil
}

// update applies AdamW to weights [from, to).
func (o *Optimizer) update(a kernels.AdamWArgs, grads kernels.Buffer, from, to int, decay float64) {
	if from == to {
		return
	}
	a.Weights, a.Master, a.Grads = o.policy.Weights().Slice(from, to), o.master.Slice(from, to), grads.Slice(from, to)
	a.M, a.V = o.m.Slice(from, to), o.v.Slice(from, to)
	a.MaxNorm, a.Beta1, a.Beta2 = float32(o.config.MaxNorm), float32(o.config.Beta1), float32(o.config.Beta2)
	a.Eps, a.Decay = float32(o.config.Eps), float32(decay)
	o.policy.Device().AdamW(a)
}

// ownsMaster says whether the master weights are other memory than the
// policy's weights.
func (o *Optimizer) ownsMaster() bool {
	return o.policy.Device().Info().Compute != kernels.Float32
}
