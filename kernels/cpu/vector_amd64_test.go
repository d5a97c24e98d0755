package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/kernels/kerneltest"
)

// with runs f with the assembly for so many instructions only.
func with(set instructions, f func()) {
	defer func(was instructions) { using = was }(using)
	using = set
	f()
}

// portably runs f with the assembly turned off.
func portably(f func()) { with(portable, f) }

// assemblies are the sets of instructions that this machine has.
func assemblies() []instructions {
	var sets []instructions
	for set := avx2; set <= available(); set++ {
		sets = append(sets, set)
	}
	return sets
}

func TestPortableConformance(t *testing.T) {
	portably(func() {
		d := Open(Config{Threads: 2})
		defer closeDevice(t, d)
		kerneltest.Run(t, func() kernels.Device { return d })
	})
}

// rounding is how far assembly and portable Go may differ, relative to the
// largest result: Go rounds products that the assembly does not.
const rounding = 4e-6

// routine is a vector routine on operands of n elements; it returns what it computed.
type routine struct {
	name string
	run  func(x [][]float32) []float32
}

func routines() []routine {
	s := adamStep{0.5, 0.9, 0.95, 0.1, 0.05, 0.01, 5, 10, 1e-6, 0.1}
	turns := operands(1, 16)[0]
	pair := func(a, b float32) []float32 { return []float32{a, b} }
	return []routine{
		{"expRow", func(x [][]float32) []float32 {
			sum, dot := expRow(x[0], x[1], 3, 0.5)
			return append(x[0], sum, dot)
		}},
		{"maxRow", func(x [][]float32) []float32 { return pair(maxRow(x[0]), 0) }},
		{"dotRow", func(x [][]float32) []float32 { return pair(dotRow(x[0], x[1]), dot3Row(x[0], x[1], x[2])) }},
		{"addRow", func(x [][]float32) []float32 { addRow(x[0], x[1], x[2]); return x[0] }},
		{"scaleRow", func(x [][]float32) []float32 { scaleRow(x[0], x[1], 3); return x[0] }},
		{"scaleByGain", func(x [][]float32) []float32 { scaleByGain(x[0], x[1], x[2], 3); return x[0] }},
		{"addProductRow", func(x [][]float32) []float32 { addProductRow(x[0], x[1], x[2], 3); return x[0] }},
		{"normGradRow", func(x [][]float32) []float32 { normGradRow(x[0], x[1], x[2], x[3], 3, 2); return x[0] }},
		{"scoreGradRow", func(x [][]float32) []float32 { scoreGradRow(x[0], x[1], 3, 2); return x[0] }},
		{"logitGradRow", func(x [][]float32) []float32 { logitGradRow(x[0], x[1], 1, 2, 3, 4); return x[0] }},
		{"swigluRow", func(x [][]float32) []float32 { swigluRow(x[0], x[1], x[2]); return x[0] }},
		{"swigluGradRow", func(x [][]float32) []float32 {
			swigluGradRow(x[0], x[1], x[2], x[3], x[4])
			return append(x[0], x[1]...)
		}},
		{"adamRow", func(x [][]float32) []float32 {
			for i, v := range x[3] {
				x[3][i] = v * v
			}
			adamRow(x[0], x[1], x[2], x[3], &s)
			return append(append(x[0], x[2]...), x[3]...)
		}},
		{"rotateHeads", func(x [][]float32) []float32 {
			row := append(append(x[0], x[0]...), x[0]...)
			row = row[:len(row)/3*3]
			for _, width := range []int{16, 20, 32} {
				if n := len(row) / width * width; n > 0 {
					rotateHeads(row[:n], width, turns[:16], n%2 == 0)
				}
			}
			return row
		}},
		{"transposePanel", func(x [][]float32) []float32 {
			n := len(x[0])
			dst := make([]float32, n*tileCols)
			transposePanel(dst, append(x[0], x[1]...), n, n, 2)
			return dst
		}},
	}
}

