package cpu

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// instructions are a set of vector instructions that the assembly is written
// for; each holds those before it.
type instructions int

const (
	portable instructions = iota
	avx2                  // AVX2 and FMA
	avx512                // AVX-512F
)

// using chooses the assembly; tests lower it. All but portable give equal
// results, bit for bit.
var using = available()

func available() instructions {
	switch {
	case !cpu.X86.HasAVX2 || !cpu.X86.HasFMA:
		return portable
	case !cpu.X86.HasAVX512F:
		return avx2
	}
	return avx512
}

func vectorName() string {
	return [...]string{"portable", "avx2", "avx512"}[using]
}

// vectorKind returns Info.Kind.
func vectorKind() string {
	if using == portable {
		return portableKind
	}
	return "cpu"
}

// panelsAtOnce returns how many panels a tile covers best.
func panelsAtOnce() int {
	if using == avx512 {
		return 2
	}
	return 1
}

// Each wrapper checks what the assembly will touch, by the slice expressions.

// check panics where a tile of an operand would reach beyond its memory.
func (o output) check(rows, cols int)  { _ = o.at[:(rows-1)*o.row+cols] }
func (a matrix) check(rows, depth int) { _ = a.at[(rows-1)*a.row+(depth-1)*a.step] }
func (b panel) check(depth int)        { _ = b.at[:(depth-1)*b.step+tileCols] }

// multiplyTile sets rows × 16 elements of out to a·b, or adds a·b, over depth
// steps, for at most tileRows rows. It may ask for some of next meanwhile.
func multiplyTile(out output, a matrix, b panel, rows, depth int, add bool, next lines) {
	if using == portable || depth == 0 {
		multiplyTileGo(out, a, b, rows, depth, add)
		return
	}
	b.check(depth)
	a.check(rows, depth)
	out.check(rows, tileCols)
	if using == avx512 {
		multiplyTile512(out, a, b, rows, depth, add)
		return
	}
	r := 0
	for ; rows-r >= 6; r += 6 {
		ahead, step := next.half(r/6, &b.at[0])
		tile6AVX2(&out.at[r*out.row], out.row, &a.at[r*a.row], a.row, a.step, &b.at[0], b.step, depth, ahead, step, add)
	}
	if (rows-r)&4 != 0 {
		tile4AVX2(&out.at[r*out.row], out.row, &a.at[r*a.row], a.row, a.step, &b.at[0], b.step, depth, add)
		r += 4
	}
	if (rows-r)&2 != 0 {
		tile2AVX2(&out.at[r*out.row], out.row, &a.at[r*a.row], a.row, a.step, &b.at[0], b.step, depth, add)
		r += 2
	}
	if rows > r {
		tile1AVX2(&out.at[r*out.row], out.row, &a.at[r*a.row], a.row, a.step, &b.at[0], b.step, depth, add)
	}
}

// half returns where every other of the lines begins, from the first or the
// second on, and their distance; or other where there are none.
func (l lines) half(second int, other *float32) (*float32, int) {
	if second*l.step >= len(l.at) {
		return other, 0
	}
	return &l.at[second*l.step], 2 * l.step
}

func multiplyTile512(out output, a matrix, b panel, rows, depth int, add bool) {
	if rows == tileRows {
		tile12AVX512(&out.at[0], out.row, &a.at[0], a.row, a.step, &b.at[0], b.step, depth, add)
		return
	}
	r := 0
	if rows&8 != 0 {
		tile8AVX512(&out.at[0], out.row, &a.at[0], a.row, a.step, &b.at[0], b.step, depth, add)
		r = 8
	}
	if rows&4 != 0 {
		tile4AVX512(&out.at[r*out.row], out.row, &a.at[r*a.row], a.row, a.step, &b.at[0], b.step, depth, add)
		r += 4
	}
	if rows&2 != 0 {
		tile2AVX512(&out.at[r*out.row], out.row, &a.at[r*a.row], a.row, a.step, &b.at[0], b.step, depth, add)
		r += 2
	}
	if rows&1 != 0 {
		tile1AVX512(&out.at[r*out.row], out.row, &a.at[r*a.row], a.row, a.step, &b.at[0], b.step, depth, add)
	}
}

