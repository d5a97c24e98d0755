package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/octorl/octorl/kernels"
)

// Policy is a network on a device: a configuration and one arena of weights,
// which passes and decoders of the same policy read in place. What a learner
// writes into the arena is what the next Forward or Step reads. A Policy may be
// used by several goroutines; each Pass and Decoder by one at a time.
type Policy struct {
	dev         kernels.Device
	cfg         Config
	tensors     []Tensor
	decayed     int
	weights     kernels.Buffer
	parameters  parameters // views of weights
	frequencies kernels.Buffer
}

// New returns a policy of the given shape with all weights zero. It returns the
// faults of cfg, or an error that wraps kernels.ErrNoMemory. Free releases it.
func New(dev kernels.Device, cfg Config) (*Policy, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("policy config: %w", err)
	}
	p := &Policy{dev: dev, cfg: cfg, tensors: cfg.tensors()}
	for _, t := range p.tensors {
		if t.Decay {
			p.decayed = t.Offset + t.numElements()
		}
	}
	frequencies := cfg.Rope.frequencies(cfg.Heads.Width)
	var err error
	if p.weights, err = dev.Alloc(dev.Info().Compute, cfg.NumParameters()); err != nil {
		return nil, fmt.Errorf("allocate %d weights: %w", cfg.NumParameters(), err)
	}
	if p.frequencies, err = dev.Alloc(kernels.Float32, len(frequencies)); err != nil {
		dev.Free(p.weights)
		return nil, fmt.Errorf("allocate rotary frequencies: %w", err)
	}
	dev.Upload(p.frequencies, frequencies)
	p.parameters = newParameters(cfg, p.tensors, p.weights)
	return p, nil
}

// Free releases the weights, once queued work that uses them is done. Passes,
// decoders and gradients of the policy are freed before.
func (p *Policy) Free() {
	p.dev.Free(p.weights)
	p.dev.Free(p.frequencies)
}

// Config returns the shape of the policy.
func (p *Policy) Config() Config { return p.cfg }

// Device returns the device that holds the weights.
func (p *Policy) Device() kernels.Device { return p.dev }

// Tensors returns the plan of the arena in ascending order of Offset. The caller
// must not change it.
func (p *Policy) Tensors() []Tensor { return p.tensors }

// NumParameters returns the number of weights, the length of the arena.
func (p *Policy) NumParameters() int { return p.weights.Len() }

// DecayedParameters returns how many weights at the start of the arena are
// subject to weight decay; those after are gains and biases, which are not.
func (p *Policy) DecayedParameters() int { return p.decayed }

// Weights returns the arena, (NumParameters,) of the device's compute type. It
// is the policy's own memory: whoever writes it changes the policy.
func (p *Policy) Weights() kernels.Buffer { return p.weights }

// SetWeights queues the replacement of all weights by w, (NumParameters,),
// rounded to the compute type. It panics on another length. The caller may
// reuse w at once.
func (p *Policy) SetWeights(w []float32) {
	if len(w) != p.NumParameters() {
		panic(fmt.Sprintf("policy: SetWeights with %d weights, the policy has %d", len(w), p.NumParameters()))
	}
	p.dev.Upload(p.weights, w)
}

// ReadWeights waits for queued work and returns a copy of all weights,
// (NumParameters,), or the device's fault.
func (p *Policy) ReadWeights() ([]float32, error) {
	w := make([]float32, p.NumParameters())
	p.dev.Download(w, p.weights)
	if err := p.dev.Wait(p.dev.Mark()); err != nil {
		return nil, fmt.Errorf("read weights: %w", err)
	}
	return w, nil
}

// Init queues fresh weights: matrices normal with deviation 1/sqrt(Hidden), those
// that project into the residual stream 1/sqrt(2·Layers·Hidden), gains 1, biases 0. They
// are a pure function of seed and Config, so every device and every process
// gets the same.
func (p *Policy) Init(seed uint64) {
	const chunk = 1 << 18 // a multiple of the 4 draws of a counter
	var parts []initialRange
	for _, t := range p.tensors {
		for from := 0; from < t.numElements(); from += chunk {
			parts = append(parts, initialRange{tensor: t, from: from})
		}
	}
	workers := runtime.GOMAXPROCS(0)
	for round := range slices.Chunk(parts, 4*workers) {
		var group sync.WaitGroup
		for w := range workers {
			group.Go(func() {
				for i := w; i < len(round); i += workers {
					r := &round[i]
					r.values = make([]float32, min(chunk, r.tensor.numElements()-r.from))
					fillNormal(r.values, r.tensor, r.from, seed)
				}
			})
		}
		group.Wait()
		for _, r := range round {
			at := r.tensor.Offset + r.from
			p.dev.Upload(p.weights.Slice(at, at+len(r.values)), r.values)
		}
	}
}

// initialRange is a part of a tensor's fresh weights, from element from on.
type initialRange struct {
	tensor Tensor
	from   int
	values []float32
}

// drawInit is the second word of the counters of initial weights; those of
// sampling have 0 there (kernels.Uniform), so the two never meet.
const drawInit = 1

// fillNormal sets w to draws of the normal distribution of t, of its elements
// from from on, a multiple of 4: two pairs of the Box–Muller transform from each
// four words of Philox.
func fillNormal(w []float32, t Tensor, from int, seed uint64) {
	for i := range w {
		w[i] = float32(t.mean)
	}
	if t.deviation == 0 {
		return
	}
	for i := 0; i < len(w); i += 4 {
		at := uint64(t.Offset + from + i)
		words := kernels.Philox(seed, [4]uint32{uint32(at), drawInit, uint32(at >> 32), 0})
		z0, z1 := boxMuller(words[0], words[1])
		z2, z3 := boxMuller(words[2], words[3])
		for j, z := range [4]float64{z0, z1, z2, z3} {
			if i+j < len(w) {
				w[i+j] += float32(z * t.deviation)
			}
		}
	}
}

func boxMuller(a, b uint32) (float64, float64) {
	radius := math.Sqrt(-2 * math.Log((float64(a)+1)/(1<<32))) // (0, 1]: no logarithm of 0
	sin, cos := math.Sincos(2 * math.Pi * float64(b) / (1 << 32))
	return radius * cos, radius * sin
}

// Digest returns the SHA-256 of the little-endian bytes of w in hexadecimal: the
// name of a version's weights.
func Digest(w []float32) string {
	h := sha256.New()
	_ = writeFloats(h, w) // a hash's Write never fails
	return hex.EncodeToString(h.Sum(nil))
}
