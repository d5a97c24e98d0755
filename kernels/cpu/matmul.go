package cpu

// tile is the micro-kernels': they hold tileRows × tileCols sums in registers,
// of one panel or of two.
const (
	tileRows = 12
	tileCols = 16
)

// maxDepth is the most of the reduced index that a micro-kernel call covers, so
// that its panels of the right matrix stay in a near cache. The sums are carried
// on from block to block: it does not influence results.
const maxDepth = 320

// blockDepth returns how much of a reduced index of that depth each block
// covers: equal parts, since each costs a pass over the output.
func blockDepth(depth int) int {
	blocks := max(1, (depth+maxDepth-1)/maxDepth)
	return ((depth+blocks-1)/blocks + lanes - 1) &^ (lanes - 1)
}

// matrix is a left operand: element (m, k) is at[m·row + k·step].
type matrix struct {
	at        []float32
	row, step int
}

// from returns the matrix without its first m rows.
func (a matrix) from(m int) matrix { return matrix{a.at[m*a.row:], a.row, a.step} }

// panels is a right operand of depth × cols: element (k, n) is
// at[n/16·across + k·step + n%16]. In packed form a panel of 16 columns lies
// together and columns beyond cols are zero; a row-major matrix of whole panels
// serves as it is.
type panels struct {
	at           []float32
	depth, cols  int
	across, step int
}

// packedPanels returns at as packed panels.
func packedPanels(at []float32, depth, cols int) panels {
	return panels{at, depth, cols, depth * tileCols, tileCols}
}

// panel is 16 columns of a right operand: element (k, j) is at[k·step + j].
type panel struct {
	at   []float32
	step int
}

// panelCount returns the panels for n columns.
func panelCount(n int) int { return (n + tileCols - 1) / tileCols }

// panel returns panel p from depth k on.
func (b panels) panel(p, k int) panel { return panel{b.at[p*b.across+k*b.step:], b.step} }

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
	ahead []lines
}

// lines is memory that will be read soon, a cache line every step floats: a
// tile of full size asks for one in each of its steps.
type lines struct {
	at   []float32
	step int
}

// next takes one of the lines ahead.
func (g *product) next() lines {
	if len(g.ahead) == 0 {
		return lines{}
	}
	l := g.ahead[0]
	g.ahead = g.ahead[1:]
	return l
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
	p.regions(newTasks(region{0, g.rows, 0, cols}, len(p.workers), readCost), g.block)
}

// regions calls f for the tasks.
func (p *pool) regions(t tasks, f func(w *worker, r region)) {
	p.run(t.count, func(w *worker, i int) {
		if r := t.at(i); r.m0 < r.m1 && r.n0 < r.n1 {
			f(w, r)
		}
	})
}

// region is rows [m0, m1) of panels [n0, n1) of a product.
type region struct{ m0, m1, n0, n1 int }

// steps is a part of the reduced index: count steps from a on in the left
// operand and from b on in the right.
type steps struct{ a, b, count int }

// block computes a region.
func (g *product) block(w *worker, r region) {
	own := *g // the lines ahead are those of one region, and regions are computed at once
	g = &own
	if g.depth == 0 && !g.add {
		for m := r.m0; m < r.m1; m++ {
			clear(g.out.at[m*g.out.row+r.n0*tileCols : m*g.out.row+min(r.n1*tileCols, g.b.cols)])
		}
	}
	depth := blockDepth(g.depth)
	for k := 0; k < g.depth; k += depth {
		s := steps{k, k, min(depth, g.depth-k)}
		add := g.add || k > 0
		switch {
		case r.m1-r.m0 == 1:
			g.single(w, r, s, add)
		case g.a.clashes() && r.n1-r.n0 >= tileCols && r.m1-r.m0 > tileRows:
			g.apart(w, r, s, add)
		default:
			g.part(w, r, s, add)
		}
	}
}

// part adds some steps, or sets the first, of a region.
func (g *product) part(w *worker, r region, s steps, add bool) {
	var ahead [maxBlockRows / tileRows]lines
	g.ahead = g.rowsAhead(ahead[:0], r, s)
	for n := r.n0; n < r.n1; {
		wide := min(panelsAtOnce(), r.n1-n)
		g.strip(w, region{r.m0, r.m1, n, n + wide}, s, add)
		n += wide
	}
}

