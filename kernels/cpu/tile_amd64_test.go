package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/kernels/kerneltest"
)

// tileCase is a product of one tile.
type tileCase struct {
	a           matrix
	rows, depth int
	step        int // of the panels
	add         bool
	panels      [4][]float32
	start       []float32
}

// tileCases are all numbers of rows and panels at small depths, from operands
// in both orders and panels packed and not.
func tileCases(seed uint64) []tileCase {
	rng := rand.New(rand.NewPCG(seed, 0))
	random := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	var cases []tileCase
	for depth := range 9 {
		for rows := 1; rows <= tileRows; rows++ {
			for _, a := range []matrix{{random(tileRows * 20), 20, 1}, {random(tileRows * 20), 1, 13}} {
				for _, step := range []int{tileCols, 40} {
					for _, add := range []bool{false, true} {
						c := tileCase{a: a, rows: rows, depth: depth, step: step, add: add, start: random(tileRows * 80)}
						for p := range c.panels {
							c.panels[p] = random(depth*step + tileCols)
						}
						cases = append(cases, c)
					}
				}
			}
		}
	}
	return cases
}

// run returns what a tile of one panel, one of two, and one row of four make
// of the start.
func (c tileCase) run() []float32 {
	const row = 80
	var b [4]panel
	for p := range b {
		b[p] = panel{c.panels[p], c.step}
	}
	var all []float32
	for _, f := range []func(out output){
		func(out output) { multiplyTile(out, c.a, b[0], c.rows, c.depth, c.add, lines{}) },
		func(out output) { multiplyPair(out, c.a, b[0], b[1], c.rows, c.depth, c.add, lines{}) },
		func(out output) { multiplyRow(out.at, c.a.at, c.a.step, &b, c.depth, c.add) },
	} {
		out := append([]float32(nil), c.start...)
		f(output{out, row})
		all = append(all, out...)
	}
	return all
}

// TestTilesAgree compares the assembly for each set of instructions, bit for
// bit, and with portable Go up to rounding.
func TestTilesAgree(t *testing.T) {
	for i, c := range tileCases(3) {
		var want []float32
		portably(func() { want = c.run() })
		var first []float32
		for _, set := range assemblies() {
			var got []float32
			with(set, func() { got = c.run() })
			compare(t, "tile", i, got, want)
			if first == nil {
				first = got
			}
			equalBits(t, fmt.Sprintf("tile %d of %d rows, depth %d", i, c.rows, c.depth), got, first)
		}
	}
}

func equalBits(t *testing.T, name string, got, want []float32) {
	t.Helper()
	for i, v := range want {
		if math.Float32bits(got[i]) != math.Float32bits(v) {
			t.Fatalf("%s: result %d is %g, want %g", name, i, got[i], v)
		}
	}
}

// TestResultsDoNotDependOnInstructions is why digests of runs are equal on
// machines with and without AVX-512.
func TestResultsDoNotDependOnInstructions(t *testing.T) {
	const seed = 7
	var want []float32
	for _, set := range assemblies() {
		with(set, func() {
			d := Open(Config{Threads: 2})
			t.Cleanup(func() { closeDevice(t, d) })
			got := kerneltest.Fingerprint(t, d, seed)
			if want == nil {
				want = got
			}
			equalBits(t, fmt.Sprintf("%s against avx2", vectorName()), got, want)
		})
	}
}

// TestConformanceOfEachAssembly runs the suite on what this machine has.
func TestConformanceOfEachAssembly(t *testing.T) {
	for _, set := range assemblies() {
		with(set, func() {
			t.Run(vectorName(), func(t *testing.T) {
				d := Open(Config{Threads: 2})
				t.Cleanup(func() { closeDevice(t, d) })
				kerneltest.Run(t, func() kernels.Device { return d })
			})
		})
	}
}

// TestTasksCover cuts products of many shapes into tasks: each tile is in one
// of them.
func TestTasksCover(t *testing.T) {
	for _, workers := range []int{1, 2, 3, 16} {
		for rows := 1; rows < 400; rows += 7 {
			for _, cols := range []int{1, 2, 3, 5, 20, 61, 256} {
				for _, cost := range []taskCost{readCost, copyCost} {
					whole := region{5, 5 + rows, 3, 3 + cols}
					tasksCover(t, newTasks(whole, workers, cost), fmt.Sprintf("%d × %d for %d workers", rows, cols, workers))
				}
			}
		}
	}
}

func tasksCover(t *testing.T, s tasks, what string) {
	t.Helper()
	width := s.n1 - s.n0
	seen := make([]int, (s.m1-s.m0)*width)
	for i := range s.count {
		r := s.at(i)
		if r.m1-r.m0 > maxBlockRows {
			t.Fatalf("%s: task %d has %d rows", what, i, r.m1-r.m0)
		}
		for m := r.m0; m < r.m1; m++ {
			for n := r.n0; n < r.n1; n++ {
				seen[(m-s.m0)*width+n-s.n0]++
			}
		}
	}
	for at, times := range seen {
		if times != 1 {
			t.Fatalf("%s: row %d of panel %d is in %d tasks", what, s.m0+at/width, s.n0+at%width, times)
		}
	}
}
