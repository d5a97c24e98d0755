//go:build cuda

package cuda

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/octorl/octorl/kernels"
)

// matrix is a device matrix of rows by cols, stride apart, and what it holds.
type matrix struct {
	*buffer
	rows, cols, stride int
	of                 []float64
}

// newMatrix returns a matrix of normal values, in rows stride apart.
func newMatrix(t *testing.T, d *Device, r *rand.Rand, kind kernels.Type, rows, cols, stride int) matrix {
	t.Helper()
	b, err := d.Alloc(kind, rows*stride)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Free(b) })
	values := make([]float32, rows*stride)
	for i := range values {
		values[i] = float32(r.NormFloat64())
	}
	d.Upload(b, values)
	m := matrix{b.(*buffer), rows, cols, stride, nil}
	for _, v := range m.read(t, d) {
		m.of = append(m.of, float64(v))
	}
	return m
}

// read returns the rows without what lies between them.
func (m matrix) read(t *testing.T, d *Device) []float32 {
	t.Helper()
	all := make([]float32, m.n)
	d.Download(all, m.buffer)
	if err := d.Wait(d.Mark()); err != nil {
		t.Fatal(err)
	}
	var rows []float32
	for i := range m.rows {
		rows = append(rows, all[i*m.stride:][:m.cols]...)
		for _, v := range all[i*m.stride+m.cols : (i+1)*m.stride] {
			if m.of == nil && v == v {
				t.Fatalf("row %d was written past its end", i)
			}
		}
	}
	return rows
}

// poisoned returns a matrix of NaN.
func poisoned(t *testing.T, d *Device, kind kernels.Type, rows, cols, stride int) matrix {
	t.Helper()
	b, err := d.Alloc(kind, rows*stride)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Free(b) })
	d.Fill(b, float32(math.NaN()))
	return matrix{b.(*buffer), rows, cols, stride, nil}
}

// productOf returns the product of a form in float64.
func productOf(op gemmOp, s gemmShape, a, b []float64) []float64 {
	stepsOf := func(op gemmOp) (am, ak, bn, bk int) {
		switch op {
		case gemmNT:
			return s.K, 1, s.K, 1
		case gemmNN:
			return s.K, 1, 1, s.N
		}
		return 1, s.M, 1, s.N
	}
	am, ak, bn, bk := stepsOf(op)
	out := make([]float64, s.M*s.N)
	for m := range s.M {
		for n := range s.N {
			var sum float64
			for k := range s.K {
				sum += a[m*am+k*ak] * b[n*bn+k*bk]
			}
			out[m*s.N+n] = sum
		}
	}
	return out
}

// distance returns ‖got − want‖/‖want‖; it is NaN where got has a NaN.
func distance(got []float32, want []float64) float64 {
	var d, w float64
	for i, v := range want {
		d += (float64(got[i]) - v) * (float64(got[i]) - v)
		w += v * v
	}
	return math.Sqrt(d / max(w, 1e-300))
}

// farthest is the distance from float64 that is rounding, by type of output.
var farthest = map[kernels.Type]float64{kernels.BFloat16: 4e-3, kernels.Float32: 1e-5}

var alignedShapes = []gemmShape{
	{M: 8, N: 8, K: 8}, {M: 64, N: 64, K: 64}, {M: 16, N: 144, K: 328}, {M: 136, N: 264, K: 200}, {M: 304, N: 168, K: 576},
}

var oddShapes = []gemmShape{{M: 1, N: 1, K: 1}, {M: 3, N: 5, K: 7}, {M: 65, N: 130, K: 67}, {M: 131, N: 33, K: 300}}

// TestEveryTile runs every compiled kernel on shapes with remainders, into
// poisoned rows, and compares with float64 and, bit for bit, with the plain one.
func TestEveryTile(t *testing.T) {
	const seed = 5
	d := open(t)
	r := rand.New(rand.NewPCG(seed, 0))
	for op := gemmNT; op <= gemmTN; op++ {
		for _, s := range append(alignedShapes, oddShapes...) {
			tiles := []gemmTile{plain}
			if s.M%8 == 0 {
				tiles = append(tiles, gemmTiles(op)...)
			}
			s = s.dense(op)
			s.LdOut += 8
			rowsA, colsA, rowsB, colsB := s.operands(op)
			a := newMatrix(t, d, r, kernels.BFloat16, rowsA, colsA, colsA)
			b := newMatrix(t, d, r, kernels.BFloat16, rowsB, colsB, colsB)
			want := productOf(op, s, a.of, b.of)
			for _, kind := range gemmTypes[op] {
				var first []float32
				for _, tile := range tiles {
					out := poisoned(t, d, kind, s.M, s.N, s.LdOut)
					p := tile.plan(op, s, kind, 1, false, d.sms)
					d.enter("test")
					d.multiply(op, s, p, out.ptr(), a.ptr(), b.ptr(), gemmOut{Type: kind})
					d.leave()
					got := out.read(t, d)
					if e := distance(got, want); !(e < farthest[kind]) {
						t.Errorf("%s of %+v: error %.1e", p.kernel, s, e)
					}
					if first == nil {
						first = got
					}
					sameBits(t, p.kernel, got, first)
				}
			}
		}
	}
}

