package policy

import (
	"fmt"

	"github.com/octorl/octorl/kernels"
)

// parameters are views of an arena, of weights or of gradients, as the passes
// use them. Biases and head norms are nil where the architecture has none.
type parameters struct {
	embedding kernels.Buffer // (V, C)
	head      kernels.Buffer // (V, C), the same memory as embedding when tied; (C,) of a critic
	norm      kernels.Buffer // (C,)
	layers    []layerParameters
}

type layerParameters struct {
	attentionNorm kernels.Buffer // (C,)
	qkv           kernels.Buffer // (QKV, C)
	qkvBias       kernels.Buffer // (QKV,)
	headNorm      kernels.Buffer // (2, D): gains of queries, of keys
	out           kernels.Buffer // (C, Heads.Out())
	ffnNorm       kernels.Buffer // (C,)
	gateUp        kernels.Buffer // (2F, C)
	down          kernels.Buffer // (C, F)
}

// newParameters cuts arena as tensors says.
func newParameters(c Config, tensors []Tensor, arena kernels.Buffer) parameters {
	at := make(map[string]Tensor, len(tensors))
	for _, t := range tensors {
		at[t.Name] = t
	}
	// span returns the memory from the first tensor to the last, which are adjacent.
	span := func(first, last string) kernels.Buffer {
		return arena.Slice(at[first].Offset, at[last].Offset+at[last].numElements())
	}
	one := func(name string) kernels.Buffer { return span(name, name) }

	p := parameters{embedding: one("model.embed_tokens.weight"), norm: one("model.norm.weight")}
	switch {
	case c.ValueHead:
		p.head = one(valueHead + ".weight")
	case c.TieEmbeddings:
		p.head = p.embedding
	default:
		p.head = one("lm_head.weight")
	}
	for l := range c.Layers {
		layer := fmt.Sprintf("model.layers.%d.", l)
		lp := layerParameters{
			attentionNorm: one(layer + "input_layernorm.weight"),
			qkv:           span(layer+"self_attn.q_proj.weight", layer+"self_attn.v_proj.weight"),
			out:           one(layer + "self_attn.o_proj.weight"),
			ffnNorm:       one(layer + "post_attention_layernorm.weight"),
			gateUp:        span(layer+"mlp.gate_proj.weight", layer+"mlp.up_proj.weight"),
			down:          one(layer + "mlp.down_proj.weight"),
		}
		if c.QKVBias {
			lp.qkvBias = span(layer+"self_attn.q_proj.bias", layer+"self_attn.v_proj.bias")
		}
		if c.headNorm() {
			lp.headNorm = span(layer+"self_attn.q_norm.weight", layer+"self_attn.k_norm.weight")
		}
		p.layers = append(p.layers, lp)
	}
	return p
}

// Gradients are the gradients of a policy's weights, summed over the passes
// since Zero.
type Gradients struct {
	Arena kernels.Buffer // (NumParameters,) Float32, in the order of the weights

	dev        kernels.Device
	parameters parameters // views of Arena
}

// NewGradients returns zero gradients, or an error that wraps
// kernels.ErrNoMemory. Free releases them.
func (p *Policy) NewGradients() (*Gradients, error) {
	arena, err := p.dev.Alloc(kernels.Float32, p.NumParameters())
	if err != nil {
		return nil, fmt.Errorf("allocate %d gradients: %w", p.NumParameters(), err)
	}
	return &Gradients{arena, p.dev, newParameters(p.cfg, p.tensors, arena)}, nil
}

// Zero queues the start of a new sum.
func (g *Gradients) Zero() { g.dev.Fill(g.Arena, 0) }

// Free releases the gradients, once queued work that uses them is done.
func (g *Gradients) Free() { g.dev.Free(g.Arena) }
