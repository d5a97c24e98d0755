package cpu

import (
	"math"

	"github.com/octorl/octorl/kernels"
)

// ropeTable keeps cosines and sines of the positions met so far, for the
// frequencies of one buffer: they are the dear part of a rotation, and the same
// in every layer.
type ropeTable struct {
	frequencies *float32
	version     uint64
	half        int
	turns       []float32 // (positions, 2, half): cosines, then sines
}

// of returns the turns of positions up to last.
func (t *ropeTable) of(frequencies *buffer, last int) []float32 {
	f := frequencies.f
	if t.frequencies != &f[0] || t.version != frequencies.mem.version || t.half != len(f) {
		*t = ropeTable{&f[0], frequencies.mem.version, len(f), t.turns[:0]}
	}
	for p := len(t.turns) / (2 * t.half); p <= last; p++ {
		for _, w := range f {
			t.turns = append(t.turns, float32(math.Cos(float64(p)*float64(w))))
		}
		for _, w := range f {
			t.turns = append(t.turns, float32(math.Sin(float64(p)*float64(w))))
		}
	}
	return t.turns
}

// Rope rotates the queries and keys of qkv by their positions
// (arXiv:2104.09864, in the half-split form of Llama checkpoints). The angle is
// position·frequency in double precision.
func (d *Device) Rope(h kernels.Heads, qkv, positions, frequencies kernels.Buffer, inverse bool) {
	at := ints(positions, "Rope positions", positions.Len())
	n := len(at.i)
	to := floats(qkv, "Rope qkv", n*h.QKV())
	half := h.Width / 2
	freq := floats(frequencies, "Rope frequencies", half)
	if n == 0 || half == 0 {
		return
	}
	d.do(func() {
		turns := d.ropes.of(freq, int(maxOf(at.i)))
		d.pool.rows(n, h.QKV(), func(_ *worker, n0, n1 int) {
			for n := n0; n < n1; n++ {
				turn := turns[2*half*int(at.i[n]):][:2*half]
				row := to.f[n*h.QKV():][:(h.Query+h.KeyValue)*h.Width]
				rotateHeads(row, h.Width, turn, inverse)
			}
		})
	}, to)
}

func maxOf(s []int32) int32 {
	m := s[0]
	for _, v := range s {
		m = max(m, v)
	}
	return m
}
