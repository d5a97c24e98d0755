package cpu

import (
	"fmt"
	"math"

	"github.com/octorl/octorl/kernels"
)

// maxHeadRows and maxLogits bound the predictions whose logits exist at once.
const (
	maxHeadRows = gradDepth
	maxLogits   = 1 << 22
)

// headRows returns the rows of one chunk of logits.
func headRows(rows, vocabulary int) int {
	return min(rows, maxHeadRows, max(1, maxLogits/vocabulary/tileRows)*tileRows)
}

// distribution is the softmax of a row of logits z·scale, without its row.
type distribution struct {
	scale, top float32 // t = z·scale − top is at most 0
	sum, dot   float32 // Σ exp(t) and Σ exp(t)·t
}

// newDistribution also sets e, which may be z, to exp(t).
func newDistribution(e, z []float32, scale float32) distribution {
	top := maxRow(z) * scale
	sum, dot := expRow(e, z, scale, top)
	return distribution{scale, top, sum, dot}
}

func (d distribution) logProb(logit float32) float32 {
	return logit*d.scale - d.top - float32(math.Log(float64(d.sum)))
}

func (d distribution) entropy() float32 {
	return float32(math.Log(float64(d.sum))) - d.dot/d.sum
}

// gradient replaces e = exp(t) by the derivative of coef·logprob(target) +
// eCoef·entropy by the logits z.
func (d distribution) gradient(e, z []float32, target int, coef, eCoef float32) {
	share := d.scale / d.sum
	a := share * (eCoef*(d.dot/d.sum) - coef)
	if eCoef == 0 {
		scaleRow(e, e, a) // what logitGradRow comes to, without z
	} else {
		logitGradRow(e, z, d.scale, d.top, a, -share*eCoef)
	}
	e[target] += coef * d.scale
}

// headCall is one call of Head.
type headCall struct {
	channels, vocabulary             int
	scale                            float32
	hidden, weight, logProb, entropy *buffer
	coef, eCoef, dHidden, dWeight    *buffer // coef is nil without gradients
	rows, targets                    *buffer
}

// Head computes logprob and entropy of predictions from hidden states, and
// their gradients from per-token coefficients.
func (d *Device) Head(a kernels.HeadArgs) {
	if !(a.Temperature > 0) {
		panic(fmt.Sprintf("cpu: Head at temperature %g", a.Temperature))
	}
	n := a.Rows.Len()
	h := &headCall{
		channels:   a.Channels,
		vocabulary: divide(a.Weight.Len(), a.Channels, "Head Weight"),
		scale:      1 / a.Temperature,
		hidden:     floats(a.Hidden, "Head Hidden", a.Channels*divide(a.Hidden.Len(), a.Channels, "Head Hidden")),
		weight:     floats(a.Weight, "Head Weight", a.Weight.Len()),
		rows:       ints(a.Rows, "Head Rows", n),
		targets:    ints(a.Targets, "Head Targets", n),
		logProb:    floats(a.LogProb, "Head LogProb", n),
		entropy:    floats(a.Entropy, "Head Entropy", n),
	}
	if a.Coef == nil {
		d.do(func() { d.head(h) }, h.logProb, h.entropy)
		return
	}
	h.coef = floats(a.Coef, "Head Coef", n)
	if a.EntropyCoef != nil {
		h.eCoef = floats(a.EntropyCoef, "Head EntropyCoef", n)
	}
	h.dHidden = floats(a.DHidden, "Head DHidden", a.Hidden.Len())
	h.dWeight = floats(a.DWeight, "Head DWeight", a.Weight.Len())
	d.do(func() {
		d.pool.rows(len(h.dHidden.f), 1, func(_ *worker, from, to int) { clear(h.dHidden.f[from:to]) })
		d.head(h)
	}, h.logProb, h.entropy, h.dHidden, h.dWeight)
}

func (d *Device) head(h *headCall) {
	rows := headRows(h.rows.Len(), h.vocabulary)
	x := d.shared.take(rows * h.channels)
	dx := d.shared.take(rows * h.channels)
	z := d.takeLogits(rows, h.vocabulary)
	e := z // without a coefficient of entropy the logits are not needed twice
	if h.eCoef != nil {
		e = d.takeLogits(rows, h.vocabulary)
	}
	for from := 0; from < h.rows.Len(); from += rows {
		n := min(rows, h.rows.Len()-from)
		d.logits(z, x, h.hidden.f, h.rows.i[from:from+n], h.weight, h.channels)
		d.pool.rows(n, 8*h.vocabulary, func(_ *worker, p0, p1 int) {
			for p := p0; p < p1; p++ {
				h.predict(e.at[p*e.row:][:h.vocabulary], z.at[p*z.row:][:h.vocabulary], from+p)
			}
		})
		if h.coef != nil {
			d.headGrad(h, dx, e, x, h.rows.i[from:from+n])
		}
	}
}

// takeLogits returns scratch memory for rows of logits, far enough apart for
// their columns to spread over the cache.
func (d *Device) takeLogits(rows, vocabulary int) output {
	stride := rowStride(vocabulary)
	return output{d.shared.take(rows * stride), stride}
}

// logits gathers rows of hidden into x and sets z to their logits. Rows of
// negative number are zero.
func (d *Device) logits(z output, x, hidden []float32, rows []int32, weight *buffer, channels int) {
	d.pool.rows(len(rows), channels, func(_ *worker, p0, p1 int) {
		for p := p0; p < p1; p++ {
			to, row := x[p*channels:(p+1)*channels], int(rows[p])
			if row < 0 {
				clear(to)
				continue
			}
			copy(to, hidden[row*channels:(row+1)*channels])
		}
	})
	b := d.packed(weight, len(weight.f)/channels, channels, true)
	d.pool.multiply(product{z, matrix{x, channels, 1}, b, len(rows), false, channels, nil})
}

// predict writes logprob and entropy of prediction p from its logits, and with
// coefficients leaves their derivative by the logits in e, which may be z where
// there are none of entropy.
func (h *headCall) predict(e, z []float32, p int) {
	target := int(h.targets.i[p])
	logit := z[target]
	dist := newDistribution(e, z, h.scale)
	h.logProb.f[p] = dist.logProb(logit)
	h.entropy.f[p] = dist.entropy()
	if h.coef == nil {
		return
	}
	eCoef := float32(0)
	if h.eCoef != nil {
		eCoef = h.eCoef.f[p]
	}
	dist.gradient(e, z, target, h.coef.f[p], eCoef)
}

// headGrad adds the gradients of one chunk, given those of its logits. Several
// predictions may read one row.
func (d *Device) headGrad(h *headCall, dx []float32, dz output, x []float32, rows []int32) {
	c := h.channels
	b := d.packed(h.weight, h.vocabulary, c, false)
	d.pool.multiply(product{output{dx, c}, matrix{dz.at, dz.row, 1}, b, len(rows), false, h.vocabulary, nil})
	d.pool.columns(c, len(rows), func(from, end int) {
		for p, row := range rows {
			to := h.dHidden.f[int(row)*c:][from:end]
			addRow(to, to, dx[p*c+from:p*c+end])
		}
	})
	d.gradWeight(kernels.LinearShape{Rows: len(rows), In: c, Out: h.vocabulary}, h.dWeight.f, rowsOf(dz), rowsOf{x, c})
}