// multiplyPair is multiplyTile for two panels of equal steps, whose results are
// side by side.
func multiplyPair(out output, a matrix, b0, b1 panel, rows, depth int, add bool, next lines) {
	if depth == 0 || using != avx512 && (using == portable || rows != 2) {
		multiplyTile(out, a, b0, rows, depth, add, next)
		multiplyTile(output{out.at[tileCols:], out.row}, a, b1, rows, depth, add, lines{})
		return
	}
	b0.check(depth)
	b1.check(depth)
	a.check(rows, depth)
	out.check(rows, 2*tileCols)
	if using == avx512 {
		multiplyPair512(out, a, b0, b1, rows, depth, add, next)
		return
	}
	pairAVX2(&out.at[0], out.row, &a.at[0], a.row, a.step, &b0.at[0], &b1.at[0], b0.step, depth, add)
}

// multiplyPairs is multiplyPair for whole tiles of rows below each other, as
// far as the assembly takes several at once. It returns the rows done.
func multiplyPairs(out output, a matrix, b0, b1 panel, rows, depth int, add bool, ahead []lines) int {
	tiles := rows / tileRows
	if using != avx512 || depth == 0 || tiles == 0 {
		return 0
	}
	rows = tiles * tileRows
	b0.check(depth)
	b1.check(depth)
	a.check(rows, depth)
	out.check(rows, 2*tileCols)
	pairs12AVX512(&out.at[0], out.row, &a.at[0], a.row, a.step, &b0.at[0], &b1.at[0], b0.step, depth,
		unsafe.SliceData(ahead), len(ahead), tiles, add)
	return rows
}

func multiplyPair512(out output, a matrix, b0, b1 panel, rows, depth int, add bool, next lines) {
	x, y := &b0.at[0], &b1.at[0]
	if rows == tileRows {
		pairs12AVX512(&out.at[0], out.row, &a.at[0], a.row, a.step, x, y, b0.step, depth, &next, min(1, len(next.at)), 1, add)
		return
	}
	r := 0
	if rows&8 != 0 {
		pair8AVX512(&out.at[0], out.row, &a.at[0], a.row, a.step, x, y, b0.step, depth, add)
		r = 8
	}
	if rows&4 != 0 {
		pair4AVX512(&out.at[r*out.row], out.row, &a.at[r*a.row], a.row, a.step, x, y, b0.step, depth, add)
		r += 4
	}
	if rows&2 != 0 {
		pair2AVX512(&out.at[r*out.row], out.row, &a.at[r*a.row], a.row, a.step, x, y, b0.step, depth, add)
		r += 2
	}
	if rows&1 != 0 {
		pair1AVX512(&out.at[r*out.row], out.row, &a.at[r*a.row], a.row, a.step, x, y, b0.step, depth, add)
	}
}

// multiplyRow is multiplyTile of one row, whose elements are step apart, for
// four panels of equal steps, whose results are side by side.
func multiplyRow(out, a []float32, step int, b *[4]panel, depth int, add bool) {
	if using == portable || depth == 0 {
		multiplyRowGo(out, a, step, b, depth, add)
		return
	}
	for _, p := range b {
		p.check(depth)
	}
	_, _ = out[:4*tileCols], a[(depth-1)*step]
	if using == avx512 {
		quadAVX512(&out[0], &a[0], step, &b[0].at[0], &b[1].at[0], &b[2].at[0], &b[3].at[0], b[0].step, depth, add)
		return
	}
	quadAVX2(&out[0], &a[0], step, &b[0].at[0], &b[1].at[0], &b[2].at[0], &b[3].at[0], b[0].step, depth, add)
}

// multiplyRegisters does rounds of vector multiply-adds, and returns the
// operations of one, or 0 where there is no routine for it.
func multiplyRegisters(rounds int) float64 {
	switch using {
	case avx512:
		fmaLoopAVX512(rounds)
		return 2 * registerSums * 2 * lanes
	case avx2:
		fmaLoopAVX2(rounds)
		return 2 * registerSums * lanes
	}
	return 0
}
