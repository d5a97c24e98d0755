//go:build cuda

package cuda

import (
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
		attention: d.newAttention("AttendGrad", h, n, segments),
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
	aligned("AttendGrad's buffer", g.dqkv, g.dOut, g.out, g.qkv, g.segs)
	n, h := g.rows, g.Heads
	query, key := int32(h.Query), int32(h.KeyValue)
	stride := (n + 3) / 4 * 4 // rows of the copies of lse and delta, a line a head
	const behind = 132        // rows that a tile may read behind the last
	lse, delta := d.scratch(4*(h.Query*stride+behind)), d.scratch(4*(h.Query*stride+behind))
	dq, turns := d.scratch(4*n*h.Out()), d.scratch(4*n*h.Query)
	const threads, each = 256, 8
	d.launch(g.kernel("gradient.begin"), grid{x: (n + 7) / 8, y: (h.Query + 31) / 32, threads: threads},
		lse, delta, turns, g.dOut, g.out, g.lse, int32(n), int32(stride), query, key)
	p, covered := d.scratch(g.planBytes(keysPerTile)*h.KeyValue), d.scratch((n+31)/32*4)
	d.launch("attention_plan.backward", grid{x: 1, threads: planThreads},
		g.segs, int32(g.segments), key, p, covered, int32(n))
	d.attendGradKeys(g, lse, delta, dq, turns, p, stride)
	d.launch("attention_gradient.end", grid{x: (n*h.QKV()/each + threads - 1) / threads, threads: threads},
		g.dqkv, dq, covered, int32(n), query, key, int32(h.Width), g.scale)
}

// attendGradKeys queues the backward pass proper.
func (d *Device) attendGradKeys(g attentionGrad, lse, delta, dq, turns, plan devicePointer, stride int) {
	n, h := g.rows, g.Heads
	rows := map[int]int{64: 128, 128: 64}[h.Width] // queries of a tile
	dqueries := d.tensorMap(dq, kernels.Float32, []uint64{uint64(h.Out()), uint64(n)}, []uint64{uint64(4 * h.Out())},
		[]uint32{32, 64}, 128)
	// keys and values, two stages of queries and of dOut, dS twice, dQ, lse and
	// delta twice
	shared := 2*2*keysPerTile*h.Width + 2*2*2*rows*h.Width + 2*2*rows*keysPerTile + 4*rows*h.Width + 2*2*4*(rows+4) + sharedBarriers
	d.launch(g.kernel("backward.backward"), grid{x: d.sms, threads: 384, shared: shared},
		d.rowMap(g.qkv, n, h.QKV(), rows), d.rowMap(g.qkv, n, h.QKV(), keysPerTile), d.rowMap(g.dOut, n, h.Out(), rows),
		dqueries, g.dqkv, g.dOut, g.qkv, dq, turns, lse, delta, g.segs, plan, int32(g.segments), int32(stride), int32(h.Query), int32(h.KeyValue), g.scale)
}
