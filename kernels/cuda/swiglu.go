//go:build cuda

package cuda

import "github.com/octorl/octorl/kernels"

// swigluPacks is the packs of output of a block: flight of swiglu.cu for each of
// its threads.
const (
	swigluThreads = 256
	swigluPacks   = 2 * swigluThreads
)

// SwiGLU sets out to silu(gate)·up (arXiv:2002.05202).
func (d *Device) SwiGLU(out, gateUp kernels.Buffer, width int) {
	n := divide(out.Len(), width, "SwiGLU out")
	to, from := halves(out, "SwiGLU out", n*width), halves(gateUp, "SwiGLU gateUp", 2*n*width)
	d.enter("SwiGLU")
	defer d.leave()
	d.launch("swiglu.swiglu_bf16"+alignedSuffix(width, to, from), swigluGrid(n, width),
		to, from, int32(n), int32(width))
}

// SwiGLUGrad sets dGateUp to the gradient for gateUp, and out to what SwiGLU
// makes of gateUp.
func (d *Device) SwiGLUGrad(dGateUp, out, dOut, gateUp kernels.Buffer, width int) {
	n := divide(dOut.Len(), width, "SwiGLUGrad dOut")
	to, from := halves(dGateUp, "SwiGLUGrad dGateUp", 2*n*width), halves(gateUp, "SwiGLUGrad gateUp", 2*n*width)
	do := halves(dOut, "SwiGLUGrad dOut", n*width)
	again, written := (*buffer)(nil), to
	if out != nil {
		again = halves(out, "SwiGLUGrad out", n*width)
		written = again
	}
	d.enter("SwiGLUGrad")
	defer d.leave()
	d.launch("swiglu.swiglu_grad_bf16"+alignedSuffix(width, to, do, from, written), swigluGrid(n, width),
		to, again, do, from, int32(n), int32(width))
}

func swigluGrid(n, width int) grid {
	return grid{x: blocksFor(n*packsOf(width), swigluPacks), threads: swigluThreads}
}
