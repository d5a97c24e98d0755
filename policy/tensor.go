package policy

import (
	"fmt"
	"math"
)

// initialDeviation is the standard deviation of fresh weights: 1/sqrt(Hidden), so
// that a normalized row of any width gives outputs of unit variance. At the width
// of Llama-3.2-1B it is 0.022, near transformers' fixed initializer_range of
// 0.02, with which policies a few hundred channels wide start too slowly.
func (c Config) initialDeviation() float64 { return 1 / math.Sqrt(float64(c.Hidden)) }

// Tensor is a named range of the weights' arena.
type Tensor struct {
	Name   string // as in Hugging Face checkpoints
	Shape  []int  // row-major; matrices are (out, in)
	Offset int    // of its first element in the arena
	Decay  bool   // whether weight decay applies: matrices yes, gains and biases no

	mean, deviation float64 // of fresh weights
}

func (t Tensor) numElements() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// tensors returns the plan of the arena: decayed tensors first, then the others.
// Queries, keys and values of a layer are adjacent, and so are gates and ups, and
// the gains of query and key heads: each run is one argument of an operation.
func (c Config) tensors() []Tensor {
	var decayed, undecayed []Tensor
	matrix := func(name string, deviation float64, out, in int) {
		decayed = append(decayed, Tensor{Name: name + ".weight", Shape: []int{out, in}, Decay: true, deviation: deviation})
	}
	vector := func(name string, mean float64, n int) {
		undecayed = append(undecayed, Tensor{Name: name, Shape: []int{n}, mean: mean})
	}
	queries, keys := c.Heads.Out(), c.Heads.KeyValue*c.Heads.Width
	// Projections into the residual stream start smaller, so that its variance
	// does not grow with depth (GPT-2, §2.3).
	initial := c.initialDeviation()
	residual := initial / math.Sqrt(float64(2*c.Layers))

	matrix("model.embed_tokens", initial, c.Vocab, c.Hidden)
	for l := range c.Layers {
		layer := fmt.Sprintf("model.layers.%d.", l)
		attention, ffn := layer+"self_attn.", layer+"mlp."
		matrix(attention+"q_proj", initial, queries, c.Hidden)
		matrix(attention+"k_proj", initial, keys, c.Hidden)
		matrix(attention+"v_proj", initial, keys, c.Hidden)
		matrix(attention+"o_proj", residual, c.Hidden, queries)
		matrix(ffn+"gate_proj", initial, c.FFN, c.Hidden)
		matrix(ffn+"up_proj", initial, c.FFN, c.Hidden)
		matrix(ffn+"down_proj", residual, c.Hidden, c.FFN)
		vector(layer+"input_layernorm.weight", 1, c.Hidden)
		if c.QKVBias {
			vector(attention+"q_proj.bias", 0, queries)
			vector(attention+"k_proj.bias", 0, keys)
			vector(attention+"v_proj.bias", 0, keys)
		}
		if c.headNorm() {
			vector(attention+"q_norm.weight", 1, c.Heads.Width)
			vector(attention+"k_norm.weight", 1, c.Heads.Width)
		}
		vector(layer+"post_attention_layernorm.weight", 1, c.Hidden)
	}
	switch {
	case c.ValueHead:
		matrix(valueHead, 0, 1, c.Hidden) // so that values start at 0
	case !c.TieEmbeddings:
		matrix("lm_head", initial, c.Vocab, c.Hidden)
	}
	vector("model.norm.weight", 1, c.Hidden)

	all, offset := append(decayed, undecayed...), 0
	for i := range all {
		all[i].Offset = offset
		offset += all[i].numElements()
	}
	return all
}
