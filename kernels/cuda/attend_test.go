//go:build cuda

package cuda

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/kernels/cpu"
)

// tileHeads are the shapes with kernels of their own: groups of 1, 2 and 3.
var tileHeads = []kernels.Heads{
	{Query: 4, KeyValue: 2, Width: 64}, {Query: 3, KeyValue: 3, Width: 64},
	{Query: 3, KeyValue: 1, Width: 128}, {Query: 4, KeyValue: 2, Width: 128},
}

// tileSegments cross tiles of keys and of queries, with gaps between them and
// prefixes that begin and end inside a tile.
var tileSegments = [][]kernels.Segment{
	{{Len: 128}},
	{{Start: 5, Len: 500}, {Start: 505, Len: 257}, {Start: 800, Len: 1}},
	{
		{Start: 3, Len: 400}, {Start: 403}, {Start: 403, Len: 130, PrefixStart: 3, PrefixLen: 400},
		{Start: 533, Len: 300, PrefixStart: 3, PrefixLen: 400}, {Start: 840, Len: 64, PrefixStart: 130, PrefixLen: 200},
	},
}

// attentionCase is random input of attention on a device.
type attentionCase struct {
	*testing.T
	dev            kernels.Device
	heads          kernels.Heads
	segs           []kernels.Segment
	n              int // rows
	qkv, out, dqkv kernels.Buffer
	lse, segments  kernels.Buffer
	dOut           kernels.Buffer
}

func rowsOf(segs []kernels.Segment) int {
	n := 0
	for _, s := range segs {
		n = max(n, int(s.Start+s.Len))
	}
	return n + 2
}

func newAttentionCase(t *testing.T, dev kernels.Device, h kernels.Heads, segs []kernels.Segment, qkv, dOut []float32) *attentionCase {
	t.Helper()
	c := &attentionCase{T: t, dev: dev, heads: h, segs: segs, n: len(qkv) / h.QKV()}
	compute := dev.Info().Compute
	c.qkv, c.dOut = c.buffer(compute, qkv), c.buffer(compute, dOut)
	c.out, c.dqkv = c.unwritten(compute, c.n*h.Out()), c.unwritten(compute, c.n*h.QKV())
	c.lse = c.unwritten(kernels.Float32, c.n*h.Query)
	ints := kernels.SegmentInts(nil, segs)
	c.segments = c.alloc(kernels.Int32, len(ints))
	dev.Upload(c.segments, ints)
	dev.Attend(h, c.out, c.lse, c.qkv, c.segments)
	return c
}

func (c *attentionCase) alloc(kind kernels.Type, n int) kernels.Buffer {
	c.Helper()
	b, err := c.dev.Alloc(kind, n)
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { c.dev.Free(b) })
	return b
}

func (c *attentionCase) buffer(kind kernels.Type, v []float32) kernels.Buffer {
	c.Helper()
	b := c.alloc(kind, len(v))
	c.dev.Upload(b, v)
	return b
}

func (c *attentionCase) unwritten(kind kernels.Type, n int) kernels.Buffer {
	c.Helper()
	b := c.alloc(kind, n)
	c.dev.Fill(b, float32(math.NaN()))
	return b
}

func (c *attentionCase) read(b kernels.Buffer) []float32 {
	c.Helper()
	v := make([]float32, b.Len())
	c.dev.Download(v, b)
	if err := c.dev.Wait(c.dev.Mark()); err != nil {
		c.Fatal(err)
	}
	return v
}

func (c *attentionCase) gradient() []float32 {
	c.Helper()
	c.dev.Fill(c.dqkv, float32(math.NaN()))
	c.dev.AttendGrad(c.heads, c.dqkv, c.dOut, c.out, c.lse, c.qkv, c.segments)
	return c.read(c.dqkv)
}

// covered returns the elements of rows that segments cover, of width elements
// each.
func (c *attentionCase) covered(v []float32, width int) []float32 {
	var rows []float32
	for _, s := range c.segs {
		rows = append(rows, v[int(s.Start)*width:int(s.Start+s.Len)*width]...)
	}
	return rows
}

// normals returns n normal numbers that bfloat16 holds.
func normals(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = math.Float32frombits(uint32(roundBFloat16(float32(r.NormFloat64()))) << 16)
	}
	return v
}

// near compares by the norm of the difference.
func near(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	difference, size := 0.0, 0.0
	for i, w := range want {
		d := float64(got[i]) - float64(w)
		difference, size = difference+d*d, size+float64(w)*float64(w)
	}
	if !(difference <= tolerance*tolerance*size) {
		t.Errorf("%s differs by %.2g of its norm, more than %.2g", what, math.Sqrt(difference/size), tolerance)
	}
}

