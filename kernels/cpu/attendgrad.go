package cpu

import (
	"fmt"
	"slices"

	"github.com/octorl/octorl/kernels"
)

// gradRows is the query rows whose scores are kept at once.
const gradRows = 8 * tileRows

// attentionGrad is one call of AttendGrad.
type attentionGrad struct {
	attention
	dqkv, dOut, out []float32
}

// AttendGrad sets dqkv to the gradient for rotated qkv. Probabilities are
// recomputed from lse. Spans that share a prefix are one task, in their order,
// since all of them add to the prefix's keys and values.
func (d *Device) AttendGrad(h kernels.Heads, dqkv, dOut, out, lse, qkv, segments kernels.Buffer) {
	n := divide(qkv.Len(), h.QKV(), "AttendGrad qkv")
	from := floats(qkv, "AttendGrad qkv", n*h.QKV())
	to := floats(dqkv, "AttendGrad dqkv", n*h.QKV())
	do := floats(dOut, "AttendGrad dOut", n*h.Out())
	result := floats(out, "AttendGrad out", n*h.Out())
	sums := floats(lse, "AttendGrad lse", n*h.Query)
	segs := ints(segments, "AttendGrad segments", 4*divide(segments.Len(), 4, "AttendGrad segments"))
	d.do(func() {
		d.pool.rows(n, h.QKV()/2, func(_ *worker, from, end int) { clear(to.f[from*h.QKV() : end*h.QKV()]) })
		g := attentionGrad{newAttention(h, from.f, sums.f), to.f, do.f, result.f}
		families := readFamilies(segs.i)
		d.pool.run(len(families)*h.KeyValue, func(w *worker, i int) {
			for _, s := range families[i/h.KeyValue] {
				w.reset()
				g.backward(w, s, i%h.KeyValue)
			}
		})
	}, to)
}

// readFamilies returns the spans, each that has a prefix together with the
// span that holds it, in their order.
func readFamilies(fields []int32) [][]span {
	var families [][]span
	for _, s := range readSpans(fields) {
		if s.PrefixLen == 0 {
			families = append(families, []span{s})
			continue
		}
		home := slices.IndexFunc(families, func(f []span) bool {
			return f[0].Start <= s.PrefixStart && s.PrefixStart+s.PrefixLen <= f[0].Start+f[0].Len
		})
		if home < 0 {
			panic(fmt.Sprintf("the prefix of segment %+v is no earlier segment", s.Segment))
		}
		families[home] = append(families[home], s)
	}
	return families
}

// spanGrad is what the gradient of one key head of a span needs.
type spanGrad struct {
	span
	keys, values   panels // by key
	keysByWidth    panels
	dKeys, dValues output // (keys, width in whole panels), sums over query heads
	p, dp          output // (gradRows, keys)
	query, dResult panels // the block's rows, by width
	tile           output
}

func (g *attentionGrad) newSpanGrad(w *worker, s span, kv int) *spanGrad {
	n, wide := s.keys(), panelCount(g.Width)*tileCols
	stride := rowStride(n)
	column := g.column(kv)
	b := &spanGrad{
		span:        s,
		keys:        g.packByKey(w, column, s),
		values:      g.packByKey(w, column+g.KeyValue*g.Width, s),
		keysByWidth: g.packByWidth(w, column, s),
		dKeys:       output{w.take(n * wide), wide},
		dValues:     output{w.take(n * wide), wide},
		p:           output{w.take(gradRows * stride), stride},
		dp:          output{w.take(gradRows * stride), stride},
		query:       w.takePanels(gradRows, g.Width),
		dResult:     w.takePanels(gradRows, g.Width),
		tile:        output{w.take(tileRows * wide), wide},
	}
	clear(b.dKeys.at)
	clear(b.dValues.at)
	return b
}

// backward computes the gradient of one key head of a span: its queries', and
// its share of the keys' and values'.
func (g *attentionGrad) backward(w *worker, s span, kv int) {
	b := g.newSpanGrad(w, s, kv)
	for h := kv * g.group(); h < (kv+1)*g.group(); h++ {
		for i := 0; i < int(s.Len); i += gradRows {
			q := queryBlock{i, min(gradRows, int(s.Len)-i), h}
			for r := 0; r < q.rows; r += tileRows {
				g.scores(b, q, r, min(tileRows, q.rows-r))
			}
			g.keysAndValues(b, q)
		}
	}
	g.spread(b, kv)
}

