//go:build cuda

package cuda

import "github.com/octorl/octorl/kernels"

// valueChunk is the rows of a partial sum of the gradient of a value head's
// weight.
const valueChunk = 64

// ValueHead computes values of predictions from hidden states, and their
// gradients from per-token coefficients.
func (d *Device) ValueHead(a kernels.ValueHeadArgs) {
	n, c := a.Rows.Len(), a.Weight.Len()
	hiddenRows := divide(a.Hidden.Len(), c, "ValueHead Hidden")
	hidden, weight := halves(a.Hidden, "ValueHead Hidden", a.Hidden.Len()), halves(a.Weight, "ValueHead Weight", c)
	rows, value := ints(a.Rows, "ValueHead Rows", n), floats(a.Value, "ValueHead Value", n)
	var coef, dHidden, dWeight *buffer
	if a.Coef != nil {
		coef = floats(a.Coef, "ValueHead Coef", n)
		dHidden = halves(a.DHidden, "ValueHead DHidden", a.Hidden.Len())
		dWeight = floats(a.DWeight, "ValueHead DWeight", c)
	}
	d.enter("ValueHead")
	defer d.leave()
	d.launch("values.value_bf16"+alignedSuffix(c, hidden, weight), grid{x: blocksFor(n, 256/warp), threads: 256},
		value, hidden, weight, rows, int32(n), int32(hiddenRows), int32(c))
	if coef == nil {
		return
	}
	if n == 0 {
		d.clear(dHidden)
		return
	}
	s := d.sortRows(rows.at, n, hiddenRows)
	rowCoef := d.scratch(4 * hiddenRows)
	d.launch("values.row_coefs", grid{x: blocksFor(hiddenRows, 256), threads: 256},
		rowCoef, coef, s.ids, s.rows, int32(n), int32(hiddenRows))
	chunks := blocksFor(hiddenRows, valueChunk)
	partials := d.scratch(4 * chunks * c)
	d.launch("values.value_grad_bf16"+alignedSuffix(c, dHidden, hidden, weight),
		grid{x: blocksFor(packsOf(c), warp), y: chunks, threads: 256},
		dHidden, partials, hidden, weight, rowCoef, int32(hiddenRows), int32(c), int32(valueChunk))
	d.addColumns(dWeight, partials, chunks, c)
}
