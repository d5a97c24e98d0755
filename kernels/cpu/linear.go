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
		d.pool.multiply(product{output{to.f, s.Out}, matrix{from.f, s.In, 1}, b, s.Rows, false, s.In, nil})
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
		d.pool.multiply(product{output{to.f, s.In}, matrix{from.f, s.Out, 1}, b, s.Rows, false, s.Out, nil})
	}, to)
}

// LinearGradWeight adds dyᵀ·x to dw, and the sums of dy's columns to dBias
// where it is not nil.
func (d *Device) LinearGradWeight(s kernels.LinearShape, dw, dBias, dy, x kernels.Buffer) {
	to := floats(dw, "LinearGradWeight dw", s.Out*s.In)
	left := floats(dy, "LinearGradWeight dy", s.Rows*s.Out)
	right := floats(x, "LinearGradWeight x", s.Rows*s.In)
	if dBias == nil {
		d.do(func() { d.gradWeight(s, to.f, rowsOf{left.f, s.Out}, rowsOf{right.f, s.In}) }, to)
		return
	}
	bias := floats(dBias, "LinearGradWeight dBias", s.Out)
	d.do(func() {
		d.gradWeight(s, to.f, rowsOf{left.f, s.Out}, rowsOf{right.f, s.In})
		d.pool.columns(s.Out, s.Rows, func(from, to int) {
			for n := range s.Rows {
				addRow(bias.f[from:to], bias.f[from:to], left.f[n*s.Out+from:n*s.Out+to])
			}
		})
	}, to, bias)
}

// gradDepth is blockDepth where both operands are streams of activations.
const gradDepth = 320

// gradWeight adds dyᵀ·x to dw. Tasks are parts of dw, never of the reduced
// index: sums ascend in the row.
func (d *Device) gradWeight(s kernels.LinearShape, dw []float32, dy, x rowsOf) {
	if s.Rows == 0 || s.In == 0 || s.Out == 0 {
		return
	}
	g := weightGrad{s, dw, dy, x}
	whole := region{0, s.Out, 0, panelCount(s.In)}
	d.pool.regions(newTasks(whole, len(d.pool.workers), copyCost), g.add)
}

// rowsOf is a matrix whose rows are row apart.
type rowsOf struct {
	at  []float32
	row int
}

// weightGrad is one call of gradWeight.
type weightGrad struct {
	kernels.LinearShape
	dw    []float32
	dy, x rowsOf
}

// add computes a region of dw. Its part of dy is copied, so that the columns
// that become a tile's rows lie together; x is read where it lies if that serves.
func (g *weightGrad) add(w *worker, r region) {
	rows := r.m1 - r.m0
	row := (rows + tileCols - 1) &^ (tileCols - 1)
	left := w.take(gradDepth * row)
	whole := g.In / tileCols // panels
	var right panels
	if g.x.row%clashingRow == 0 {
		whole = 0
	}
	if whole < r.n1 {
		right = w.takePanels(gradDepth, g.In-max(whole, r.n0)*tileCols)
	}
	for k := 0; k < g.Rows; k += gradDepth {
		depth := min(gradDepth, g.Rows-k)
		copyColumnsGo(left, row, g.dy.at[k*g.dy.row+r.m0:], g.dy.row, depth, rows)
		sum := product{output{g.dw[r.m0*g.In:], g.In}, matrix{left, 1, row}, panels{}, rows, true, depth, nil}
		if r.n0 < whole {
			sum.b = panels{g.x.at[k*g.x.row:], depth, whole * tileCols, tileCols, g.x.row}
			g.addWhole(w, sum, k, region{r.m0, r.m1, r.n0, min(r.n1, whole)})
		}
		if whole < r.n1 {
			g.addPacked(w, sum, right, k, region{0, rows, max(r.n0, whole), r.n1})
		}
	}
}

// addWhole adds the part of x from row k on to whole panels of dw. Meanwhile it
// asks for the next panels of x and for the next part of dy.
func (g *weightGrad) addWhole(w *worker, sum product, k int, r region) {
	var ahead [maxBlockRows / tileRows]lines
	left := r.m0
	for n := r.n0; n < r.n1; {
		wide := min(panelsAtOnce(), r.n1-n)
		sum.ahead = ahead[:0]
		for p := n + wide; p < min(n+2*wide, r.n1); p++ {
			sum.ahead = append(sum.ahead, lines{g.x.at[k*g.x.row+p*tileCols:], g.x.row})
		}
		for ; k+gradDepth < g.Rows && left < r.m1 && len(sum.ahead) < cap(sum.ahead); left += tileCols {
			sum.ahead = append(sum.ahead, lines{g.dy.at[(k+gradDepth)*g.dy.row+left:], g.dy.row})
		}
		sum.strip(w, region{0, r.m1 - r.m0, n, n + wide}, steps{0, 0, sum.depth}, true)
		n += wide
	}
}

// addPacked adds the part of x from row k on to panels of dw from a copy in right.
func (g *weightGrad) addPacked(w *worker, sum product, right panels, k int, r region) {
	first := r.n0 * tileCols
	for p := range r.n1 - r.n0 {
		right.packCols(p, g.x.at[k*g.x.row+first:], g.x.row, sum.depth)
	}
	sum.b = right
	sum.out.at = sum.out.at[first:]
	sum.part(w, region{0, r.m1, 0, r.n1 - r.n0}, steps{0, 0, sum.depth}, true)
}

// clashingRow is the multiples of which are distances of rows, in floats, at
// which the caches keep too few of them.
const clashingRow = 512

// columnsAtOnce is how many columns one sum over rows has: few enough for
// their sums to stay in registers, and for workers to share out.
const columnsAtOnce = 32

// columns calls f for column ranges that make up [0, n), in parallel, for
// sums over rows.
func (p *pool) columns(n, rows int, f func(from, to int)) {
	const wide = columnsAtOnce
	if n*rows < minWork {
		f(0, n)
		return
	}
	p.run((n+wide-1)/wide, func(_ *worker, i int) { f(i*wide, min(n, (i+1)*wide)) })
}
