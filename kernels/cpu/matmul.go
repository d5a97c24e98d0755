package cpu

// tile is the micro-kernel's: tileRows × tileCols sums are held in registers.
const (
	tileRows = 6
	tileCols = 16
)

// blockDepth is how much of the reduced index a micro-kernel call covers, so
// that its panel of the right matrix stays in the first-level cache. The sums
// are carried on from block to block: it does not influence results.
const blockDepth = 256

// blockRows is the rows of the left matrix that one task multiplies by the same
// panels: a block of them stays in the second-level cache.
const blockRows = 16 * tileRows

// matrix is a left operand: element (m, k) is at[m·row + k·step].
type matrix struct {
	at        []float32
	row, step int
}

// from returns the matrix without its first m rows.
func (a matrix) from(m int) matrix { return matrix{a.at[m*a.row:], a.row, a.step} }

// panels is a right operand of depth × cols, stored as column panels: element
// (k, n) is at[(n/16·depth + k)·16 + n%16]. Columns beyond cols are zero.
type panels struct {
	at          []float32
	depth, cols int
}

// panelCount returns the panels for n columns.
func panelCount(n int) int { return (n + tileCols - 1) / tileCols }

// panel returns panel p from depth k on.
func (b panels) panel(p, k int) []float32 { return b.at[(p*b.depth+k)*tileCols:] }

// output is where products go: element (m, n) at[m·row + n].
type output struct {
	at  []float32
	row int
}

// product is out = a·b, or out += a·b with add. Each output element is one
// chain of multiply-adds that begins with zero, or with the element, and
// ascends in k.
type product struct {
	out   output
	a     matrix
	b     panels
	rows  int
	add   bool
	depth int // of the sum: at most b.depth
}

// multiply computes the product, in parallel where that pays.
func (p *pool) multiply(g product) {
	cols := panelCount(g.b.cols)
	if g.rows == 0 || cols == 0 {
		return
	}
	if g.rows*g.depth*cols*tileCols < 8*minWork || len(p.workers) == 1 {
		p.run(1, func(w *worker, _ int) { g.block(w, 0, g.rows, 0, cols) })
		return
	}
	rows, wide := taskShape(g.rows, cols, len(p.workers))
	across, down := (cols+wide-1)/wide, (g.rows+rows-1)/rows
	p.run(across*down, func(w *worker, i int) {
		m, n := i/across*rows, i%across*wide
		g.block(w, m, min(m+rows, g.rows), n, min(n+wide, cols))
	})
}

// taskShape returns the rows and panels of one task, so that each worker has
// several.
func taskShape(rows, cols, workers int) (int, int) {
	switch {
	case rows >= 4*workers*blockRows:
		return blockRows, cols
	case rows >= 2*workers*tileRows:
		return (rows/(4*workers)/tileRows + 1) * tileRows, cols
	default:
		wide := (cols + 4*workers - 1) / (4 * workers)
		return rows, (wide + 3) &^ 3
	}
}

// block computes rows [m0, m1) of panels [n0, n1).
func (g *product) block(w *worker, m0, m1, n0, n1 int) {
	for k := 0; k < g.depth; k += blockDepth {
		depth := min(blockDepth, g.depth-k)
		add := g.add || k > 0
		for n := n0; n < n1; n++ {
			if wide := 4; m1-m0 == 1 && n+wide <= n1 && (n+wide)*tileCols <= g.b.cols {
				multiplyWide(g.out.at[m0*g.out.row+n*tileCols:], g.a.at[m0*g.a.row+k*g.a.step:], g.a.step,
					g.b.panel(n, k), g.b.depth*tileCols, depth, add)
				n += wide - 1
				continue
			}
			g.strip(w, m0, m1, n, k, k, depth, add)
		}
	}
	if g.depth == 0 && !g.add {
		for m := m0; m < m1; m++ {
			clear(g.out.at[m*g.out.row+n0*tileCols : m*g.out.row+min(n1*tileCols, g.b.cols)])
		}
	}
}

// strip computes rows [m0, m1) of panel n for depth steps of the reduced index,
// from ka on in the left operand and kb on in the right.
func (g *product) strip(w *worker, m0, m1, n, ka, kb, depth int, add bool) {
	b := g.b.panel(n, kb)
	cols := min(tileCols, g.b.cols-n*tileCols)
	for m := m0; m < m1; m += tileRows {
		rows := min(tileRows, m1-m)
		a := matrix{g.a.at[m*g.a.row+ka*g.a.step:], g.a.row, g.a.step}
		out := output{g.out.at[m*g.out.row+n*tileCols:], g.out.row}
		if cols == tileCols {
			multiplyTile(out, a, b, rows, depth, add)
		} else {
			w.partialTile(out, a, b, rows, cols, depth, add)
		}
	}
}

// partialTile is multiplyTile for fewer than tileCols columns.
func (w *worker) partialTile(out output, a matrix, b []float32, rows, cols, depth int, add bool) {
	t := output{w.tile[:], tileCols}
	for r := range rows {
		copy(t.at[r*tileCols:][:cols], out.at[r*out.row:])
	}
	multiplyTile(t, a, b, rows, depth, add)
	for r := range rows {
		copy(out.at[r*out.row:][:cols], t.at[r*tileCols:])
	}
}
