package cpu

// tile is the micro-kernel's: tileRows × tileCols sums are held in registers.
const (
	tileRows = 6
	tileCols = 16
)

// maxDepth is the most of the reduced index that a micro-kernel call covers, so
// that its panel of the right matrix stays in the first-level cache. The sums
// are carried on from block to block: it does not influence results.
const maxDepth = 320

// blockDepth returns how much of a reduced index of that depth each block
// covers: equal parts, since each costs a pass over the output.
func blockDepth(depth int) int {
	blocks := max(1, (depth+maxDepth-1)/maxDepth)
	return ((depth+blocks-1)/blocks + lanes - 1) &^ (lanes - 1)
}

// The rows of the left matrix that one task multiplies by the same panels: as
// many as stay in the second-level cache, so that each panel is fetched for
// many tiles, and fewer where there would not be a task for each worker.
const (
	minBlockRows = 8 * tileRows
	maxBlockRows = 24 * tileRows
)

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
	if g.rows*g.depth*cols*tileCols < 8*minWork {
		p.run(1, func(w *worker, _ int) { g.block(w, region{0, g.rows, 0, cols}) })
		return
	}
	rows, wide := taskShape(g.rows, cols, len(p.workers))
	across, down := (cols+wide-1)/wide, (g.rows+rows-1)/rows
	p.run(across*down, func(w *worker, i int) {
		m, n := i/across*rows, i%across*wide
		g.block(w, region{m, min(m+rows, g.rows), n, min(n+wide, cols)})
	})
}

// taskShape returns the rows and panels of one task, so that each worker has
// several. Few rows share out the panels, so that each is read once.
func taskShape(rows, cols, workers int) (int, int) {
	tasks := 4 * workers
	switch {
	case rows >= tasks*minBlockRows:
		return min(rows/tasks/tileRows*tileRows, maxBlockRows), cols
	case cols >= tasks && rows == 1:
		return rows, (cols/tasks + 3) &^ 3 // multiplyWide takes four
	case cols >= tasks:
		return rows, (cols + tasks - 1) / tasks
	default:
		return (rows/tasks/tileRows + 1) * tileRows, cols
	}
}

// region is rows [m0, m1) of panels [n0, n1) of a product.
type region struct{ m0, m1, n0, n1 int }

// steps is a part of the reduced index: count steps from a on in the left
// operand and from b on in the right.
type steps struct{ a, b, count int }

// block computes a region.
func (g *product) block(w *worker, r region) {
	if g.depth == 0 && !g.add {
		for m := r.m0; m < r.m1; m++ {
			clear(g.out.at[m*g.out.row+r.n0*tileCols : m*g.out.row+min(r.n1*tileCols, g.b.cols)])
		}
	}
	const wide = 4
	depth := blockDepth(g.depth)
	for k := 0; k < g.depth; k += depth {
		s := steps{k, k, min(depth, g.depth-k)}
		add := g.add || k > 0
		n := r.n0
		if g.a.clashes() && r.n1-r.n0 >= tileCols && r.m1-r.m0 > tileRows {
			g.blockApart(w, r, s, add)
			continue
		}
		for ; r.m1-r.m0 == 1 && n+wide <= r.n1 && (n+wide)*tileCols <= g.b.cols; n += wide {
			multiplyWide(g.out.at[r.m0*g.out.row+n*tileCols:], g.a.at[r.m0*g.a.row+k*g.a.step:], g.a.step,
				g.b.panel(n, k), g.b.depth*tileCols, s.count, add)
		}
		for ; n < r.n1; n++ {
			g.strip(w, region{r.m0, r.m1, n, n + 1}, s, add)
		}
	}
}

// clashes tells whether rows begin so far apart that the cache would keep only
// a few of them at a time.
func (a matrix) clashes() bool { return a.step == 1 && a.row%1024 == 0 }

// blockApart is block for one part of the reduced index, from a copy of the
// left operand.
func (g *product) blockApart(w *worker, r region, s steps, add bool) {
	const row = maxDepth + tileCols
	defer w.release(w.used)
	at := w.take((r.m1 - r.m0) * row)
	copyColumns(at, row, g.a.at[r.m0*g.a.row+s.a:], g.a.row, r.m1-r.m0, s.count)
	near := product{output{g.out.at[r.m0*g.out.row:], g.out.row}, matrix{at, row, 1}, g.b, r.m1 - r.m0, add, s.count}
	for n := r.n0; n < r.n1; n++ {
		near.strip(w, region{0, r.m1 - r.m0, n, n + 1}, steps{0, s.b, s.count}, add)
	}
}

// strip adds some steps, or sets the first, of a region of one panel.
func (g *product) strip(w *worker, r region, s steps, add bool) {
	b := g.b.panel(r.n0, s.b)
	cols := min(tileCols, g.b.cols-r.n0*tileCols)
	for m := r.m0; m < r.m1; m += tileRows {
		rows := min(tileRows, r.m1-m)
		a := matrix{g.a.at[m*g.a.row+s.a*g.a.step:], g.a.row, g.a.step}
		out := output{g.out.at[m*g.out.row+r.n0*tileCols:], g.out.row}
		if cols == tileCols {
			multiplyTile(out, a, b, rows, s.count, add)
		} else {
			w.partialTile(out, a, b, tileShape{rows, cols}, s.count, add)
		}
	}
}

// tileShape is the part of a tile that is wanted.
type tileShape struct{ rows, cols int }

// partialTile is multiplyTile for fewer than tileCols columns.
func (w *worker) partialTile(out output, a matrix, b []float32, s tileShape, depth int, add bool) {
	t := output{w.tile[:], tileCols}
	for r := range s.rows {
		copy(t.at[r*tileCols:][:s.cols], out.at[r*out.row:])
	}
	multiplyTile(t, a, b, s.rows, depth, add)
	for r := range s.rows {
		copy(out.at[r*out.row:][:s.cols], t.at[r*tileCols:])
	}
}
