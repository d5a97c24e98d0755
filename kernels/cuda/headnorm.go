//go:build cuda

package cuda

import (
	"fmt"

	"github.com/octorl/octorl/kernels"
)

// headNormGradBlocks bounds the blocks of HeadNorm's gradient, whatever the
// card: the number of partial sums of the gains' gradient is part of the
// numerics. A thread has headNormFlight heads at a time, flight of headnorm.cu.
const (
	headNormGradBlocks = 132 * 3
	headNormThreads    = 256
	headNormFlight     = 4
)

// HeadNorm normalizes each query and each key head by itself, or where a.DQKV is
// given turns gradients back.
func (d *Device) HeadNorm(a kernels.HeadNormArgs) {
	h := a.Heads
	n, normed := divide(a.QKV.Len(), h.QKV(), "HeadNorm QKV"), h.Query+h.KeyValue
	qkv, gain := halves(a.QKV, "HeadNorm QKV", n*h.QKV()), halves(a.Gain, "HeadNorm Gain", 2*h.Width)
	rstd := floats(a.Rstd, "HeadNorm Rstd", n*normed)
	lanes := headLanes(h.Width)
	if a.DQKV == nil {
		out := halves(a.Out, "HeadNorm Out", n*h.QKV())
		heads := n * (normed + h.KeyValue)
		d.enter("HeadNorm")
		defer d.leave()
		d.launch("headnorm.head_norm_bf16"+alignedSuffix(h.Width, out, qkv, gain),
			grid{x: blocksFor(heads*lanes, headNormThreads*headNormFlight), threads: headNormThreads},
			out, rstd, qkv, gain, int32(n), int32(h.Query), int32(h.KeyValue), int32(h.Width), int32(lanes), a.Eps)
		return
	}
	dqkv, dGain := halves(a.DQKV, "HeadNorm DQKV", n*h.QKV()), floats(a.DGain, "HeadNorm DGain", 2*h.Width)
	blocks := min(blocksFor(n*normed*lanes, headNormThreads), headNormGradBlocks)
	d.enter("HeadNorm")
	defer d.leave()
	partials := d.scratch(4 * blocks * 2 * h.Width)
	d.launch("headnorm.head_norm_grad_bf16"+alignedSuffix(h.Width, dqkv, qkv, gain),
		grid{x: blocks, threads: headNormThreads},
		dqkv, partials, rstd, qkv, gain, int32(n), int32(h.Query), int32(h.KeyValue), int32(h.Width), int32(lanes))
	d.addColumns(dGain, partials, blocks, 2*h.Width)
}

// headLanes returns the neighboring lanes that share a head: a power of two.
func headLanes(width int) int {
	if width > packed*warp {
		panic(fmt.Sprintf("cuda: HeadNorm of heads of %d elements, at most %d", width, packed*warp))
	}
	lanes := 1
	for lanes < packsOf(width) {
		lanes *= 2
	}
	return lanes
}
