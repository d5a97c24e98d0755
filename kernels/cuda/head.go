//go:build cuda

package cuda

import (
	"fmt"

	"github.com/octorl/octorl/kernels"
)

// logitBytes and dLogitBytes bound the logits, Float32, and their gradients,
// BFloat16, that exist at once. There is room for the gradients of several
// chunks of logits, so that the gradient of Weight is read and written seldom.
// headRows is the fewest rows of a chunk. Only tests change them.
var (
	logitBytes  = 512 << 20
	dLogitBytes = 2 << 30
	headRows    = 256
)

// chunk returns how many of n rows are done at once where a row takes so many
// bytes of at most limit: a multiple of headRows, for whole tiles of products.
func chunk(n, rowBytes, limit int) int {
	return min(n, max(1, limit/rowBytes/headRows)*headRows)
}

// projection is what Head and Sample share: hidden rows and the weight that
// turns them into logits.
type projection struct {
	vocabulary
	channels       int
	hidden, weight *buffer
	rows           *buffer
}

func (d *Device) newProjection(op string, channels int, hidden, weight, rows kernels.Buffer) projection {
	return projection{
		vocabulary: newVocabulary(divide(weight.Len(), channels, op+" Weight"), d.rowShares()),
		channels:   channels,
		hidden:     halves(hidden, op+" Hidden", channels*divide(hidden.Len(), channels, op+" Hidden")),
		weight:     halves(weight, op+" Weight", weight.Len()),
		rows:       ints(rows, op+" Rows", rows.Len()),
	}
}

// logits sets z to the logits of n rows from the from-th on, by way of x, where
// it gathers their hidden rows.
func (d *Device) logits(p *projection, z, x devicePointer, from, n int) {
	d.gather(x, p.hidden, p.rows.at+devicePointer(4*from), n, p.channels)
	d.gemm(gemmNT, gemmShape{M: n, N: p.size, K: p.channels, LdOut: p.stride}, z, x, p.weight.at,
		gemmOut{Type: kernels.Float32})
}

// headCall is one call of Head; coef is nil without gradients.
type headCall struct {
	projection
	temperature                            float32
	targets, logProb, entropy, coef, eCoef *buffer
	dHidden, dWeight                       *buffer
	z, x, dz, dx                           devicePointer
	chunk, group                           int // rows of logits, and of their gradients, at once
}

// Head computes logprob and entropy of predictions from hidden states, and
// their gradients from per-token coefficients.
func (d *Device) Head(a kernels.HeadArgs) {
	if !(a.Temperature > 0) {
		panic(fmt.Sprintf("cuda: Head at temperature %g", a.Temperature))
	}
	n := a.Rows.Len()
	h := &headCall{
		projection:  d.newProjection("Head", a.Channels, a.Hidden, a.Weight, a.Rows),
		temperature: a.Temperature,
		targets:     ints(a.Targets, "Head Targets", n),
		logProb:     floats(a.LogProb, "Head LogProb", n),
		entropy:     floats(a.Entropy, "Head Entropy", n),
	}
	if a.Coef != nil {
		h.coef = floats(a.Coef, "Head Coef", n)
		h.dHidden = halves(a.DHidden, "Head DHidden", a.Hidden.Len())
		h.dWeight = floats(a.DWeight, "Head DWeight", a.Weight.Len())
	}
	if a.EntropyCoef != nil {
		h.eCoef = floats(a.EntropyCoef, "Head EntropyCoef", n)
	}
	d.enter("Head")
	defer d.leave()
	h.chunk = chunk(n, 4*h.stride, logitBytes)
	h.z = d.scratch(4 * h.stride * h.chunk)
	if h.coef == nil {
		h.x = d.scratch(2 * h.channels * h.chunk)
		for from := 0; from < n; from += h.chunk {
			d.classify(h, h.x, 0, from, min(h.chunk, n-from))
		}
		return
	}
	h.group = min(n, max(1, chunk(n, 2*h.stride, dLogitBytes)/h.chunk)*h.chunk)
	h.x = d.scratch(2 * h.channels * h.group)
	h.dz = d.scratch(2 * h.stride * h.group)
	h.dx = d.scratch(2 * h.channels * n)
	for from := 0; from < n; from += h.group {
		d.headGroup(h, from, min(h.group, n-from))
	}
	d.clear(h.dHidden)
	if n > 0 {
		d.sumRowsInto(h.dHidden, h.dx, h.rows.at, n, h.channels)
	}
}

// headGroup computes n predictions from the from-th on, with their gradients
// by hidden row in dx, and adds that of the weight.
func (d *Device) headGroup(h *headCall, from, n int) {
	for at := 0; at < n; at += h.chunk {
		x := h.x + devicePointer(2*h.channels*at)
		d.classify(h, x, h.dz+devicePointer(2*h.stride*at), from+at, min(h.chunk, n-at))
	}
	d.gemm(gemmNN, gemmShape{M: n, N: h.channels, K: h.size, LdA: h.stride},
		h.dx+devicePointer(2*h.channels*from), h.dz, h.weight.at, gemmOut{Type: kernels.BFloat16})
	d.gemm(gemmTN, gemmShape{M: h.size, N: h.channels, K: n, LdA: h.stride},
		h.dWeight.at, h.dz, h.x, gemmOut{Type: kernels.Float32, Accumulate: true})
}

// classify computes logprob and entropy of n predictions from the from-th on,
// and with coefficients the gradient of their logits.
func (d *Device) classify(h *headCall, x, dz devicePointer, from, n int) {
	d.logits(&h.projection, h.z, x, from, n)
	at := func(b *buffer) devicePointer {
		if b == nil {
			return 0
		}
		return b.at + devicePointer(4*from)
	}
	name := h.kernel("classify.classify_bf16")
	clusters := d.resident(name, h.blocks, d.grid(h.rowShare, 1))
	d.launch(name, d.grid(h.rowShare, min(n, clusters)),
		dz, at(h.logProb), at(h.entropy), h.z, at(h.targets), at(h.coef), at(h.eCoef),
		int32(n), int32(h.size), int32(h.stride), h.temperature)
}