// rowsAhead appends to l, for each tile of the first panels, the rows that the
// tile below reads, where they lie close enough together to be asked for in
// its steps.
func (g *product) rowsAhead(l []lines, r region, s steps) []lines {
	if g.a.step != 1 || tileRows*g.a.row > tileCols*s.count {
		return l
	}
	for m := r.m0 + tileRows; m < r.m1; m += tileRows {
		l = append(l, lines{g.a.at[m*g.a.row+s.a:], tileCols})
	}
	return l
}

// single is part for one row.
func (g *product) single(w *worker, r region, s steps, add bool) {
	a := g.a.at[r.m0*g.a.row+s.a*g.a.step:]
	n := r.n0
	for ; n+4 <= r.n1 && (n+4)*tileCols <= g.b.cols; n += 4 {
		b := [4]panel{g.b.panel(n, s.b), g.b.panel(n+1, s.b), g.b.panel(n+2, s.b), g.b.panel(n+3, s.b)}
		multiplyRow(g.out.at[r.m0*g.out.row+n*tileCols:], a, g.a.step, &b, s.count, add)
	}
	g.part(w, region{r.m0, r.m1, n, r.n1}, s, add)
}

// clashes tells whether rows begin so far apart that the cache would keep only
// a few of them at a time.
func (a matrix) clashes() bool { return a.step == 1 && a.row%1024 == 0 }

// apart is part from a copy of the left operand.
func (g *product) apart(w *worker, r region, s steps, add bool) {
	const row = maxDepth + tileCols
	defer w.release(w.used)
	at := w.take((r.m1 - r.m0) * row)
	copyColumnsGo(at, row, g.a.at[r.m0*g.a.row+s.a:], g.a.row, r.m1-r.m0, s.count)
	near := product{output{g.out.at[r.m0*g.out.row:], g.out.row}, matrix{at, row, 1}, g.b, r.m1 - r.m0, add, s.count, nil}
	near.part(w, region{0, r.m1 - r.m0, r.n0, r.n1}, steps{0, s.b, s.count}, add)
}

// strip is part for one panel or two.
func (g *product) strip(w *worker, r region, s steps, add bool) {
	cols := min(r.n1*tileCols, g.b.cols) - r.n0*tileCols
	if cols > tileCols && cols < 2*tileCols {
		g.strip(w, region{r.m0, r.m1, r.n0, r.n0 + 1}, s, add)
		g.strip(w, region{r.m0, r.m1, r.n0 + 1, r.n1}, s, add)
		return
	}
	b := g.b.panel(r.n0, s.b)
	next := b
	if cols > tileCols {
		next = g.b.panel(r.n0+1, s.b)
	}
	at := func(m int) (output, matrix) {
		return output{g.out.at[m*g.out.row+r.n0*tileCols:], g.out.row}, matrix{g.a.at[m*g.a.row+s.a*g.a.step:], g.a.row, g.a.step}
	}
	m := r.m0
	if cols == 2*tileCols && m < r.m1 {
		out, a := at(m)
		done := multiplyPairs(out, a, b, next, r.m1-m, s.count, add, g.ahead)
		g.ahead = g.ahead[min(len(g.ahead), done/tileRows):]
		m += done
	}
	for ; m < r.m1; m += tileRows {
		rows := min(tileRows, r.m1-m)
		out, a := at(m)
		switch cols {
		case 2 * tileCols:
			multiplyPair(out, a, b, next, rows, s.count, add, g.next())
		case tileCols:
			multiplyTile(out, a, b, rows, s.count, add, g.next())
		default:
			w.partialTile(out, a, b, tileShape{rows, cols}, s.count, add)
		}
	}
}

// tileShape is the part of a tile that is wanted.
type tileShape struct{ rows, cols int }

// partialTile is multiplyTile for fewer than tileCols columns.
func (w *worker) partialTile(out output, a matrix, b panel, s tileShape, depth int, add bool) {
	t := output{w.tile[:], tileCols}
	for r := range s.rows {
		copy(t.at[r*tileCols:][:s.cols], out.at[r*out.row:])
	}
	multiplyTile(t, a, b, s.rows, depth, add, lines{})
	for r := range s.rows {
		copy(out.at[r*out.row:][:s.cols], t.at[r*tileCols:])
	}
}
