package kerneltest

import (
	"fmt"

	"github.com/octorl/octorl/kernels"
)

// headShapes have groups, remainders and the usual widths.
var headShapes = []kernels.Heads{
	{Query: 4, KeyValue: 2, Width: 32}, {Query: 2, KeyValue: 2, Width: 64}, {Query: 3, KeyValue: 1, Width: 16},
	{Query: 4, KeyValue: 1, Width: 128},
}

// layouts are segments over consecutive rows.
func layouts() [][]kernels.Segment {
	return [][]kernels.Segment{
		{{Len: 1}},
		{{Len: 37}},
		{{Len: 70}, {Start: 70, Len: 9}, {Start: 79}, {Start: 79, Len: 16}},
		{ // two prompts with completions of their own
			{Len: 21}, {Start: 21, Len: 5, PrefixLen: 21}, {Start: 26, Len: 50, PrefixLen: 21}, {Start: 76, Len: 1, PrefixLen: 21},
			{Start: 77, Len: 16}, {Start: 93, Len: 7, PrefixStart: 77, PrefixLen: 16}, {Start: 100, Len: 13, PrefixStart: 77, PrefixLen: 16},
		},
		{{Len: 300}, {Start: 300, Len: 8, PrefixLen: 300}, {Start: 308, Len: 3, PrefixLen: 300}},
	}
}

// numRows returns the rows that segments cover.
func numRows(segments []kernels.Segment) int {
	n := 0
	for _, s := range segments {
		n += int(s.Len)
	}
	return n
}

func (s *suite) segments(segs []kernels.Segment) kernels.Buffer {
	return s.ints(kernels.SegmentInts(nil, segs))
}

func (s *suite) attend() {
	for _, h := range headShapes {
		for i, segs := range layouts() {
			n := numRows(segs)
			qkv, qkvOf := s.input(s.compute, n*h.QKV())
			out, lse := s.output(s.compute, n*h.Out()), s.output(kernels.Float32, n*h.Query)
			s.dev.Attend(h, out, lse, qkv, s.segments(segs))
			want, wantLSE := attendOf(h, qkvOf, segs)
			s.near(fmt.Sprintf("Attend, layout %d of %+v", i, h), out, want)
			s.near(fmt.Sprintf("log-sum-exp, layout %d of %+v", i, h), lse, wantLSE)
		}
	}
}

// attendGrad compares small layouts with differences in every element, and
// large ones along one random direction.
func (s *suite) attendGrad() {
	small := []kernels.Segment{{Len: 3}, {Start: 3, Len: 2, PrefixLen: 3}, {Start: 5, Len: 4, PrefixLen: 3}, {Start: 9, Len: 2}}
	for _, h := range []kernels.Heads{{Query: 2, KeyValue: 1, Width: 8}, {Query: 2, KeyValue: 2, Width: 20}} {
		g := s.attendGradCase(h, small)
		s.near(fmt.Sprintf("AttendGrad of %+v", h), g.dqkv, slope(g.qkvOf, g.loss))
	}
	for i, segs := range layouts() {
		h := headShapes[i%len(headShapes)]
		s.along(fmt.Sprintf("AttendGrad, layout %d of %+v", i, h), s.attendGradCase(h, segs))
	}
}

// attendGradCase is a gradient that the device computed, and the loss whose it
// should be.
type attendGradCase struct {
	dqkv  kernels.Buffer
	qkvOf []float64
	loss  func() float64
}

func (s *suite) attendGradCase(h kernels.Heads, segs []kernels.Segment) attendGradCase {
	n := numRows(segs)
	qkv, qkvOf := s.input(s.compute, n*h.QKV())
	out, lse := s.output(s.compute, n*h.Out()), s.output(kernels.Float32, n*h.Query)
	dOut, dOutOf := s.input(s.compute, n*h.Out())
	dqkv := s.output(s.compute, n*h.QKV())
	s.dev.Attend(h, out, lse, qkv, s.segments(segs))
	s.dev.AttendGrad(h, dqkv, dOut, out, lse, qkv, s.segments(segs))
	return attendGradCase{dqkv, qkvOf, func() float64 {
		out, _ := attendOf(h, qkvOf, segs)
		return dot(out, dOutOf)
	}}
}

