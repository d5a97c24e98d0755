//go:build cuda

package cuda

import "fmt"

// packed is the elements that a thread moves together: 16 bytes of bf16.
const packed = 8

// warp is the threads that run in step.
const warp = 32

// packsOf returns the packs of a row.
func packsOf(width int) int { return (width + packed - 1) / packed }

// blocksFor returns the blocks of so many threads or items each that n need.
func blocksFor(n, each int) int { return (n + each - 1) / each }

// alignedSuffix returns the ending of the names of kernels for rows of width
// elements in buffers: those that move packs, or those for rows that do not
// begin on 16 bytes. Both compute the same bits.
func alignedSuffix(width int, buffers ...*buffer) string {
	if width%packed != 0 {
		return "_odd"
	}
	for _, b := range buffers {
		if b != nil && b.at%16 != 0 {
			return "_odd"
		}
	}
	return ""
}

// rowThreads is how threads share a row in norm.cu: each has packs packs, lanes
// share the row, and a block holds groups rows at a time.
type rowThreads struct{ packs, lanes, groups int }

// shareRow returns the threads for rows of width elements, of the choices of
// packs a thread the one that leaves fewest lanes idle, the first of equals.
// It depends on the width alone, so that the order of sums does.
func shareRow(width int, choices ...int) rowThreads {
	best, waste := rowThreads{}, 0
	for _, packs := range choices {
		warps := blocksFor(packsOf(width), warp*packs)
		most := 512 // what the registers allow; maxThreads of norm.cu
		if packs == 1 {
			most = 1024
		}
		idle := warps*warp*packs - packsOf(width)
		if warps*warp > most || best.packs > 0 && idle >= waste {
			continue
		}
		best, waste = rowThreads{packs: packs, lanes: warps * warp, groups: 1}, idle
		if warps == 1 {
			best.groups = 4
		}
	}
	if best.packs == 0 {
		panic(fmt.Sprintf("cuda: a norm over %d elements is more than a block's registers hold", width))
	}
	return best
}
