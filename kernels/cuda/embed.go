//go:build cuda

package cuda

import (
	"math/bits"

	"github.com/octorl/octorl/kernels"
)

// sortBits and sortTile are those of embed.cu: the bits of an id that one pass
// of the sort takes, and the ids of a block.
const (
	sortBits = 9
	sortTile = 1024
)

// sumThreads is the threads of a block that sums rows; each has a pack. Rows of
// one id are summed sumPiece at a time, piece of embed.cu.
const (
	sumThreads = 128
	sumPiece   = 256
)

// Embed sets out[n] to table[ids[n]].
func (d *Device) Embed(out, table, ids kernels.Buffer) {
	n := ids.Len()
	if n == 0 {
		return
	}
	c := divide(out.Len(), n, "Embed out")
	v := divide(table.Len(), c, "Embed table")
	to, from := halves(out, "Embed out", n*c), halves(table, "Embed table", v*c)
	at := ints(ids, "Embed ids", n)
	d.enter("Embed")
	defer d.leave()
	d.gather(to.at, from, at.at, n, c)
}

// gather sets n rows of c elements at to to the rows of from that are numbered
// at ids; negative ones give zeros.
func (d *Device) gather(to devicePointer, from *buffer, ids devicePointer, n, c int) {
	packs := n * packsOf(c)
	name := "embed.embed_bf16" + alignedSuffix(c, from, &buffer{at: to})
	d.launch(name, grid{x: min(blocksFor(packs, 256), 32*d.sms), threads: 256},
		to, from, ids, int32(packs), int32(c), int32(from.n/c))
}

// EmbedGrad adds to dTable[ids[n]] the rows dOut[n], ascending in n.
func (d *Device) EmbedGrad(dTable, dOut, ids kernels.Buffer) {
	n := ids.Len()
	if n == 0 {
		return
	}
	c := divide(dOut.Len(), n, "EmbedGrad dOut")
	v := divide(dTable.Len(), c, "EmbedGrad dTable")
	to, from := floats(dTable, "EmbedGrad dTable", v*c), halves(dOut, "EmbedGrad dOut", n*c)
	at := ints(ids, "EmbedGrad ids", n)
	d.enter("EmbedGrad")
	defer d.leave()
	s, sums := d.sortRows(at.at, n, v), d.pieceSums(n, c)
	d.launch("embed.embed_grad_bf16"+alignedSuffix(c, from), d.sumGrid(n, c),
		to, from, s.ids, s.rows, at, s.sorted, sums, int32(n), int32(c), int32(v))
	d.launch("embed.embed_grad_pieces", d.sumGrid(n, c), to, s.ids, s.sorted, sums, int32(n), int32(c), int32(v))
}

// sumRowsInto sets the rows of to that are numbered at ids to the sums of the n
// rows at from, ascending. Other rows stay.
func (d *Device) sumRowsInto(to *buffer, from, ids devicePointer, n, c int) {
	rows := to.n / c
	s, sums := d.sortRows(ids, n, rows), d.pieceSums(n, c)
	suffix := alignedSuffix(c, to, &buffer{at: from})
	d.launch("embed.gather_grad_bf16"+suffix, d.sumGrid(n, c),
		to, from, s.ids, s.rows, ids, s.sorted, sums, int32(n), int32(c), int32(rows))
	d.launch("embed.gather_grad_pieces_bf16"+suffix, d.sumGrid(n, c),
		to, s.ids, s.sorted, sums, int32(n), int32(c), int32(rows))
}

// pieceSums returns scratch memory for the sums of pieces of n rows.
func (d *Device) pieceSums(n, c int) devicePointer {
	return d.scratch(4 * 2 * blocksFor(n, sumPiece) * c)
}

// sumGrid is the grid of the kernels that sum the rows of an id: blocks that take
// every so many places where an id may begin, for each part of the columns.
func (d *Device) sumGrid(n, c int) grid {
	return grid{x: min(n, 32*d.sms), y: blocksFor(packsOf(c), sumThreads), threads: sumThreads}
}

// sortedRows are ids in ascending order, and the numbers of their rows, which
// ascend among equal ids. Where the ids ascended strictly as they came, sorted is
// not 0 on the device, and the others are not written.
type sortedRows struct{ ids, rows, sorted devicePointer }

// sortRows sorts the rows 0 to n-1 by their ids, which are below limit, in
// scratch memory: a stable counting sort, a few bits a pass.
func (d *Device) sortRows(ids devicePointer, n, limit int) sortedRows {
	tiles := blocksFor(n, sortTile)
	counts, descents, sorted := d.scratch(4*tiles<<sortBits), d.scratch(4*tiles), d.scratch(4)
	spare := [2]sortedRows{{d.scratch(4 * n), d.scratch(4 * n), sorted}, {d.scratch(4 * n), d.scratch(4 * n), sorted}}
	from := sortedRows{ids: ids, sorted: sorted}
	for shift := 0; shift == 0 || shift < bits.Len(uint(limit-1)); shift += sortBits {
		to := spare[shift/sortBits%2]
		d.launch("embed.sort_count", grid{x: tiles, threads: warp}, counts, descents, sorted, from.ids, int32(n), int32(shift))
		d.launch("embed.sort_scan", grid{x: 1, threads: 1024}, counts, descents, sorted, int32(tiles), int32(shift))
		d.launch("embed.sort_scatter", grid{x: tiles, threads: warp},
			to.ids, to.rows, sorted, from.ids, from.rows, counts, int32(n), int32(shift))
		from = to
	}
	return from
}
