package cpu

import (
	"math"

	"github.com/octorl/octorl/kernels"
)

// AddNorm sets sum to x + y and out to RMSNorm(sum)·gain (arXiv:1910.07467).
// The mean of squares is a sum of eight lanes, by index modulo 8.
func (d *Device) AddNorm(sum, out, rstd, x, y, gain kernels.Buffer, eps float32) {
	g := floats(gain, "AddNorm gain", gain.Len())
	c := len(g.f)
	n := divide(out.Len(), c, "AddNorm out")
	to := floats(out, "AddNorm out", n*c)
	scale := floats(rstd, "AddNorm rstd", n)
	from := floats(x, "AddNorm x", n*c)
	if y == nil {
		d.do(func() { d.norm(to.f, scale.f, from.f, nil, from.f, g.f, eps) }, to, scale)
		return
	}
	total := floats(sum, "AddNorm sum", n*c)
	other := floats(y, "AddNorm y", n*c)
	d.do(func() { d.norm(to.f, scale.f, from.f, other.f, total.f, g.f, eps) }, to, scale, total)
}

func (d *Device) norm(out, rstd, x, y, sum, gain []float32, eps float32) {
	c := len(gain)
	d.pool.rows(len(rstd), 2*c, func(_ *worker, n0, n1 int) {
		for n := n0; n < n1; n++ {
			row := sum[n*c : (n+1)*c]
			if y != nil {
				addRow(row, x[n*c:(n+1)*c], y[n*c:(n+1)*c])
			}
			mean := dotRow(row, row) / float32(c)
			rstd[n] = float32(1 / math.Sqrt(float64(mean+eps)))
			scaleByGain(out[n*c:(n+1)*c], row, gain, rstd[n])
		}
	})
}

// AddNormGrad adds to dx the gradient of RMSNorm's input, and to dGain that of
// gain. With g = dOut·gain, the input's is rstd·(g − sum·rstd²·mean(g·sum)).
func (d *Device) AddNormGrad(dx, dGain, dOut, sum, gain, rstd kernels.Buffer) {
	g := floats(gain, "AddNormGrad gain", gain.Len())
	c := len(g.f)
	n := divide(dx.Len(), c, "AddNormGrad dx")
	to := floats(dx, "AddNormGrad dx", n*c)
	dg := floats(dGain, "AddNormGrad dGain", c)
	do := floats(dOut, "AddNormGrad dOut", n*c)
	in := floats(sum, "AddNormGrad sum", n*c)
	r := floats(rstd, "AddNormGrad rstd", n)
	d.do(func() {
		d.pool.rows(n, 3*c, func(_ *worker, n0, n1 int) {
			for n := n0; n < n1; n++ {
				row, from := in.f[n*c:(n+1)*c], do.f[n*c:(n+1)*c]
				s := r.f[n]
				shared := -s * s * s * dot3Row(row, from, g.f) / float32(c)
				normGradRow(to.f[n*c:(n+1)*c], from, g.f, row, s, shared)
			}
		})
		d.pool.columns(c, n, func(c0, c1 int) {
			addProducts(dg.f[c0:c1], do.f[c0:], in.f[c0:], c, r.f)
		})
	}, to, dg)
}