// queryBlock is rows query rows of a span, from first on, of one head.
type queryBlock struct{ first, rows, head int }

// scores sets rows [r, r+rows) of the block's p and dp, and the queries'
// gradient. Elements that a row does not see, but a later one of the block
// does, are zero.
func (g *attentionGrad) scores(b *spanGrad, q queryBlock, r, rows int) {
	h, first := q.head, int(b.Start)+q.first+r
	seen := int(b.PrefixLen) + q.first + r + 1 // by the first of the rows
	all := int(b.PrefixLen) + q.first + q.rows
	p := output{b.p.at[r*b.p.row:], b.p.row}
	dp := output{b.dp.at[r*b.dp.row:], b.dp.row}
	dOut := matrix{g.dOut[first*g.Out()+h*g.Width:], g.Out(), 1}
	g.score(p, g.queries(first, h), b.keys, rows, seen+rows-1)
	g.score(dp, dOut, b.values, rows, seen+rows-1)
	for j := range rows {
		at := (first+j)*g.Out() + h*g.Width
		delta := dotRow(g.dOut[at:at+g.Width], g.out[at:at+g.Width])
		row, dRow := p.at[j*p.row:], dp.at[j*dp.row:]
		expRow(row[:seen+j], row[:seen+j], g.scale, g.lse[(first+j)*g.Query+h])
		scoreGradRow(dRow[:seen+j], row[:seen+j], delta, g.scale)
		clear(row[seen+j : all])
		clear(dRow[seen+j : all])
	}
	weigh(b.tile, matrix{dp.at, dp.row, 1}, b.keysByWidth, rows, seen+rows-1)
	for j := range rows {
		copy(g.dqkv[(first+j)*g.QKV()+h*g.Width:][:g.Width], b.tile.at[j*b.tile.row:])
	}
}

// keysAndValues adds the block's dpᵀ·q to dKeys and pᵀ·dOut to dValues.
func (g *attentionGrad) keysAndValues(b *spanGrad, q queryBlock) {
	h, first, rows := q.head, int(b.Start)+q.first, q.rows
	for p := range panelCount(g.Width) {
		b.query.packCols(p, g.qkv[first*g.QKV()+h*g.Width:], g.QKV(), rows)
		b.dResult.packCols(p, g.dOut[first*g.Out()+h*g.Width:], g.Out(), rows)
	}
	before := int(b.PrefixLen) + q.first // keys that all of the block's rows see
	for j := 0; j < before+rows; j += tileRows {
		n := min(tileRows, before+rows-j)
		skip := max(0, j-before) // rows that see none of these keys
		g.addSeen(b.dKeys, b.dp, b.query, j, n, steps{skip, skip, rows - skip})
		g.addSeen(b.dValues, b.p, b.dResult, j, n, steps{skip, skip, rows - skip})
	}
}

// addSeen adds xᵀ·y to rows [j, j+n) of out, over some of the block's rows.
func (g *attentionGrad) addSeen(out, x output, y panels, j, n int, s steps) {
	to := output{out.at[j*out.row:], out.row}
	multiplyPanels(to, matrix{x.at[j:], 1, x.row}, y, region{0, n, 0, panelCount(g.Width)}, s, true)
}

// spread adds the sums for the span's keys and values to the gradient, which
// other spans share where the prefix is theirs too.
func (g *attentionGrad) spread(b *spanGrad, kv int) {
	for j := range b.keys.cols {
		at := b.rowOf(j)*g.QKV() + g.column(kv)
		dKey := g.dqkv[at:][:g.Width]
		dValue := g.dqkv[at+g.KeyValue*g.Width:][:g.Width]
		addRow(dKey, dKey, b.dKeys.at[j*b.dKeys.row:][:g.Width])
		addRow(dValue, dValue, b.dValues.at[j*b.dValues.row:][:g.Width])
	}
}
