package cpu

import (
	"math"

	"github.com/octorl/octorl/kernels"
)

// headNorm is a HeadNorm under way on host memory. Head h of a row is a query
// or, from Query on, a key.
type headNorm struct {
	kernels.Heads
	n                                 int // rows
	qkv, gain, out, rstd, dqkv, dGain []float32
	eps                               float32
}

// HeadNorm normalizes each query and each key head by itself, or where a.DQKV is
// given turns gradients back. The sums are those of AddNorm.
func (d *Device) HeadNorm(a kernels.HeadNormArgs) {
	h := a.Heads
	n := divide(a.QKV.Len(), h.QKV(), "HeadNorm qkv")
	rstd := floats(a.Rstd, "HeadNorm rstd", n*(h.Query+h.KeyValue))
	o := headNorm{
		Heads: h, n: n, eps: a.Eps, rstd: rstd.f,
		qkv:  floats(a.QKV, "HeadNorm qkv", n*h.QKV()).f,
		gain: floats(a.Gain, "HeadNorm gain", 2*h.Width).f,
	}
	if a.DQKV == nil {
		out := floats(a.Out, "HeadNorm out", n*h.QKV())
		o.out = out.f
		d.do(func() { o.forward(d.pool) }, out, rstd)
		return
	}
	dqkv := floats(a.DQKV, "HeadNorm dqkv", n*h.QKV())
	dGain := floats(a.DGain, "HeadNorm dGain", 2*h.Width)
	o.dqkv, o.dGain = dqkv.f, dGain.f
	d.do(func() { o.backward(d.pool) }, dqkv, dGain)
}

// at returns head i of row n of x, a matrix like qkv.
func (o *headNorm) at(x []float32, n, i int) []float32 {
	return x[n*o.QKV()+i*o.Width:][:o.Width]
}

// kind returns the part of a (2, D) matrix that head i uses.
func (o *headNorm) kind(x []float32, i int) []float32 {
	if i < o.Query {
		return x[:o.Width]
	}
	return x[o.Width:]
}

func (o *headNorm) forward(p *pool) {
	heads := o.Query + o.KeyValue
	p.rows(o.n, 2*o.QKV(), func(_ *worker, n0, n1 int) {
		for n := n0; n < n1; n++ {
			for i := range heads {
				row := o.at(o.qkv, n, i)
				s := float32(1 / math.Sqrt(float64(dotRow(row, row)/float32(o.Width)+o.eps)))
				o.rstd[n*heads+i] = s
				scaleByGain(o.at(o.out, n, i), row, o.kind(o.gain, i), s)
			}
			copy(o.out[n*o.QKV()+heads*o.Width:(n+1)*o.QKV()], o.qkv[n*o.QKV()+heads*o.Width:])
		}
	})
}

// backward adds to dGain first, since it reads what the rows then overwrite.
func (o *headNorm) backward(p *pool) {
	heads := o.Query + o.KeyValue
	p.columns(o.Width, o.n*heads, func(c0, c1 int) {
		for j, s := range o.rstd {
			n, i := j/heads, j%heads
			addProductRow(o.kind(o.dGain, i)[c0:c1], o.at(o.dqkv, n, i)[c0:c1], o.at(o.qkv, n, i)[c0:c1], s)
		}
	})
	p.rows(o.n, 3*o.QKV(), func(w *worker, n0, n1 int) {
		dOut := w.take(o.Width)
		for j := n0 * heads; j < n1*heads; j++ {
			n, i, s := j/heads, j%heads, o.rstd[j]
			row, dx, gain := o.at(o.qkv, n, i), o.at(o.dqkv, n, i), o.kind(o.gain, i)
			copy(dOut, dx)
			clear(dx)
			shared := -s * s * s * dot3Row(row, dOut, gain) / float32(o.Width)
			normGradRow(dx, dOut, gain, row, s, shared)
		}
	})
}
