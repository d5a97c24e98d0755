//go:build cuda

package cuda

import (
	"fmt"

	"github.com/octorl/octorl/kernels"
)

// gradBlocks returns the blocks of AddNormGrad: as many warps as fit on 132
// multiprocessors, whatever card it runs on, for the number of partial sums of
// gain's gradient is part of the numerics.
func gradBlocks(t rowThreads) int {
	warps := 16
	if t.packs == 1 {
		warps = 32
	}
	return 132 * max(1, warps*warp/(t.lanes*t.groups))
}

// AddNorm sets sum to x + y and out to RMSNorm(sum)·gain (arXiv:1910.07467),
// of the sum as it is rounded.
func (d *Device) AddNorm(sum, out, rstd, x, y, gain kernels.Buffer, eps float32) {
	c := gain.Len()
	n := divide(out.Len(), c, "AddNorm out")
	g, to := halves(gain, "AddNorm gain", c), halves(out, "AddNorm out", n*c)
	scale, from := floats(rstd, "AddNorm rstd", n), halves(x, "AddNorm x", n*c)
	var total, other *buffer
	if y != nil {
		total, other = halves(sum, "AddNorm sum", n*c), halves(y, "AddNorm y", n*c)
	}
	t := shareRow(c, 4, 3, 2, 1)
	name := fmt.Sprintf("norm.add_norm_bf16_%d%s", t.packs, alignedSuffix(c, total, to, from, other, g))
	d.enter("AddNorm")
	defer d.leave()
	d.launch(name, grid{x: blocksFor(n, t.groups), threads: t.lanes * t.groups},
		total, to, scale, from, other, g, int32(n), int32(c), int32(t.lanes), eps)
}

// AddNormGrad adds to dx the gradient of RMSNorm's input, and to dGain that of
// gain: groups of threads sum those of every so many rows, and these sums are
// added up in order.
func (d *Device) AddNormGrad(dx, dGain, dOut, sum, gain, rstd kernels.Buffer) {
	c := gain.Len()
	n := divide(dx.Len(), c, "AddNormGrad dx")
	to, dg := halves(dx, "AddNormGrad dx", n*c), floats(dGain, "AddNormGrad dGain", c)
	do, in := halves(dOut, "AddNormGrad dOut", n*c), halves(sum, "AddNormGrad sum", n*c)
	g, scale := halves(gain, "AddNormGrad gain", c), floats(rstd, "AddNormGrad rstd", n)
	t := shareRow(c, 2, 1, 4)
	name := fmt.Sprintf("norm.add_norm_grad_bf16_%d%s", t.packs, alignedSuffix(c, to, do, in, g))
	blocks := min(gradBlocks(t), blocksFor(n, t.groups))
	parts := min(blocks*t.groups, n)
	d.enter("AddNormGrad")
	defer d.leave()
	partials := d.scratch(4 * parts * c)
	d.launch(name, grid{x: blocks, threads: t.lanes * t.groups},
		to, partials, do, in, g, scale, int32(n), int32(c), int32(t.lanes))
	d.addColumns(dg, partials, parts, c)
}

// addColumns adds to to the columns' sums of rows partial rows.
func (d *Device) addColumns(to *buffer, partials devicePointer, rows, width int) {
	d.launch("norm.add_columns", grid{x: blocksFor(width, warp), threads: 512},
		to, partials, int32(rows), int32(width))
}
