package policy

import "github.com/octorl/octorl/kernels"

// activations are what the forward pass writes for N rows. Where a backward
// pass follows, each layer has buffers of its own; otherwise all share one set.
type activations struct {
	rows      rowBuffers
	ids       kernels.Buffer // (N,) Int32
	positions kernels.Buffer // (N,) Int32
	layers    []*layerActivations
	normed    kernels.Buffer // (N, C) output of the present norm
	branch    kernels.Buffer // (N, C) what the last block adds to the residual stream
	swiglu    kernels.Buffer // (N, F)
	sum       kernels.Buffer // (N, C) residual stream before the last norm
	rstd      kernels.Buffer // (N,)
	hidden    kernels.Buffer // (N, C) input of the output matrix
}

// layerActivations are what the backward pass needs of a layer. The outputs of
// norms and of SwiGLU are not among them: they cost little to compute again.
type layerActivations struct {
	attentionSum  kernels.Buffer // (N, C) residual stream before attention
	attentionRstd kernels.Buffer // (N,)
	projected     kernels.Buffer // (N, QKV) before the head norm, or nil without one
	headRstd      kernels.Buffer // (N, Query+KeyValue), or nil without one
	qkv           kernels.Buffer // (N, QKV) rotated
	attention     kernels.Buffer // (N, Heads.Out())
	lse           kernels.Buffer // (N, H)
	ffnSum        kernels.Buffer // (N, C) residual stream before the feed-forward part
	ffnRstd       kernels.Buffer // (N,)
	gateUp        kernels.Buffer // (N, 2F)
}

// newActivations allocates for maxRows rows. The error is in rows.err.
func (p *Policy) newActivations(maxRows int, backward bool) *activations {
	a := &activations{rows: rowBuffers{dev: p.dev, maxRows: maxRows}}
	compute, channels := p.dev.Info().Compute, p.cfg.Hidden
	a.rows.add(&a.ids, kernels.Int32, 1)
	a.rows.add(&a.positions, kernels.Int32, 1)
	a.rows.add(&a.normed, compute, channels)
	a.rows.add(&a.branch, compute, channels)
	a.rows.add(&a.swiglu, compute, p.cfg.FFN)
	a.rows.add(&a.sum, compute, channels)
	a.rows.add(&a.rstd, kernels.Float32, 1)
	a.rows.add(&a.hidden, compute, channels)
	for l := range p.cfg.Layers {
		if l == 0 || backward {
			a.layers = append(a.layers, p.newLayerActivations(&a.rows))
		} else {
			a.layers = append(a.layers, a.layers[0])
		}
	}
	return a
}

func (p *Policy) newLayerActivations(rows *rowBuffers) *layerActivations {
	a := new(layerActivations)
	compute, channels, heads := p.dev.Info().Compute, p.cfg.Hidden, p.cfg.Heads
	rows.add(&a.attentionSum, compute, channels)
	rows.add(&a.attentionRstd, kernels.Float32, 1)
	if p.cfg.headNorm() {
		rows.add(&a.projected, compute, heads.QKV())
		rows.add(&a.headRstd, kernels.Float32, heads.Query+heads.KeyValue)
	}
	rows.add(&a.qkv, compute, heads.QKV())
	rows.add(&a.attention, compute, heads.Out())
	rows.add(&a.lse, kernels.Float32, heads.Query)
	rows.add(&a.ffnSum, compute, channels)
	rows.add(&a.ffnRstd, kernels.Float32, 1)
	rows.add(&a.gateUp, compute, 2*p.cfg.FFN)
	return a
}

// forward queues the network from a.ids and a.positions to a.hidden. It is the
// only forward pass there is: training, scoring, prefill and decoding differ in
// attend alone, which sets la.attention from la.qkv.
func (p *Policy) forward(a *activations, attend func(layer int, la *layerActivations)) {
	n, c, eps := a.rows.rows, p.cfg.Hidden, p.cfg.NormEps
	dev, heads, ffn := p.dev, p.cfg.Heads, p.cfg.FFN

	x, branch := a.layers[0].attentionSum, kernels.Buffer(nil)
	dev.Embed(x, p.parameters.embedding, a.ids)
	for l, la := range a.layers {
		w := &p.parameters.layers[l]
		dev.AddNorm(la.attentionSum, a.normed, la.attentionRstd, x, branch, w.attentionNorm, eps)
		p.project(n, la, a.normed, w)
		dev.Rope(heads, la.qkv, a.positions, p.frequencies, false)
		attend(l, la)
		dev.Linear(kernels.LinearShape{Rows: n, In: heads.Out(), Out: c}, a.branch, la.attention, w.out, nil)
		branch = a.branch

		dev.AddNorm(la.ffnSum, a.normed, la.ffnRstd, la.attentionSum, branch, w.ffnNorm, eps)
		dev.Linear(kernels.LinearShape{Rows: n, In: c, Out: 2 * ffn}, la.gateUp, a.normed, w.gateUp, nil)
		dev.SwiGLU(a.swiglu, la.gateUp, ffn)
		dev.Linear(kernels.LinearShape{Rows: n, In: ffn, Out: c}, branch, a.swiglu, w.down, nil)
		x = la.ffnSum
	}
	dev.AddNorm(a.sum, a.hidden, a.rstd, x, branch, p.parameters.norm, eps)
}

// project queues queries, keys and values of n rows from normed to la.qkv, not
// yet rotated.
func (p *Policy) project(n int, la *layerActivations, normed kernels.Buffer, w *layerParameters) {
	shape := kernels.LinearShape{Rows: n, In: p.cfg.Hidden, Out: p.cfg.Heads.QKV()}
	if !p.cfg.headNorm() {
		p.dev.Linear(shape, la.qkv, normed, w.qkv, w.qkvBias)
		return
	}
	p.dev.Linear(shape, la.projected, normed, w.qkv, w.qkvBias)
	a := p.headNormArgs(la, w)
	a.Out = la.qkv
	p.dev.HeadNorm(a)
}

// headNormArgs returns what forward and backward pass have in common.
func (p *Policy) headNormArgs(la *layerActivations, w *layerParameters) kernels.HeadNormArgs {
	return kernels.HeadNormArgs{
		Heads: p.cfg.Heads, QKV: la.projected, Gain: w.headNorm, Eps: p.cfg.NormEps, Rstd: la.headRstd,
	}
}
