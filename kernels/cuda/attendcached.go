//go:build cuda

package cuda

import (
	"fmt"

	"github.com/octorl/octorl/kernels"
)

// CacheStore copies keys and values of qkv's rows into layer of c.
func (d *Device) CacheStore(c kernels.Cache, layer int, qkv, slots kernels.Buffer) {
	m := c.(*cache)
	h := m.shape.Heads
	n := divide(qkv.Len(), h.QKV(), "CacheStore qkv")
	from, to := halves(qkv, "CacheStore qkv", n*h.QKV()), ints(slots, "CacheStore slots", n)
	pages := m.layer(layer)
	d.enter("CacheStore")
	defer d.leave()
	d.launch("attention_plain.store", grid{x: (n + rowWarps - 1) / rowWarps, threads: 32 * rowWarps},
		pages, from, to, int32(n), int32(h.Query), int32(h.KeyValue), int32(h.Width), int32(m.shape.PageTokens))
}

// AttendCached is Attend for rows whose keys and values are all in c. Keys are
// taken in the same tiles, by the same instructions, so that a row's result is
// the same bits.
func (d *Device) AttendCached(c kernels.Cache, layer int, out, qkv, table kernels.Buffer) {
	m := c.(*cache)
	h := m.shape.Heads
	n := divide(out.Len(), h.Out(), "AttendCached out")
	a := d.newAttention("AttendCached", h, n, nil)
	to, from := halves(out, "AttendCached out", n*h.Out()), halves(qkv, "AttendCached qkv", n*h.QKV())
	pages := m.layer(layer)
	if n == 0 {
		return
	}
	width := divide(table.Len(), n, "AttendCached table")
	if width < kernels.CacheTable {
		panic(fmt.Sprintf("cuda: AttendCached with a table of %d elements a row, want %d and pages", width, kernels.CacheTable))
	}
	tables := ints(table, "AttendCached table", n*width)
	d.enter("AttendCached")
	defer d.leave()
	if !a.tensorCores() {
		d.launch("attention_plain.cached", a.headBlocks(n, h.Query), to, from, pages, tables, int32(width), int32(n),
			int32(h.Query), int32(h.KeyValue), int32(h.Width), int32(m.shape.PageTokens), a.scale)
		return
	}
	aligned("AttendCached's buffer", to, from, pages)
	const tile = 64 // query heads
	shared := 2*h.Width*(4*keysPerTile+tile) + sharedBarriers
	d.launch(a.kernel("cached.cached"), grid{x: n, y: h.KeyValue, z: (h.Query/h.KeyValue + tile - 1) / tile, threads: 256, shared: shared},
		to, from, pages, tables, int32(width), int32(h.Query), int32(h.KeyValue), int32(m.shape.PageTokens), a.scale)
}
