//go:build cuda

package cuda

import "github.com/octorl/octorl/kernels"

// Linear sets out to x·wᵀ, plus bias where it is not nil.
func (d *Device) Linear(s kernels.LinearShape, out, x, w, bias kernels.Buffer) {
	to := halves(out, "Linear out", s.Rows*s.Out)
	from := halves(x, "Linear x", s.Rows*s.In)
	weight := halves(w, "Linear w", s.Out*s.In)
	o := gemmOut{Type: kernels.BFloat16}
	if bias != nil {
		o.Bias = halves(bias, "Linear bias", s.Out).ptr()
	}
	d.enter("Linear")
	defer d.leave()
	d.gemm(gemmNT, gemmShape{M: s.Rows, N: s.Out, K: s.In}, to.ptr(), from.ptr(), weight.ptr(), o)
}

// LinearGradInput sets dx to dy·w.
func (d *Device) LinearGradInput(s kernels.LinearShape, dx, dy, w kernels.Buffer) {
	to := halves(dx, "LinearGradInput dx", s.Rows*s.In)
	from := halves(dy, "LinearGradInput dy", s.Rows*s.Out)
	weight := halves(w, "LinearGradInput w", s.Out*s.In)
	d.enter("LinearGradInput")
	defer d.leave()
	d.gemm(gemmNN, gemmShape{M: s.Rows, N: s.In, K: s.Out}, to.ptr(), from.ptr(), weight.ptr(), gemmOut{Type: kernels.BFloat16})
}

// LinearGradWeight adds dyᵀ·x to dw, and the sums of dy's columns to dBias
// where it is not nil.
func (d *Device) LinearGradWeight(s kernels.LinearShape, dw, dBias, dy, x kernels.Buffer) {
	to := floats(dw, "LinearGradWeight dw", s.Out*s.In)
	left := halves(dy, "LinearGradWeight dy", s.Rows*s.Out)
	right := halves(x, "LinearGradWeight x", s.Rows*s.In)
	var shift *buffer
	if dBias != nil {
		shift = floats(dBias, "LinearGradWeight dBias", s.Out)
	}
	d.enter("LinearGradWeight")
	defer d.leave()
	d.gemm(gemmTN, gemmShape{M: s.Out, N: s.In, K: s.Rows}, to.ptr(), left.ptr(), right.ptr(),
		gemmOut{Type: kernels.Float32, Accumulate: true})
	if shift != nil {
		d.sumColumns(shift, left, s.Rows, s.Out)
	}
}

// columnChunk is the rows that are summed by themselves in sumColumns.
const columnChunk = 512

// sumColumns adds to to the sums of the columns of x, rows of cols.
func (d *Device) sumColumns(to, x *buffer, rows, cols int) {
	if rows == 0 {
		return
	}
	chunks := divideUp(rows, columnChunk)
	partials := d.scratch(chunks * cols * 4)
	d.launch("columns.sum_chunks", grid{x: divideUp(cols, 64), y: chunks, threads: 256},
		partials, x, int64(cols), int32(rows), int32(cols), int32(columnChunk))
	d.addColumns(to, partials, chunks, cols)
}
