//go:build cuda

package cuda

import "github.com/octorl/octorl/kernels"

// ropeRows is the rows of a block, ropeRows of rope.cu.
const ropeRows = 8

// Rope rotates the queries and keys of qkv by their positions
// (arXiv:2104.09864, in the half-split form of Llama checkpoints). Angles are
// exact in double precision before they are reduced to a turn.
func (d *Device) Rope(h kernels.Heads, qkv, positions, frequencies kernels.Buffer, inverse bool) {
	n, half := positions.Len(), h.Width/2
	to, at := halves(qkv, "Rope qkv", n*h.QKV()), ints(positions, "Rope positions", n)
	freq := floats(frequencies, "Rope frequencies", half)
	if half == 0 {
		return
	}
	sign := float32(1)
	if inverse {
		sign = -1
	}
	suffix := alignedSuffix(half, to)
	if h.QKV()%packed != 0 {
		suffix = "_odd"
	}
	d.enter("Rope")
	defer d.leave()
	d.launch("rope.rope_bf16"+suffix, grid{x: blocksFor(n, ropeRows), threads: 256, shared: ropeRows * half * 8},
		to, at, freq, int32(n), int32(h.QKV()), int32(h.Query+h.KeyValue), int32(half), sign)
}
