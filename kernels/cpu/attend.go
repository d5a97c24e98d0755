package cpu

import (
	"math"

	"github.com/octorl/octorl/kernels"
)

// span is a segment as attention sees it: position j of its keys is row
// rowOf(j) of the packed batch.
type span struct{ kernels.Segment }

func (s span) keys() int { return int(s.PrefixLen + s.Len) }

// rowOf returns the packed row of key position j.
func (s span) rowOf(j int) int {
	if j < int(s.PrefixLen) {
		return int(s.PrefixStart) + j
	}
	return int(s.Start) + j - int(s.PrefixLen)
}

// readSpans returns the segments of Len > 0.
func readSpans(fields []int32) []span {
	spans := make([]span, 0, len(fields)/4)
	for f := fields; len(f) >= 4; f = f[4:] {
		if f[1] > 0 {
			spans = append(spans, span{kernels.Segment{Start: f[0], Len: f[1], PrefixStart: f[2], PrefixLen: f[3]}})
		}
	}
	return spans
}

// attention is one call of Attend or AttendGrad.
type attention struct {
	kernels.Heads
	qkv   []float32
	lse   []float32
	scale float32
}

func newAttention(h kernels.Heads, qkv, lse []float32) attention {
	return attention{h, qkv, lse, scoreScale(h)}
}

// scoreScale returns 1/sqrt(D).
func scoreScale(h kernels.Heads) float32 { return float32(1 / math.Sqrt(float64(h.Width))) }

// group returns the query heads that share a key head.
func (a *attention) group() int { return a.Query / a.KeyValue }

// column returns where key head kv begins in a row of qkv; value heads begin
// KeyValue·Width later.
func (a *attention) column(kv int) int { return (a.Query + kv) * a.Width }

// queries returns head h of rows row, row+1, …
func (a *attention) queries(row, h int) matrix {
	return matrix{a.qkv[row*a.QKV()+h*a.Width:], a.QKV(), 1}
}

// packByKey packs the head at column of the span's keys as panels of keys: the
// right operand of products that reduce over the head's width.
func (a *attention) packByKey(w *worker, column int, s span) panels {
	b := w.takePanels(a.Width, s.keys())
	for p := range panelCount(b.cols) {
		dst := b.panel(p, 0).at[:a.Width*tileCols]
		j := p * tileCols
		cols := min(tileCols, b.cols-j)
		if cols < tileCols {
			clear(dst)
		}
		shared := min(cols, max(0, int(s.PrefixLen)-j))
		if shared > 0 {
			transposePanel(dst, a.qkv[s.rowOf(j)*a.QKV()+column:], a.QKV(), a.Width, shared)
		}
		if shared < cols {
			transposePanel(dst[shared:], a.qkv[s.rowOf(j+shared)*a.QKV()+column:], a.QKV(), a.Width, cols-shared)
		}
	}
	return b
}

// packByWidth packs the head at column of the span's keys as panels of the
// head's width: the right operand of products that reduce over keys.
func (a *attention) packByWidth(w *worker, column int, s span) panels {
	b := w.takePanels(s.keys(), a.Width)
	prefix, width := int(s.PrefixLen), a.QKV()
	for p := range panelCount(a.Width) {
		dst := b.panel(p, 0).at[:s.keys()*tileCols]
		from := column + p*tileCols
		cols := min(tileCols, a.Width-p*tileCols)
		if cols < tileCols {
			clear(dst)
		}
		if prefix > 0 {
			copyColumns(dst, tileCols, a.qkv[s.rowOf(0)*width+from:], width, prefix, cols)
		}
		copyColumns(dst[prefix*tileCols:], tileCols, a.qkv[s.rowOf(prefix)*width+from:], width, int(s.Len), cols)
	}
	return b
}

// rowStride returns the floats between rows of scores: whole panels, but not a
// multiple of 32 floats, so that a column's elements spread over the cache.
func rowStride(keys int) int {
	return (panelCount(keys) | 1) * tileCols
}

