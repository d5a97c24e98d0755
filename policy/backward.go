package policy

import "github.com/octorl/octorl/kernels"

// derivatives are what the backward pass writes for N rows: gradients of the
// loss by the activations of the same shape.
type derivatives struct {
	residual  kernels.Buffer // (N, C)
	normed    kernels.Buffer // (N, C) by the output of the present norm
	qkv       kernels.Buffer // (N, QKV)
	attention kernels.Buffer // (N, Heads.Out())
	gateUp    kernels.Buffer // (N, 2F)
}

func (p *Policy) newDerivatives(rows *rowBuffers) *derivatives {
	d := new(derivatives)
	compute := p.dev.Info().Compute
	rows.add(&d.residual, compute, p.cfg.Hidden)
	rows.add(&d.normed, compute, p.cfg.Hidden)
	rows.add(&d.qkv, compute, p.cfg.Heads.QKV())
	rows.add(&d.attention, compute, p.cfg.Heads.Out())
	rows.add(&d.gateUp, compute, 2*p.cfg.FFN)
	return d
}

// backward adds to g the gradients of all weights but the output matrix, given
// d.normed: the gradient by a.hidden. segments is what forward attended with.
func (p *Policy) backward(g *parameters, a *activations, d *derivatives, segments kernels.Buffer) {
	dev := p.dev
	dev.Fill(d.residual, 0)
	dev.AddNormGrad(d.residual, g.norm, d.normed, a.sum, p.parameters.norm, a.rstd)
	for l := len(a.layers) - 1; l >= 0; l-- {
		w, dw, la := &p.parameters.layers[l], &g.layers[l], a.layers[l]
		p.backwardFFN(w, dw, a, la, d)
		p.backwardAttention(w, dw, a, la, d, segments)
	}
	dev.EmbedGrad(g.embedding, d.residual, a.ids)
}

// backwardFFN turns d.residual from the gradient by the layer's output into the
// one by la.ffnSum.
func (p *Policy) backwardFFN(w, dw *layerParameters, a *activations, la *layerActivations, d *derivatives) {
	dev, ffn := p.dev, p.cfg.FFN
	down := kernels.LinearShape{Rows: a.rows.rows, In: ffn, Out: p.cfg.Hidden}
	gateUp := kernels.LinearShape{Rows: a.rows.rows, In: p.cfg.Hidden, Out: 2 * ffn}

	dSwiGLU := a.swiglu // its value follows from la.gateUp
	dev.LinearGradInput(down, dSwiGLU, d.residual, w.down)
	dev.SwiGLUGrad(d.gateUp, a.swiglu, dSwiGLU, la.gateUp, ffn)
	dev.LinearGradWeight(down, dw.down, nil, d.residual, a.swiglu)

	dev.AddNorm(la.ffnSum, a.normed, la.ffnRstd, la.ffnSum, nil, w.ffnNorm, p.cfg.NormEps)
	dev.LinearGradWeight(gateUp, dw.gateUp, nil, d.gateUp, a.normed)
	dev.LinearGradInput(gateUp, d.normed, d.gateUp, w.gateUp)
	dev.AddNormGrad(d.residual, dw.ffnNorm, d.normed, la.ffnSum, w.ffnNorm, la.ffnRstd)
}

// backwardAttention turns d.residual from the gradient by la.ffnSum into the one
// by la.attentionSum, the layer's input.
func (p *Policy) backwardAttention(w, dw *layerParameters, a *activations, la *layerActivations, d *derivatives, segments kernels.Buffer) {
	dev, heads := p.dev, p.cfg.Heads
	out := kernels.LinearShape{Rows: a.rows.rows, In: heads.Out(), Out: p.cfg.Hidden}
	qkv := kernels.LinearShape{Rows: a.rows.rows, In: p.cfg.Hidden, Out: heads.QKV()}

	dev.LinearGradWeight(out, dw.out, nil, d.residual, la.attention)
	dev.LinearGradInput(out, d.attention, d.residual, w.out)
	dev.AttendGrad(heads, d.qkv, d.attention, la.attention, la.lse, la.qkv, segments)
	dev.Rope(heads, d.qkv, a.positions, p.frequencies, true)
	if p.cfg.headNorm() {
		norm := p.headNormArgs(la, w)
		norm.DQKV, norm.DGain = d.qkv, dw.headNorm
		dev.HeadNorm(norm)
	}

	dev.AddNorm(la.attentionSum, a.normed, la.attentionRstd, la.attentionSum, nil, w.attentionNorm, p.cfg.NormEps)
	dev.LinearGradWeight(qkv, dw.qkv, dw.qkvBias, d.qkv, a.normed)
	dev.LinearGradInput(qkv, d.normed, d.qkv, w.qkv)
	dev.AddNormGrad(d.residual, dw.attentionNorm, d.normed, la.attentionSum, w.attentionNorm, la.attentionRstd)
}
