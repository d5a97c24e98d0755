//go:build cuda

package cuda

import (
	"fmt"

	"github.com/octorl/octorl/kernels"
)

// squaresBlocks bounds the blocks of SquaredNorm, whatever the card: the order
// of summation follows from it.
const (
	squaresBlocks  = 132 * 16
	squaresThreads = 256
	squaresStretch = 8 * 4 * squaresThreads // elements of a block at a time
)

// SquaredNorm sets out[0] to the sum of squares of x: sums of 32 in single
// precision, added up in double.
func (d *Device) SquaredNorm(out, x kernels.Buffer) {
	n := x.Len()
	to, from := floats(out, "SquaredNorm out", 1), floats(x, "SquaredNorm x", n)
	blocks := min(blocksFor(n, squaresStretch), squaresBlocks)
	d.enter("SquaredNorm")
	defer d.leave()
	partials := d.scratch(8 * squaresBlocks)
	d.launch("adamw.sum_squares", grid{x: blocks, threads: squaresThreads}, partials, from, int64(n))
	d.launch("adamw.sum_partials", grid{x: 1, threads: warp}, to, partials, int32(blocks))
}

// AdamW updates weights from gradients (arXiv:1711.05101).
func (d *Device) AdamW(a kernels.AdamWArgs) {
	n := a.Master.Len()
	weights, master := halves(a.Weights, "AdamW Weights", n), floats(a.Master, "AdamW Master", n)
	grads, m, v := floats(a.Grads, "AdamW Grads", n), floats(a.M, "AdamW M", n), floats(a.V, "AdamW V", n)
	norm, before := floats(a.Norm, "AdamW Norm", 1), (*buffer)(nil)
	pending := 0
	if a.Before != nil {
		pending = a.Before.Len()
		before = floats(a.Before, "AdamW Before", pending)
	}
	hyper := floats(a.Hyper, "AdamW Hyper", 3+2*pending)
	if a.MaxNorm < 0 {
		panic(fmt.Sprintf("cuda: AdamW with MaxNorm %g", a.MaxNorm))
	}
	aligned := int32(1) // a quad of weights is 8 bytes
	if weights.at%8 != 0 || (master.at|grads.at|m.at|v.at)%16 != 0 {
		aligned = 0
	}
	d.enter("AdamW")
	defer d.leave()
	d.launch("adamw.adamw_bf16", grid{x: blocksFor(n, 4*256), threads: 256},
		weights, master, grads, m, v, norm, before, hyper, int64(n), int32(pending), aligned, a.MaxNorm, a.Beta1, a.Beta2, a.Eps, a.Decay)
}
