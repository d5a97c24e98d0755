package cpu

import "github.com/octorl/octorl/kernels"

// maxSiblings is the most rows that read a shared prefix together.
const maxSiblings = 12

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
	a.each(s, group, func(k keyRange, r, n int) {
		a.score(k, kv, queries.from(r), output{scores.at[r*stride:], stride}, n)
	})
	sums := w.take(rows)
	for r := range rows {
		sums[r], _ = softmax(scores.at[r*stride:][:a.length(s.from+r/group)], a.scale)
	}
	a.each(s, group, func(k keyRange, r, n int) {
		a.weigh(k, kv, matrix{scores.at[r*stride:], stride, 1}, output{result.at[r*wide:], wide}, n)
	})
	for r := range rows {
		at := (s.from+r/group)*h.Out() + (kv*group+r%group)*h.Width
		scaleRow(out[at:at+h.Width], result.at[r*wide:], 1/sums[r])
	}
}

// keyRange is keys [from, to) by position, which lie in pages from the first on.
type keyRange struct {
	pages    []int32
	from, to int
}

// each calls f for the siblings' prefix and then for the own keys of each, with
// their first query row, at most a tile of them at a time, and their number.
func (a *cached) each(s siblings, group int, f func(k keyRange, row, rows int)) {
	tiles := func(k keyRange, from, to int) {
		for r := from; r < to && k.from < k.to; r += tileRows {
			f(k, r, min(tileRows, to-r))
		}
	}
	pages, _ := a.pages(s.from)
	tiles(keyRange{pages, 0, min(a.prefix(s.from), a.longest(s))}, 0, (s.to-s.from)*group)
	for b := s.from; b < s.to; b++ {
		_, pages := a.pages(b)
		tiles(keyRange{pages, a.prefix(b), a.length(b)}, (b-s.from)*group, (b-s.from+1)*group)
	}
}

func (a *cached) longest(s siblings) int {
	n := 0
	for b := s.from; b < s.to; b++ {
		n = max(n, a.length(b))
	}
	return n
}

// score sets the range's columns of out to queries·keysᵀ. Up to 15 columns
// behind each page receive scores of no key; the next page's, or softmax, pass
// over them.
func (a *cached) score(k keyRange, kv int, queries matrix, out output, rows int) {
	tokens, width := a.shape.PageTokens, a.shape.Heads.Width
	each := panelCount(tokens)
	at := func(p int) panel { return a.keys(a.layer, int(k.pages[p/each]), kv, p%each) }
	side := tokens%tileCols == 0 // panels' columns lie side by side
	for p, from := 0, k.from; from < k.to; {
		to := output{out.at[from:], out.row}
		switch left := k.to - from; {
		case side && rows == 1 && left > 3*tileCols:
			multiplyRow(to.at, queries.at, 1, &[4]panel{at(p), at(p + 1), at(p + 2), at(p + 3)}, width, false)
			p, from = p+4, from+4*tileCols
		case side && left > tileCols:
			multiplyPair(to, queries, at(p), at(p+1), rows, width, false, lines{})
			p, from = p+2, from+2*tileCols
		default:
			multiplyTile(to, queries, at(p), rows, width, false, lines{})
			p, from = p+1, min(from+tileCols, k.from+(p/each+1)*tokens)
		}
	}
}

// weigh adds the range's share of weights·values to out, or sets it for a range
// that begins the sequence.
func (a *cached) weigh(k keyRange, kv int, weights matrix, out output, rows int) {
	tokens, panels := a.shape.PageTokens, panelCount(a.shape.Heads.Width)
	for i := 0; k.from+i*tokens < k.to; i++ {
		from := k.from + i*tokens
		page, n := int(k.pages[i]), min(tokens, k.to-from)
		at := func(p int) panel { return a.values(a.layer, page, kv, p) }
		left := matrix{weights.at[from:], weights.row, 1}
		for p := 0; p < panels; {
			to := output{out.at[p*tileCols:], out.row}
			switch {
			case rows == 1 && p+4 <= panels:
				multiplyRow(to.at, left.at, 1, &[4]panel{at(p), at(p + 1), at(p + 2), at(p + 3)}, n, from > 0)
				p += 4
			case p+2 <= panels:
				multiplyPair(to, left, at(p), at(p+1), rows, n, from > 0, lines{})
				p += 2
			default:
				multiplyTile(to, left, at(p), rows, n, from > 0, lines{})
				p++
			}
		}
	}
}