func identical(t *testing.T, what string, got, want []float32) {
	t.Helper()
	same := slices.EqualFunc(got, want, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })
	if !same {
		t.Errorf("%s is not the same bit for bit", what)
	}
}

// TestAttentionAgreesWithTheCPU compares results and gradients with those of
// the reference device, and with themselves.
func TestAttentionAgreesWithTheCPU(t *testing.T) {
	d := open(t)
	reference := cpu.Open(cpu.Config{})
	t.Cleanup(func() { // after the buffers' own
		if err := reference.Close(); err != nil {
			t.Error(err)
		}
	})
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for _, h := range tileHeads {
		for i, segs := range tileSegments {
			n := rowsOf(segs)
			qkv, dOut := normals(r, n*h.QKV()), normals(r, n*h.Out())
			ours := newAttentionCase(t, d, h, segs, qkv, dOut)
			theirs := newAttentionCase(t, reference, h, segs, qkv, dOut)
			what := fmt.Sprintf("segments %d of %+v: ", i, h)
			near(t, what+"out", ours.covered(ours.read(ours.out), h.Out()), theirs.covered(theirs.read(theirs.out), h.Out()), 1e-2)
			near(t, what+"log-sum-exp", ours.covered(ours.read(ours.lse), h.Query), theirs.covered(theirs.read(theirs.lse), h.Query), 1e-5)
			first := ours.gradient()
			near(t, what+"gradient", first, theirs.gradient(), 1e-2)
			identical(t, what+"a second gradient", ours.gradient(), first)
		}
	}
}

// TestAttentionOfCutSequences checks that a sequence's result does not depend
// on where it lies, nor on where it is cut into a prefix and the rest.
func TestAttentionOfCutSequences(t *testing.T) {
	d := open(t)
	r := rand.New(rand.NewPCG(5, 6))
	const n, before = 600, 70
	for _, h := range tileHeads {
		qkv := normals(r, (before+n)*h.QKV())
		run := func(from int, segs ...kernels.Segment) []float32 {
			c := newAttentionCase(t, d, h, segs, qkv[from*h.QKV():], normals(r, h.Out()))
			return append(c.read(c.out)[(before-from)*h.Out():], c.read(c.lse)[(before-from)*h.Query:]...)
		}
		alone := run(before, kernels.Segment{Len: n})
		identical(t, "packed behind others", run(0, kernels.Segment{Len: before}, kernels.Segment{Start: before, Len: n}), alone)
		for _, cut := range []int32{1, 127, 128, 200, 384, n - 1} {
			identical(t, fmt.Sprintf("%+v cut at %d", h, cut), run(before, kernels.Segment{Len: cut},
				kernels.Segment{Start: cut, Len: n - cut, PrefixLen: cut}), alone)
		}
	}
}

// TestCachedAttentionIsPackedAttention lets the rows of a prompt's two
// completions attend from the cache.
func TestCachedAttentionIsPackedAttention(t *testing.T) {
	d := open(t)
	r := rand.New(rand.NewPCG(7, 8))
	segs := []kernels.Segment{{Len: 300}, {Start: 300, Len: 150, PrefixLen: 300}, {Start: 450, Len: 290, PrefixLen: 300}}
	first := []int{0, 10, 15} // pages of each segment, in pages of 32 tokens
	const tokens, pages, layers, layer, wide = 32, 25, 2, 1, 2 + 10 + 10
	for _, h := range tileHeads {
		n := rowsOf(segs) - 2
		c := newAttentionCase(t, d, h, segs, normals(r, n*h.QKV()), normals(r, h.Out()))
		var slots, table []int32
		for i, s := range segs {
			for j := range int(s.Len) {
				slots = append(slots, int32(first[i]*tokens+j))
				row := []int32{s.PrefixLen, s.PrefixLen + int32(j) + 1}
				for p := 0; i > 0 && p < first[1]; p++ {
					row = append(row, int32(p))
				}
				for p := first[i]; len(row) < wide; p++ {
					row = append(row, int32(min(p, pages-1)))
				}
				table = append(table, row...)
			}
		}
		store, err := d.AllocCache(kernels.CacheShape{Layers: layers, Pages: pages, PageTokens: tokens, Heads: h})
		if err != nil {
			t.Fatal(err)
		}
		places, tables := c.alloc(kernels.Int32, len(slots)), c.alloc(kernels.Int32, len(table))
		d.Upload(places, slots)
		d.Upload(tables, table)
		d.CacheStore(store, layer, c.qkv, places)
		out := c.unwritten(kernels.BFloat16, n*h.Out())
		d.AttendCached(store, layer, out, c.qkv, tables)
		identical(t, fmt.Sprintf("cached attention of %+v", h), c.read(out), c.read(c.out))
		d.FreeCache(store)
	}
}
