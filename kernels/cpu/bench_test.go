package cpu

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/octorl/octorl/kernels"
)

// bench is a device with random inputs.
type bench struct {
	*testing.B
	*Device
}

func newBench(b *testing.B) bench {
	d := Open(Config{})
	b.Cleanup(func() { d.Close() })
	return bench{b, d}
}

func (b bench) random(n int) kernels.Buffer {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rand.NormFloat64())
	}
	f, _ := b.Alloc(kernels.Float32, n)
	b.Upload(f, v)
	return f
}

func (b bench) ints(n int, at func(int) int) kernels.Buffer {
	v := make([]int32, n)
	for i := range v {
		v[i] = int32(at(i))
	}
	f, _ := b.Alloc(kernels.Int32, n)
	b.Upload(f, v)
	return f
}

// measure runs op b.N times and reports its rate, and the rate of the fastest
// run, which other load on the machine does not lower.
func (b bench) measure(flops float64, op func()) {
	op()
	b.Wait(b.Mark())
	b.ResetTimer()
	best := time.Hour
	for b.Loop() {
		start := time.Now()
		op()
		b.Wait(b.Mark())
		best = min(best, time.Since(start))
	}
	b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	b.ReportMetric(flops/best.Seconds()/1e9, "best-GFLOP/s")
}

func BenchmarkLinear(bb *testing.B) {
	for _, l := range []kernels.LinearShape{
		{Rows: 1024, In: 128, Out: 256}, {Rows: 1024, In: 128, Out: 768}, {Rows: 1024, In: 384, Out: 128},
		{Rows: 256, In: 256, Out: 256}, {Rows: 512, In: 512, Out: 512}, {Rows: 1024, In: 1024, Out: 1024},
		{Rows: 64, In: 128, Out: 768}, {Rows: 1, In: 128, Out: 768},
	} {
		flops := 2 * float64(l.Rows) * float64(l.In) * float64(l.Out)
		run := func(name string, op func(b bench, x, y, w kernels.Buffer)) {
			bb.Run(fmt.Sprintf("%s/%dx%dx%d", name, l.Rows, l.In, l.Out), func(bb *testing.B) {
				b := newBench(bb)
				x, y, w := b.random(l.Rows*l.In), b.random(l.Rows*l.Out), b.random(l.In*l.Out)
				b.measure(flops, func() { op(b, x, y, w) })
			})
		}
		run("forward", func(b bench, x, y, w kernels.Buffer) { b.Linear(l, y, x, w, nil) })
		run("input", func(b bench, x, y, w kernels.Buffer) { b.LinearGradInput(l, x, y, w) })
		run("weight", func(b bench, x, y, w kernels.Buffer) { b.LinearGradWeight(l, w, nil, y, x) })
	}
}

// BenchmarkTile is the micro-kernel on operands in the first-level cache: what
// one thread could reach at most.
func BenchmarkTile(b *testing.B) {
	const depth, times = 256, 100
	a, b0, b1 := make([]float32, tileRows*depth), make([]float32, depth*tileCols), make([]float32, depth*tileCols)
	out := output{make([]float32, 2*tileRows*tileCols), 2 * tileCols}
	best := time.Hour
	for b.Loop() {
		start := time.Now()
		for range times {
			multiplyPair(out, matrix{a, depth, 1}, panel{b0, tileCols}, panel{b1, tileCols}, tileRows, depth, false, lines{})
		}
		best = min(best, time.Since(start))
	}
	b.ReportMetric(4*times*depth*tileRows*tileCols/best.Seconds()/1e9, "best-GFLOP/s")
}

// BenchmarkAttention has 4 sequences of 256 rows. Rates count each pair of rows
// that see each other once.
func BenchmarkAttention(bb *testing.B) {
	h := kernels.Heads{Query: 4, KeyValue: 2, Width: 32}
	const n, length = 1024, 256
	segs := make([]kernels.Segment, n/length)
	for i := range segs {
		segs[i] = kernels.Segment{Start: int32(i * length), Len: length}
	}
	fields := kernels.SegmentInts(nil, segs)
	flops := 4 * float64(n) * (length + 1) / 2 * float64(h.Out())
	run := func(name string, times float64, op func(b bench, out, lse, qkv, dqkv, segments kernels.Buffer)) {
		bb.Run(name, func(bb *testing.B) {
			b := newBench(bb)
			out, lse := b.random(n*h.Out()), b.random(n*h.Query)
			qkv, dqkv := b.random(n*h.QKV()), b.random(n*h.QKV())
			segments := b.ints(len(fields), func(i int) int { return int(fields[i]) })
			b.Attend(h, out, lse, qkv, segments)
			b.measure(times*flops, func() { op(b, out, lse, qkv, dqkv, segments) })
		})
	}
	run("forward", 1, func(b bench, out, lse, qkv, _, segments kernels.Buffer) { b.Attend(h, out, lse, qkv, segments) })
	run("backward", 2.5, func(b bench, out, lse, qkv, dqkv, segments kernels.Buffer) {
		b.AttendGrad(h, dqkv, out, out, lse, qkv, segments)
	})
}