// Attend sets out to causal softmax attention over each segment and its prefix.
func (d *Device) Attend(h kernels.Heads, out, lse, qkv, segments kernels.Buffer) {
	n := divide(qkv.Len(), h.QKV(), "Attend qkv")
	from := floats(qkv, "Attend qkv", n*h.QKV())
	to := floats(out, "Attend out", n*h.Out())
	sums := floats(lse, "Attend lse", n*h.Query)
	segs := ints(segments, "Attend segments", 4*divide(segments.Len(), 4, "Attend segments"))
	d.do(func() {
		a := newAttention(h, from.f, sums.f)
		spans := readSpans(segs.i)
		d.pool.run(len(spans)*h.KeyValue, func(w *worker, i int) {
			a.forward(w, to.f, spans[i/h.KeyValue], i%h.KeyValue)
		})
	}, to, sums)
}

// forward computes one key head of a span, a tile of query rows at a time.
func (a *attention) forward(w *worker, out []float32, s span, kv int) {
	keys := a.packByKey(w, a.column(kv), s)
	values := a.packByWidth(w, a.column(kv)+a.KeyValue*a.Width, s)
	stride := rowStride(s.keys())
	scores := output{w.take(tileRows * stride), stride}
	result := output{w.take(tileRows * panelCount(a.Width) * tileCols), panelCount(a.Width) * tileCols}
	for h := kv * a.group(); h < (kv+1)*a.group(); h++ {
		for i := 0; i < int(s.Len); i += tileRows {
			rows := min(tileRows, int(s.Len)-i)
			first := int(s.Start) + i
			seen := int(s.PrefixLen) + i + 1 // by the first of the rows
			a.score(scores, a.queries(first, h), keys, rows, seen+rows-1)
			var inverse [tileRows]float32
			for r := range rows {
				row := scores.at[r*stride:]
				sum, lse := softmax(row[:seen+r], a.scale)
				clear(row[seen+r : seen+rows-1])
				inverse[r] = 1 / sum
				a.lse[(first+r)*a.Query+h] = lse
			}
			weigh(result, matrix{scores.at, stride, 1}, values, rows, seen+rows-1)
			for r := range rows {
				scaleRow(out[(first+r)*a.Out()+h*a.Width:][:a.Width], result.at[r*result.row:], inverse[r])
			}
		}
	}
}

// score sets out to queries·keysᵀ for the rows of a tile and the panels of the
// first n keys.
func (a *attention) score(out output, queries matrix, keys panels, rows, n int) {
	multiplyPanels(out, queries, keys, region{0, rows, 0, panelCount(n)}, steps{0, 0, a.Width}, false)
}

// weigh sets out, whole panels wide, to weights·values for the rows of a tile
// and the first n keys.
func weigh(out output, weights matrix, values panels, rows, n int) {
	multiplyPanels(out, weights, values, region{0, rows, 0, panelCount(values.cols)}, steps{0, 0, n}, false)
}

// multiplyPanels sets a tile's rows of out, for whole panels, to some steps of
// a·b, or adds them.
func multiplyPanels(out output, a matrix, b panels, r region, s steps, add bool) {
	a.at = a.at[s.a*a.step:]
	p := r.n0
	for ; p+1 < r.n1; p += 2 {
		multiplyPair(output{out.at[p*tileCols:], out.row}, a, b.panel(p, s.b), b.panel(p+1, s.b), r.m1, s.count, add, lines{})
	}
	if p < r.n1 {
		multiplyTile(output{out.at[p*tileCols:], out.row}, a, b.panel(p, s.b), r.m1, s.count, add, lines{})
	}
}

// softmax replaces scores by exp(scores·scale − max), and returns their sum and
// the log-sum-exp of scores·scale.
func softmax(scores []float32, scale float32) (sum, lse float32) {
	top := maxRow(scores) * scale
	sum, _ = expRow(scores, scores, scale, top)
	return sum, top + float32(math.Log(float64(sum)))
}
