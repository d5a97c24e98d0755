package cpu

import "github.com/octorl/octorl/kernels"

// ValueHead computes values of predictions from hidden states, and their
// gradients from per-token coefficients.
func (d *Device) ValueHead(a kernels.ValueHeadArgs) {
	n, c := a.Rows.Len(), a.Weight.Len()
	h := &valueCall{
		channels: c,
		hidden:   floats(a.Hidden, "ValueHead Hidden", c*divide(a.Hidden.Len(), c, "ValueHead Hidden")),
		weight:   floats(a.Weight, "ValueHead Weight", c),
		rows:     ints(a.Rows, "ValueHead Rows", n),
		value:    floats(a.Value, "ValueHead Value", n),
	}
	writes := []*buffer{h.value}
	if a.Coef != nil {
		h.coef = floats(a.Coef, "ValueHead Coef", n)
		h.dHidden = floats(a.DHidden, "ValueHead DHidden", a.Hidden.Len())
		h.dWeight = floats(a.DWeight, "ValueHead DWeight", c)
		writes = append(writes, h.dHidden, h.dWeight)
	}
	d.do(func() {
		h.predict(d.pool)
		if h.coef != nil {
			h.differentiate(d.pool)
		}
	}, writes...)
}

// valueCall is one call of ValueHead; coef is nil without gradients.
type valueCall struct {
	channels                    int
	hidden, weight, rows, value *buffer
	coef, dHidden, dWeight      *buffer
}

// predict writes the values.
func (h *valueCall) predict(p *pool) {
	p.rows(len(h.rows.i), h.channels, func(_ *worker, from, to int) {
		for i := from; i < to; i++ {
			h.value.f[i] = dotRow(h.row(h.hidden, i), h.weight.f)
		}
	})
}

// differentiate writes and adds the gradients. The work is split by channels:
// each sums its predictions in their order.
func (h *valueCall) differentiate(p *pool) {
	clear(h.dHidden.f)
	p.rows(h.channels, 4*len(h.rows.i), func(_ *worker, from, to int) {
		for i, coef := range h.coef.f {
			x, dx := h.row(h.hidden, i), h.row(h.dHidden, i)
			for c := from; c < to; c++ {
				dx[c] += coef * h.weight.f[c]
				h.dWeight.f[c] += coef * x[c]
			}
		}
	})
}

// row returns the row of a matrix that prediction i reads.
func (h *valueCall) row(matrix *buffer, i int) []float32 {
	at := int(h.rows.i[i]) * h.channels
	return matrix.f[at : at+h.channels]
}