// along compares the derivative in a random direction.
func (s *suite) along(what string, g attendGradCase) {
	s.Helper()
	const h = 1e-5
	direction := make([]float64, len(g.qkvOf))
	for i := range direction {
		direction[i] = s.rng.NormFloat64()
	}
	move := func(by float64) float64 {
		for i, d := range direction {
			g.qkvOf[i] += by * d
		}
		return g.loss()
	}
	up := move(h)
	want := (up - move(-2*h)) / (2 * h)
	got := widen(s.read(g.dqkv))
	size := 0.0
	for i, v := range got {
		size += v * v * direction[i] * direction[i]
	}
	if d := dot(got, direction) - want; !(d*d <= 25*s.tolerance*s.tolerance*(size+1)*10) {
		s.Fatalf("%s: derivative along a direction is %g, want %g", what, dot(got, direction), want)
	}
}

// cachedEqualsPacked stores keys and values of packed rows in scattered pages
// and lets every row attend to them again, in batches of any composition.
func (s *suite) cachedEqualsPacked() {
	for i, segs := range layouts() {
		for j, pageTokens := range []int{5, 16, 64, 16} {
			h := headShapes[(i+j)%len(headShapes)]
			s.cachedLayout(fmt.Sprintf("layout %d of %+v in pages of %d", i, h, pageTokens), h, pageTokens, segs)
		}
	}
}

func (s *suite) cachedLayout(what string, h kernels.Heads, pageTokens int, segs []kernels.Segment) {
	s.Helper()
	const layers, layer = 2, 1
	n := numRows(segs)
	qkv, _ := s.input(s.compute, n*h.QKV())
	out, lse := s.output(s.compute, n*h.Out()), s.output(kernels.Float32, n*h.Query)
	s.dev.Attend(h, out, lse, qkv, s.segments(segs))

	pages := newPages(segs, pageTokens, s.rng.Perm)
	cache, err := s.dev.AllocCache(kernels.CacheShape{Layers: layers, Pages: pages.total, PageTokens: pageTokens, Heads: h})
	if err != nil {
		s.Fatal(err)
	}
	defer s.dev.FreeCache(cache)
	s.dev.CacheStore(cache, layer, qkv, s.ints(pages.slots(segs, n)))
	want, all := s.read(out), s.read(qkv)
	for _, rows := range [][]int{s.rng.Perm(n), upTo(n), {s.rng.IntN(n)}} {
		var table []int32
		var queries, expected []float32
		for _, row := range rows {
			table = append(table, pages.row(segs, row)...)
			queries = append(queries, all[row*h.QKV():(row+1)*h.QKV()]...)
			expected = append(expected, want[row*h.Out():(row+1)*h.Out()]...)
		}
		from, _ := s.floats(s.compute, queries)
		to := s.output(s.compute, len(rows)*h.Out())
		s.dev.AttendCached(cache, layer, to, from, s.ints(table))
		s.same("AttendCached, "+what, s.read(to), expected)
	}
}

func upTo(n int) []int {
	v := make([]int, n)
	for i := range v {
		v[i] = i
	}
	return v
}

// pageMap says which pages hold each segment's own rows.
type pageMap struct {
	tokens, total, widest int
	pages                 [][]int32 // by segment
}

// newPages deals pages to segments in random order, with pages to spare.
func newPages(segs []kernels.Segment, tokens int, perm func(int) []int) pageMap {
	m := pageMap{tokens: tokens}
	for _, s := range segs {
		m.total += (int(s.Len) + tokens - 1) / tokens
	}
	m.total += 2
	free := perm(m.total)
	for _, s := range segs {
		n := (int(s.Len) + tokens - 1) / tokens
		var pages []int32
		for _, p := range free[:n] {
			pages = append(pages, int32(p))
		}
		m.pages, free = append(m.pages, pages), free[n:]
		m.widest = max(m.widest, 2*n)
	}
	return m
}

// slots returns the slot of each packed row.
func (m pageMap) slots(segs []kernels.Segment, n int) []int32 {
	slots := make([]int32, n)
	for i, s := range segs {
		for j := range int(s.Len) {
			slots[int(s.Start)+j] = m.pages[i][j/m.tokens]*int32(m.tokens) + int32(j%m.tokens)
		}
	}
	return slots
}

// row returns the kernels.CacheTable row of a packed row.
func (m pageMap) row(segs []kernels.Segment, row int) []int32 {
	table := make([]int32, kernels.CacheTable, kernels.CacheTable+2*m.widest)
	for i, s := range segs {
		if row < int(s.Start) || row >= int(s.Start+s.Len) {
			continue
		}
		table[0], table[1] = s.PrefixLen, s.PrefixLen+int32(row)-s.Start+1
		for j, p := range segs {
			if s.PrefixLen > 0 && p.Start == s.PrefixStart && p.Len > 0 {
				table = append(table, m.pages[j]...)
			}
		}
		table = append(table, m.pages[i]...)
	}
	return table[:cap(table)]
}