func TestAssemblyAgreesWithPortable(t *testing.T) {
	if using == portable {
		t.Skip("this machine has no AVX2")
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for n := 1; n < 40; n++ {
		for _, r := range routines() {
			x := operands(seed, n)
			clipped := slices.Clone(x)
			for i := range x {
				clipped[i] = x[i][:n:n]
			}
			got := r.run(clipped)
			for i := range x {
				if behind := x[i][n : n+lanes]; slices.Max(behind) != 0 || slices.Min(behind) != 0 {
					t.Fatalf("%s of %d wrote behind operand %d: %v", r.name, n, i, behind)
				}
			}
			var want []float32
			portably(func() { want = r.run(operands(seed, n)) })
			compare(t, r.name, n, got, want)
		}
	}
}

// operands are five rows of n numbers, each with room behind it for bystanders.
func operands(seed uint64, n int) [][]float32 {
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	x := make([][]float32, 5)
	for i := range x {
		x[i] = make([]float32, n, n+lanes)
		for j := range x[i] {
			x[i][j] = float32(rng.NormFloat64())
		}
	}
	return x
}

func compare(t *testing.T, name string, n int, got, want []float32) {
	t.Helper()
	largest := 1.0
	for _, v := range want {
		largest = max(largest, math.Abs(float64(v)))
	}
	for i, v := range want {
		if !(math.Abs(float64(got[i]-v)) <= rounding*largest) {
			t.Fatalf("%s of %d: result %d is %g in assembly, %g in Go", name, n, i, got[i], v)
		}
	}
}

// TestExp compares both exponentials with math.Exp over their whole range.
func TestExp(t *testing.T) {
	var x []float32
	for v := float32(-87.3); v < 88; v += 0.0137 {
		x = append(x, v)
	}
	check := func() {
		e := make([]float32, len(x))
		expRow(e, x, 1, 0)
		for i, v := range x {
			if want := math.Exp(float64(v)); math.Abs(float64(e[i])/want-1) > 2.4e-7 {
				t.Fatalf("exp(%g) is %g, want %g", v, e[i], want)
			}
		}
	}
	check()
	portably(check)
	edges := []float32{-88, float32(math.Inf(-1)), -1e30, 0, float32(math.NaN())}
	expRow(edges, edges, 1, 0)
	for i, want := range []float32{0, 0, 0, 1} {
		if edges[i] != want {
			t.Errorf("edge %d is %g, want %g", i, edges[i], want)
		}
	}
	if edges[4] == edges[4] {
		t.Errorf("exp(NaN) is %g", edges[4])
	}
}

// TestAddProducts compares sums of several rows with those of one row after
// another, bit for bit, since either may be used for some columns.
func TestAddProducts(t *testing.T) {
	const row, rows = 50, 9
	x := operands(5, row*rows)
	for _, wide := range []int{1, 31, columnsAtOnce, 40} {
		got, want := slices.Clone(x[2][:wide]), slices.Clone(x[2][:wide])
		addProducts(got, x[0], x[1], row, x[3][:rows])
		for n, s := range x[3][:rows] {
			addProductRow(want, x[0][n*row:][:wide], x[1][n*row:][:wide], s)
		}
		equalBits(t, "sums of products", got, want)
	}
}

// TestRoutinesDoNotDependOnInstructions compares what each set of instructions
// gives, bit for bit, for rows that end anywhere in a vector.
func TestRoutinesDoNotDependOnInstructions(t *testing.T) {
	const seed = 11
	for n := 1; n < 100; n++ {
		for _, r := range routines() {
			var want []float32
			for _, set := range assemblies() {
				with(set, func() {
					got := r.run(operands(seed, n))
					if want == nil {
						want = got
					}
					equalBits(t, fmt.Sprintf("%s of %d in %s against avx2", r.name, n, vectorName()), got, want)
				})
			}
		}
	}
}
