package cpu

import "github.com/octorl/octorl/kernels"

// maxSiblings is the most rows that read a shared prefix together.
const maxSiblings = 8

// siblings are rows [from, to) of a table that share a prefix.
type siblings struct{ from, to int }

// cached is one call of AttendCached.
type cached struct {
	*cache
	layer int
	table []int32
	width int // of a table row
	scale float32
}

// AttendCached is Attend for rows whose keys and values are all in c. Scores of
// shared and own pages are brought together in one row by position, so that
// its softmax and sums are those of Attend.
func (d *Device) AttendCached(c kernels.Cache, layer int, out, qkv, table kernels.Buffer) {
	m := c.(*cache)
	h := m.shape.Heads
	n := divide(out.Len(), h.Out(), "AttendCached out")
	to := floats(out, "AttendCached out", n*h.Out())
	from := floats(qkv, "AttendCached qkv", n*h.QKV())
	if n == 0 {
		return
	}
	width := divide(table.Len(), n, "AttendCached table")
	tables := ints(table, "AttendCached table", n*width)
	d.do(func() {
		a := cached{m, layer, tables.i, width, scoreScale(h)}
		groups := a.groups(n)
		d.pool.run(len(groups)*h.KeyValue, func(w *worker, i int) {
			a.attend(w, to.f, from.f, groups[i/h.KeyValue], i%h.KeyValue)
		})
	}, to)
}

// prefix and length are fields of table row b.
func (a *cached) prefix(b int) int { return int(a.table[b*a.width]) }
func (a *cached) length(b int) int { return int(a.table[b*a.width+1]) }

// pages returns the shared and the own pages of row b.
func (a *cached) pages(b int) (shared, own []int32) {
	row := a.table[b*a.width+kernels.CacheTable : (b+1)*a.width]
	n := (a.prefix(b) + a.shape.PageTokens - 1) / a.shape.PageTokens
	return row[:n], row[n:]
}

// groups cuts the rows [0, n) of nonzero length into siblings.
func (a *cached) groups(n int) []siblings {
	var groups []siblings
	for b := range n {
		if a.length(b) == 0 {
			continue
		}
		if k := len(groups) - 1; k >= 0 && groups[k].to == b && b-groups[k].from < maxSiblings && a.related(b-1, b) {
			groups[k].to++
			continue
		}
		groups = append(groups, siblings{b, b + 1})
	}
	return groups
}

// related tells whether rows x and y share the pages of their prefix.
func (a *cached) related(x, y int) bool {
	p, _ := a.pages(x)
	q, _ := a.pages(y)
	return a.prefix(x) > 0 && a.prefix(x) == a.prefix(y) && p[0] == q[0]
}

// attend computes one key head of some siblings.
func (a *cached) attend(w *worker, out, qkv []float32, s siblings, kv int) {
	h := a.shape.Heads
	group := h.Query / h.KeyValue
	rows := (s.to - s.from) * group
	queries := matrix{w.take(rows * h.Width), h.Width, 1}
	longest := 0
	for b := s.from; b < s.to; b++ {
		copy(queries.at[(b-s.from)*group*h.Width:], qkv[b*h.QKV()+kv*group*h.Width:][:group*h.Width])
		longest = max(longest, a.length(b))
	}
	stride := rowStride(longest + tileCols)
	scores := output{w.take(rows * stride), stride}
	wide := panelCount(h.Width) * tileCols
	result := output{w.take(rows * wide), wide}
	a.shared(s, kv, queries, scores, rows, a.score)
	a.own(s, kv, queries, scores, group, a.score)
	sums := w.take(rows)
	for r := range rows {
		sums[r], _ = softmax(scores.at[r*stride:][:a.length(s.from+r/group)], a.scale)
	}
	weights := matrix{scores.at, stride, 1}
	a.shared(s, kv, weights, result, rows, a.weigh)
	a.own(s, kv, weights, result, group, a.weigh)
	for r := range rows {
		at := (s.from+r/group)*h.Out() + (kv*group+r%group)*h.Width
		scaleRow(out[at:at+h.Width], result.at[r*wide:], 1/sums[r])
	}
}

// pageRange is keys [from, from+n) by position, which lie in one page.
type pageRange struct{ page, from, n, kv int }

// shared calls f for the pages of the siblings' prefix, with all their rows.
func (a *cached) shared(s siblings, kv int, left matrix, out output, rows int, f func(pageRange, matrix, output, int)) {
	pages, _ := a.pages(s.from)
	n := min(a.prefix(s.from), a.longest(s))
	for i, page := range pages {
		if from := i * a.shape.PageTokens; from < n {
			f(pageRange{int(page), from, min(a.shape.PageTokens, n-from), kv}, left, out, rows)
		}
	}
}

func (a *cached) longest(s siblings) int {
	n := 0
	for b := s.from; b < s.to; b++ {
		n = max(n, a.length(b))
	}
	return n
}

// own calls f for the own pages of each of the siblings, with its rows.
func (a *cached) own(s siblings, kv int, left matrix, out output, group int, f func(pageRange, matrix, output, int)) {
	for b := s.from; b < s.to; b++ {
		_, pages := a.pages(b)
		r := (b - s.from) * group
		for from := a.prefix(b); from < a.length(b); from += a.shape.PageTokens {
			page := int(pages[(from-a.prefix(b))/a.shape.PageTokens])
			n := min(a.shape.PageTokens, a.length(b)-from)
			f(pageRange{page, from, n, kv}, left.from(r), output{out.at[r*out.row:], out.row}, group)
		}
	}
}

// score sets the range's columns of out to queries·keysᵀ. Up to 15 columns
// beyond the range receive scores of slots not in use; a later range, or
// softmax, passes over them.
func (a *cached) score(p pageRange, queries matrix, out output, rows int) {
	keys, _ := a.block(a.layer, p.page, p.kv)
	for r := 0; r < rows; r += tileRows {
		n := min(tileRows, rows-r)
		for j := range panelCount(p.n) {
			to := output{out.at[r*out.row+p.from+j*tileCols:], out.row}
			multiplyTile(to, queries.from(r), keys.panel(j, 0), n, keys.depth, false)
		}
	}
}

// weigh adds the range's share of weights·values to out, or sets it for the
// first range.
func (a *cached) weigh(p pageRange, weights matrix, out output, rows int) {
	_, values := a.block(a.layer, p.page, p.kv)
	for r := 0; r < rows; r += tileRows {
		n := min(tileRows, rows-r)
		left := matrix{weights.at[r*weights.row+p.from:], weights.row, 1}
		for j := range panelCount(values.cols) {
			to := output{out.at[r*out.row+j*tileCols:], out.row}
			multiplyTile(to, left, values.panel(j, 0), n, p.n, p.from > 0)
		}
	}
}