func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i, v := range want {
		if math.Float32bits(got[i]) != math.Float32bits(v) {
			t.Errorf("%s: element %d is %v, not %v", what, i, got[i], v)
			return
		}
	}
}

// TestRowsDoNotDependOnBatch compares the rows of a large product with those of
// small ones, and of one whose memory is aligned to nothing.
func TestRowsDoNotDependOnBatch(t *testing.T) {
	const seed, rows, in, out = 6, 700, 328, 200
	d := open(t)
	r := rand.New(rand.NewPCG(seed, 0))
	x := newMatrix(t, d, r, kernels.BFloat16, rows, in, in)
	w := newMatrix(t, d, r, kernels.BFloat16, out, in, in)
	bias := newMatrix(t, d, r, kernels.BFloat16, 1, out, out)
	linear := func(from, n int) []float32 {
		y := poisoned(t, d, kernels.BFloat16, n, out, out)
		d.Linear(kernels.LinearShape{Rows: n, In: in, Out: out}, y.buffer, x.Slice(from*in, (from+n)*in), w.buffer, bias.buffer)
		return y.read(t, d)
	}
	all := linear(0, rows)
	for _, n := range []int{1, 2, 7, 8, 33, 64, 65, 128, 300} {
		from := r.IntN(rows - n)
		sameBits(t, "rows of a batch", linear(from, n), all[from*out:(from+n)*out])
	}
	shifted, err := d.Alloc(kernels.BFloat16, rows*in+1)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Free(shifted)
	moved := shifted.Slice(1, rows*in+1)
	d.Copy(moved, x.buffer)
	y := poisoned(t, d, kernels.BFloat16, rows, out, out)
	d.Linear(kernels.LinearShape{Rows: rows, In: in, Out: out}, y.buffer, moved, w.buffer, bias.buffer)
	sameBits(t, "unaligned rows", y.read(t, d), all)
}

// TestPartsOfWeightGradients adds parts in place and through a stack, twice.
func TestPartsOfWeightGradients(t *testing.T) {
	const seed = 7
	d := open(t)
	r := rand.New(rand.NewPCG(seed, 0))
	s := gemmShape{M: 320, N: 168, K: 1000}.dense(gemmTN)
	a := newMatrix(t, d, r, kernels.BFloat16, s.K, s.M, s.M)
	b := newMatrix(t, d, r, kernels.BFloat16, s.K, s.N, s.N)
	old := newMatrix(t, d, r, kernels.Float32, s.M, s.N, s.N)
	want := productOf(gemmTN, s, a.of, b.of)
	for i, v := range old.of {
		want[i] += v
	}
	for _, tile := range []gemmTile{tile256, tile192, tile320, wide, tile128} {
		for splits := 1; splits <= 16; splits *= 2 {
			for _, stacked := range []bool{false, true} {
				var first []float32
				for range 2 {
					out := poisoned(t, d, kernels.Float32, s.M, s.N, s.N)
					d.Copy(out.buffer, old.buffer)
					p := tile.plan(gemmTN, s, kernels.Float32, splits, stacked && splits > 1, d.sms)
					d.enter("test")
					d.run(gemmTN, s, p, out.ptr(), a.ptr(), b.ptr(), gemmOut{Type: kernels.Float32, Accumulate: true})
					d.leave()
					got := out.read(t, d)
					if e := distance(got, want); !(e < farthest[kernels.Float32]) {
						t.Errorf("%s, %d parts: error %.1e", p.kernel, splits, e)
					}
					if first == nil {
						first = got
					}
					sameBits(t, p.kernel, got, first)
				}
			}
		}
	}
}

// TestBiasGradient compares sums of columns with float64, at odd widths too.
func TestBiasGradient(t *testing.T) {
	const seed = 8
	d := open(t)
	r := rand.New(rand.NewPCG(seed, 0))
	for _, s := range []kernels.LinearShape{{Rows: 1, In: 8, Out: 1}, {Rows: 1500, In: 16, Out: 131}, {Rows: 700, In: 8, Out: 256}} {
		dy := newMatrix(t, d, r, kernels.BFloat16, s.Rows, s.Out, s.Out)
		x := newMatrix(t, d, r, kernels.BFloat16, s.Rows, s.In, s.In)
		dw := newMatrix(t, d, r, kernels.Float32, s.Out, s.In, s.In)
		dBias := newMatrix(t, d, r, kernels.Float32, 1, s.Out, s.Out)
		want := dBias.of
		for i, v := range dy.of {
			want[i%s.Out] += v
		}
		d.LinearGradWeight(s, dw.buffer, dBias.buffer, dy.buffer, x.buffer)
		if e := distance(dBias.read(t, d), want); !(e < farthest[kernels.Float32]) {
			t.Errorf("%+v: error %.1e", s, e)
		}
	}
}
