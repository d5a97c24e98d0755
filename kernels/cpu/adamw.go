package cpu

import (
	"fmt"
	"math"

	"github.com/octorl/octorl/kernels"
)

// normBlock is the elements whose squares are summed before they join the sum
// of other blocks; it is part of the numerics.
const normBlock = 4096

// SquaredNorm sets out[0] to the sum of squares of x: over blocks of normBlock
// elements, whose sums are then added in order in double precision.
func (d *Device) SquaredNorm(out, x kernels.Buffer) {
	to := floats(out, "SquaredNorm out", 1)
	from := floats(x, "SquaredNorm x", x.Len())
	d.do(func() {
		blocks := (len(from.f) + normBlock - 1) / normBlock
		sums := d.shared.take(blocks)
		d.pool.rows(blocks, normBlock/2, func(_ *worker, b0, b1 int) {
			for b := b0; b < b1; b++ {
				block := from.f[b*normBlock : min((b+1)*normBlock, len(from.f))]
				sums[b] = dotRow(block, block)
			}
		})
		total := 0.0
		for _, s := range sums {
			total += float64(s)
		}
		to.f[0] = float32(total)
	}, to)
}

// adamStep is AdamWArgs with everything that all elements share worked out.
type adamStep struct {
	clip, beta1, beta2, rest1, rest2, rate, c1, c2, eps, decay float32
}

// AdamW updates weights from gradients (arXiv:1711.05101).
func (d *Device) AdamW(a kernels.AdamWArgs) {
	n := a.Master.Len()
	weights := floats(a.Weights, "AdamW Weights", n)
	master := floats(a.Master, "AdamW Master", n)
	grads := floats(a.Grads, "AdamW Grads", n)
	m, v := floats(a.M, "AdamW M", n), floats(a.V, "AdamW V", n)
	norm := floats(a.Norm, "AdamW Norm", 1)
	before := optionalFloats(a.Before, "AdamW Before")
	hyper := floats(a.Hyper, "AdamW Hyper", 3+2*len(before))
	if a.MaxNorm < 0 {
		panic(fmt.Sprintf("cpu: AdamW with MaxNorm %g", a.MaxNorm))
	}
	d.do(func() {
		s, finite := newAdamStep(a, norm.f[0], before, hyper.f)
		if !finite {
			return
		}
		d.pool.rows(n, 2, func(_ *worker, from, to int) {
			adamRow(master.f[from:to], grads.f[from:to], m.f[from:to], v.f[from:to], &s)
			if n > 0 && &weights.f[0] != &master.f[0] {
				copy(weights.f[from:to], master.f[from:to])
			}
		})
	}, weights, master, m, v)
}

func newAdamStep(a kernels.AdamWArgs, norm float32, before, hyper []float32) (s adamStep, finite bool) {
	if !isNorm(norm) {
		return s, false
	}
	root, made := math.Sqrt(float64(norm)), 0
	for _, n := range before {
		if isNorm(n) {
			made++
		}
	}
	clip := 1.0
	if a.MaxNorm > 0 && root > float64(a.MaxNorm) {
		clip = float64(a.MaxNorm) / root
	}
	return adamStep{
		clip: float32(clip), beta1: a.Beta1, beta2: a.Beta2, rest1: 1 - a.Beta1, rest2: 1 - a.Beta2,
		rate: hyper[0], c1: hyper[1+2*made], c2: hyper[2+2*made], eps: a.Eps, decay: a.Decay,
	}, true
}

// isNorm reports whether a sum of squares is one by which an update is made.
func isNorm(squares float32) bool { return squares >= 0 && !math.IsInf(float64(squares), 1) }

// optionalFloats returns the elements of a Float32 buffer, or none of nil.
func optionalFloats(b kernels.Buffer, what string) []float32 {
	if b == nil {
		return nil
	}
	return floats(b, what, b.Len()).f
}
