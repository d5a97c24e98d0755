package cpu

import "github.com/octorl/octorl/kernels"

// swigluCost is the element operations of one output element, for the exponential.
const swigluCost = 4

// SwiGLU sets out to silu(gate)·up (arXiv:2002.05202).
func (d *Device) SwiGLU(out, gateUp kernels.Buffer, width int) {
	n := divide(out.Len(), width, "SwiGLU out")
	to := floats(out, "SwiGLU out", n*width)
	from := floats(gateUp, "SwiGLU gateUp", 2*n*width)
	d.do(func() {
		d.pool.rows(n, swigluCost*width, func(_ *worker, n0, n1 int) {
			for n := n0; n < n1; n++ {
				gate, up := halves(from.f, n, width)
				swigluRow(to.f[n*width:(n+1)*width], gate, up)
			}
		})
	}, to)
}

// SwiGLUGrad sets dGateUp to the gradient for gateUp, and out to what SwiGLU
// makes of gateUp.
func (d *Device) SwiGLUGrad(dGateUp, out, dOut, gateUp kernels.Buffer, width int) {
	n := divide(dOut.Len(), width, "SwiGLUGrad dOut")
	to := floats(dGateUp, "SwiGLUGrad dGateUp", 2*n*width)
	do := floats(dOut, "SwiGLUGrad dOut", n*width)
	from := floats(gateUp, "SwiGLUGrad gateUp", 2*n*width)
	written := []*buffer{to}
	var again *buffer
	if out != nil {
		again = floats(out, "SwiGLUGrad out", n*width)
		written = append(written, again)
	}
	d.do(func() {
		d.pool.rows(n, 2*swigluCost*width, func(_ *worker, n0, n1 int) {
			for n := n0; n < n1; n++ {
				gate, up := halves(from.f, n, width)
				dGate, dUp := halves(to.f, n, width)
				swigluGradRow(dGate, dUp, do.f[n*width:(n+1)*width], gate, up)
				if again != nil { // after dOut has been read
					swigluRow(again.f[n*width:(n+1)*width], gate, up)
				}
			}
		})
	}, written...)
}

// halves returns the gates and the ups of row n.
func halves(gateUp []float32, n, width int) (gate, up []float32) {
	row := gateUp[2*n*width : 2*(n+1)*width]
	return row[:width], row[width:]
}