// BenchmarkAttendCached has 64 rows that see 256 keys each.
func BenchmarkAttendCached(bb *testing.B) {
	b := newBench(bb)
	h := kernels.Heads{Query: 4, KeyValue: 2, Width: 32}
	const rows, keys, pageTokens = 64, 256, 16
	const pages = keys / pageTokens
	c, err := b.AllocCache(kernels.CacheShape{Layers: 1, Pages: rows * pages, PageTokens: pageTokens, Heads: h})
	if err != nil {
		b.Fatal(err)
	}
	table := b.ints(rows*(2+pages), func(i int) int {
		switch row, column := i/(2+pages), i%(2+pages); column {
		case 0:
			return 0
		case 1:
			return keys
		default:
			return row*pages + column - 2
		}
	})
	out, qkv := b.random(rows*h.Out()), b.random(rows*h.QKV())
	b.measure(4*rows*keys*float64(h.Out()), func() { b.AttendCached(c, 0, out, qkv, table) })
}

func BenchmarkHead(bb *testing.B) {
	const n, c, v = 1024, 128, 1024
	for _, grad := range []bool{false, true} {
		bb.Run(fmt.Sprintf("gradients=%t", grad), func(bb *testing.B) {
			b := newBench(bb)
			a := kernels.HeadArgs{
				Channels: c, Hidden: b.random(n * c), Weight: b.random(v * c), Temperature: 1,
				Rows: b.ints(n, func(i int) int { return i }), Targets: b.ints(n, func(i int) int { return i % v }),
				LogProb: b.random(n), Entropy: b.random(n),
			}
			flops := 2.0 * n * c * v
			if grad {
				flops *= 3
				a.Coef, a.DHidden, a.DWeight = b.random(n), b.random(n*c), b.random(v*c)
			}
			b.measure(flops, func() { b.Head(a) })
		})
	}
}

func BenchmarkSample(bb *testing.B) {
	const n, c, v = 64, 128, 1024
	b := newBench(bb)
	a := kernels.SampleArgs{
		Channels: c, Hidden: b.random(n * c), Weight: b.random(v * c), Temperatures: b.random(n),
		Rows: b.ints(n, func(i int) int { return i }), Keys: b.ints(2*n, func(i int) int { return i }),
		Positions: b.ints(n, func(i int) int { return i }), Tokens: b.ints(n, func(i int) int { return i }),
		LogProb: b.random(n), Entropy: b.random(n),
	}
	b.Fill(a.Temperatures, 1)
	b.measure(2*n*c*v, func() { b.Sample(a) })
}

// BenchmarkRows has the operations that are bound by memory or exponentials.
func BenchmarkRows(bb *testing.B) {
	const n, c, f = 1024, 128, 384
	run := func(name string, flops float64, op func(b bench) func()) {
		bb.Run(name, func(bb *testing.B) {
			b := newBench(bb)
			b.measure(flops, op(b))
		})
	}
	run("AddNorm", n*c, func(b bench) func() {
		x, out, rstd, gain := b.random(n*c), b.random(n*c), b.random(n), b.random(c)
		return func() { b.AddNorm(x, out, rstd, x, out, gain, 1e-5) }
	})
	run("AddNormGrad", n*c, func(b bench) func() {
		x, out, rstd, gain := b.random(n*c), b.random(n*c), b.random(n), b.random(c)
		return func() { b.AddNormGrad(x, gain, out, x, gain, rstd) }
	})
	run("SwiGLU", n*f, func(b bench) func() {
		x, out := b.random(2*n*f), b.random(n*f)
		return func() { b.SwiGLU(out, x, f) }
	})
	run("SwiGLUGrad", n*f, func(b bench) func() {
		x, dx, out := b.random(2*n*f), b.random(2*n*f), b.random(n*f)
		return func() { b.SwiGLUGrad(dx, nil, out, x, f) }
	})
	run("Rope", n*256, func(b bench) func() {
		h := kernels.Heads{Query: 4, KeyValue: 2, Width: 32}
		qkv, at, freq := b.random(n*h.QKV()), b.ints(n, func(i int) int { return i % 512 }), b.random(16)
		return func() { b.Rope(h, qkv, at, freq, false) }
	})
	run("AdamW", 1<<20, func(b bench) func() {
		a := kernels.AdamWArgs{Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, Norm: b.random(1), Hyper: b.random(3)}
		a.Master, a.Grads, a.M, a.V = b.random(1<<20), b.random(1<<20), b.random(1<<20), b.random(1<<20)
		a.Weights = a.Master
		b.Fill(a.Norm, 1)
		b.Fill(a.V, 1)
		return func() { b.AdamW(a) }
	})
}
