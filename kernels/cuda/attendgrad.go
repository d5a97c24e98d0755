//go:build cuda

package cuda

import (
	"fmt"

	"github.com/octorl/octorl/kernels"
)

// attentionGrad is one call of AttendGrad.
type attentionGrad struct {
	attention
	dqkv, dOut, out, lse, qkv, segs *buffer
}

// AttendGrad sets dqkv to the gradient for rotated qkv.
func (d *Device) AttendGrad(h kernels.Heads, dqkv, dOut, out, lse, qkv, segments kernels.Buffer) {
	n := divide(qkv.Len(), h.QKV(), "AttendGrad qkv")
	g := attentionGrad{
		attention: newAttention("AttendGrad", h, n, segments),
		dqkv:      halves(dqkv, "AttendGrad dqkv", n*h.QKV()),
		dOut:      halves(dOut, "AttendGrad dOut", n*h.Out()),
		out:       halves(out, "AttendGrad out", n*h.Out()),
		lse:       floats(lse, "AttendGrad lse", n*h.Query),
		qkv:       halves(qkv, "AttendGrad qkv", n*h.QKV()),
		segs:      segments.(*buffer),
	}
	d.enter("AttendGrad")
	defer d.leave()
	switch {
	case n == 0:
	case g.tensorCores():
		d.attendGradTiles(g)
	default:
		d.attendGradRows(g)
	}
}

// attendGradRows computes the gradient with one warp for each row and head.
func (d *Device) attendGradRows(g attentionGrad) {
	n, h := int32(g.rows), g.Heads
	delta := d.scratch(4 * g.rows * h.Query)
	d.launch("attention_plain.gradient_queries", g.headBlocks(g.rows, h.Query), g.dqkv, delta, g.dOut, g.out, g.lse, g.qkv,
		g.segs, int32(g.segments), n, int32(h.Query), int32(h.KeyValue), int32(h.Width), g.scale)
	d.launch("attention_plain.gradient_keys", g.headBlocks(g.rows, h.KeyValue), g.dqkv, delta, g.dOut, g.lse, g.qkv,
		g.segs, int32(g.segments), n, int32(h.Query), int32(h.KeyValue), int32(h.Width), g.scale)
}

// attendGradTiles computes the gradient on the tensor cores.
func (d *Device) attendGradTiles(g attentionGrad) {
	if g.rows > gradientRows {
		panic(fmt.Sprintf("cuda: AttendGrad of %d rows, at most %d are supported", g.rows, gradientRows))
	}
	aligned("AttendGrad's buffer", g.dqkv, g.dOut, g.out, g.qkv, g.segs)
	n, h := g.rows, g.Heads
	query, key := int32(h.Query), int32(h.KeyValue)
	stride := (n + 3) / 4 * 4 // rows of the copies of lse and delta, one row a head
	lse, delta := d.scratch(4*stride*h.Query), d.scratch(4*stride*h.Query)
	dq, turns := d.scratch(4*n*h.Out()), d.scratch(4*n*h.Query)
	const threads, each = 256, 8
	d.launch(g.kernel("gradient.begin"), grid{x: (n*h.QKV()/each + threads - 1) / threads, threads: threads},
		lse, delta, dq, turns, g.dqkv, g.dOut, g.out, g.lse, int32(n), int32(stride), query, key)
	if g.segments > 0 {
		d.attendGradKeys(g, lse, delta, dq, turns, stride)
	}
	d.launch("attention_gradient.end", grid{x: (n*h.Out()/each + threads - 1) / threads, threads: threads},
		g.dqkv, dq, int64(n*h.Out()), int32(h.Out()), int32(h.QKV()), g.scale)
}

// attendGradKeys queues the backward pass proper.
func (d *Device) attendGradKeys(g attentionGrad, lse, delta, dq, turns devicePointer, stride int) {
	n, h := g.rows, g.Heads
	rows := map[int]int{64: 128, 128: 64}[h.Width] // queries of a tile
	p := d.plan("backward", g.attention, g.segs, keysPerTile)
	ofHead := func(at devicePointer) tensorMap {
		return d.tensorMap(at, kernels.Float32, []uint64{uint64(n), uint64(h.Query)}, []uint64{uint64(4 * stride)},
			[]uint32{uint32(rows), 1}, 0)
	}
	dqueries := d.tensorMap(dq, kernels.Float32, []uint64{uint64(h.Out()), uint64(n)}, []uint64{uint64(4 * h.Out())},
		[]uint32{32, 64}, 128)
	// keys and values, two stages of queries and of dOut, dS twice, dQ, lse and
	// delta twice
	shared := 2*2*keysPerTile*h.Width + 2*2*2*rows*h.Width + 2*2*rows*keysPerTile + 4*rows*h.Width + 4*4*rows + sharedBarriers
	d.launch(g.kernel("backward.backward"), grid{x: d.sms, threads: 384, shared: shared},
		d.rowMap(g.qkv, n, h.QKV(), rows), d.rowMap(g.qkv, n, h.QKV(), keysPerTile), d.rowMap(g.dOut, n, h.Out(), rows),
		ofHead(lse), ofHead(delta), dqueries,
		g.dqkv, g.dOut, g.qkv, turns, g.segs, p, int32(g.segments), int32(h.Query), int32(h.KeyValue), g.scale)
}
