//go:build cuda

package cuda

import (
	"fmt"
	"math"

	"github.com/octorl/octorl/kernels"
)

// What the attention kernels were compiled for; their sources say why.
const (
	maxHeadWidth   = 256 // of the kernels for any width
	keysPerTile    = 128
	planHeader     = 16 // bytes before a Plan's tiles, of 8 bytes each
	planThreads    = 1024
	rowWarps       = 8       // rows of a block in the kernels of one warp a row
	sharedBarriers = 1 << 11 // barriers and alignment
)

// attention is one call of an attention method.
type attention struct {
	kernels.Heads
	rows, segments int
	scale          float32
	portable       bool // of the device's kernels
}

// newAttention returns a call on n packed rows.
func (d *Device) newAttention(what string, h kernels.Heads, n int, segments kernels.Buffer) attention {
	if h.Width > maxHeadWidth {
		panic(fmt.Sprintf("cuda: %s with heads %d wide, at most %d are supported", what, h.Width, maxHeadWidth))
	}
	a := attention{Heads: h, rows: n, scale: float32(1 / math.Sqrt(float64(h.Width))), portable: d.portable}
	if segments != nil {
		a.segments = divide(segments.Len(), 4, what+" segments")
		ints(segments, what+" segments", 4*a.segments)
	}
	return a
}

// tensorCores says whether the head width has kernels of its own.
func (a attention) tensorCores() bool { return !a.portable && (a.Width == 64 || a.Width == 128) }

// kernel returns the name of the kernel for the head width.
func (a attention) kernel(name string) string { return fmt.Sprintf("attention_%s%d", name, a.Width) }

// headBlocks returns the grid of kernels with one warp for each row and head.
func (a attention) headBlocks(rows, heads int) grid {
	return grid{x: (rows*heads + rowWarps - 1) / rowWarps, threads: 32 * rowWarps}
}

// aligned checks what the copy engine needs of an address.
func aligned(what string, all ...*buffer) {
	for _, b := range all {
		if b.at%16 != 0 {
			panic(fmt.Sprintf("cuda: %s at %#x, which is no multiple of 16 bytes", what, uint64(b.at)))
		}
	}
}

// rowMap describes n rows of the given width to the copy engine, in boxes of
// rows and 64 columns.
func (d *Device) rowMap(b *buffer, n, width, rows int) tensorMap {
	return d.tensorMap(b.at, b.kind, []uint64{uint64(width), uint64(n)}, []uint64{uint64(2 * width)},
		[]uint32{64, uint32(rows)}, 128)
}

// planBytes is the memory of a work list of tiles of so many rows.
func (a attention) planBytes(rows int) int { return planHeader + 8*(a.rows/rows+a.segments) }

// Attend sets out to causal softmax attention over each segment and its prefix.
func (d *Device) Attend(h kernels.Heads, out, lse, qkv, segments kernels.Buffer) {
	n := divide(qkv.Len(), h.QKV(), "Attend qkv")
	a := d.newAttention("Attend", h, n, segments)
	from := halves(qkv, "Attend qkv", n*h.QKV())
	to, sums := halves(out, "Attend out", n*h.Out()), floats(lse, "Attend lse", n*h.Query)
	segs := segments.(*buffer)
	d.enter("Attend")
	defer d.leave()
	if n == 0 || a.segments == 0 {
		return
	}
	if !a.tensorCores() {
		d.launch("attention_plain.forward", a.headBlocks(n, h.Query), to, sums, from, segs, int32(a.segments), int32(n),
			int32(h.Query), int32(h.KeyValue), int32(h.Width), a.scale)
		return
	}
	aligned("Attend's buffer", to, from, segs)
	groups := map[int]int{64: 3, 128: 2}[h.Width] // warpgroups, of 64 query rows each
	p := d.scratch(a.planBytes(64 * groups))
	d.launch("attention_plan.forward", grid{x: 1, threads: planThreads}, segs, int32(a.segments), int32(64*groups), p)
	shared := 2*h.Width*(4*keysPerTile+2*64*groups) + sharedBarriers
	d.launch(a.kernel("forward.forward"), grid{x: d.sms, threads: 128 * (1 + groups), shared: shared},
		d.rowMap(from, n, h.QKV(), 64), d.rowMap(from, n, h.QKV(), keysPerTile),
		to, sums, from, segs, p, int32(h.Query), int32(h.KeyValue), a.scale)
}
