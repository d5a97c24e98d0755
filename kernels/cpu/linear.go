package cpu

import (
	"github.com/octorl/octorl/kernels"
)

// Linear sets out to x·wᵀ, plus bias where it is not nil.
func (d *Device) Linear(s kernels.LinearShape, out, x, w, bias kernels.Buffer) {
	to := floats(out, "Linear out", s.Rows*s.Out)
	from := floats(x, "Linear x", s.Rows*s.In)
	weight := floats(w, "Linear w", s.Out*s.In)
	var shift *buffer
	if bias != nil {
		shift = floats(bias, "Linear bias", s.Out)
	}
	d.do(func() {
		b := d.packed(weight, s.Out, s.In, true)
		d.pool.multiply(product{output{to.f, s.Out}, matrix{from.f, s.In, 1}, b, s.Rows, false, s.In})
		if shift != nil {
			d.pool.rows(s.Rows, s.Out, func(_ *worker, m0, m1 int) {
				for m := m0; m < m1; m++ {
					row := to.f[m*s.Out : (m+1)*s.Out]
					addRow(row, row, shift.f)
				}
			})
		}
	}, to)
}

// LinearGradInput sets dx to dy·w.
func (d *Device) LinearGradInput(s kernels.LinearShape, dx, dy, w kernels.Buffer) {
	to := floats(dx, "LinearGradInput dx", s.Rows*s.In)
	from := floats(dy, "LinearGradInput dy", s.Rows*s.Out)
	weight := floats(w, "LinearGradInput w", s.Out*s.In)
	d.do(func() {
		b := d.packed(weight, s.Out, s.In, false)
		d.pool.multiply(product{output{to.f, s.In}, matrix{from.f, s.Out, 1}, b, s.Rows, false, s.Out})
	}, to)
}

// LinearGradWeight adds dyᵀ·x to dw, and the sums of dy's columns to dBias
// where it is not nil.
func (d *Device) LinearGradWeight(s kernels.LinearShape, dw, dBias, dy, x kernels.Buffer) {
	to := floats(dw, "LinearGradWeight dw", s.Out*s.In)
	left := floats(dy, "LinearGradWeight dy", s.Rows*s.Out)
	right := floats(x, "LinearGradWeight x", s.Rows*s.In)
	if dBias == nil {
		d.do(func() { d.gradWeight(s, to.f, left.f, right.f) }, to)
		return
	}
	bias := floats(dBias, "LinearGradWeight dBias", s.Out)
	d.do(func() {
		d.gradWeight(s, to.f, left.f, right.f)
		d.pool.columns(s.Out, s.Rows, func(from, to int) {
			for n := range s.Rows {
				addRow(bias.f[from:to], bias.f[from:to], left.f[n*s.Out+from:n*s.Out+to])
			}
		})
	}, to, bias)
}

// gradDepth is blockDepth where both operands are streams of activations.
const gradDepth = 160

// gradStrip is the rows of dw that one task computes: they are columns of dy,
// packed so that the rows of a tile lie together.
const gradStrip = 24 * tileRows

// gradWeight adds dyᵀ·x to dw. Tasks are strips of dw, never of the reduced
// index: sums ascend in the row.
func (d *Device) gradWeight(s kernels.LinearShape, dw, dy, x []float32) {
	if s.Rows == 0 || s.In == 0 || s.Out == 0 {
		return
	}
	b := d.shared.takePanels(s.Rows, s.In)
	d.pool.rows(panelCount(s.In), s.Rows*tileCols, func(_ *worker, from, to int) {
		for p := from; p < to; p++ {
			b.packCols(p, x, s.In, s.Rows)
		}
	})
	strips, cols := (s.Out+gradStrip-1)/gradStrip, panelCount(s.In)
	wide := max(4, cols*strips/(4*len(d.pool.workers)))
	across := (cols + wide - 1) / wide
	g := weightGrad{s, dw, dy, b}
	d.pool.run(strips*across, func(w *worker, i int) {
		from, p := i/across*gradStrip, i%across*wide
		g.add(w, from, p, min(p+wide, cols))
	})
}

// weightGrad is one call of gradWeight, with x in panels.
type weightGrad struct {
	kernels.LinearShape
	dw, dy []float32
	x      panels
}

// add computes the strip of dw's rows that begins at from, in panels [p0, p1).
func (g *weightGrad) add(w *worker, from, p0, p1 int) {
	rows := min(gradStrip, g.Out-from)
	at := w.take(gradDepth * gradStrip)
	for k := 0; k < g.Rows; k += gradDepth {
		depth := min(gradDepth, g.Rows-k)
		copyColumns(at, gradStrip, g.dy[k*g.Out+from:], g.Out, depth, rows)
		sum := product{output{g.dw[from*g.In:], g.In}, matrix{at, 1, gradStrip}, g.x, rows, true, depth}
		for p := p0; p < p1; p++ {
			sum.strip(w, region{0, rows, p, p + 1}, steps{0, k, depth}, true)
		}
	}
}

// columns calls f for column ranges that make up [0, n), in parallel, for
// sums over rows.
func (p *pool) columns(n, rows int, f func(from, to int)) {
	const wide = 64
	if n*rows < minWork {
		f(0, n)
		return
	}
	p.run((n+wide-1)/wide, func(_ *worker, i int) { f(i*wide, min(n, (i+1)*wide)) })
}
