package policy

import "github.com/octorl/octorl/kernels"

// WeightBytes returns the memory of a policy's weights on a device that
// computes in t.
func (c Config) WeightBytes(t kernels.Type) int { return c.NumParameters() * t.Size() }

// CacheBytes returns the memory of so many positions of a decoder's cache.
func (c Config) CacheBytes(t kernels.Type, positions int) int {
	return positions * c.Layers * 2 * c.Heads.KeyValue * c.Heads.Width * t.Size()
}

// RowBytes returns the memory that each packed row takes in a Pass, with its
// prediction and a segment of its own, or without PassLimits.Backward in one
// that scores. A Decoder's rows take little less than the latter.
func (c Config) RowBytes(t kernels.Type, backward bool) int {
	const number = 4 // bytes of a Float32 or an Int32
	shared := 4*c.Hidden + c.FFN
	layer := 2*c.Hidden + c.Heads.QKV() + c.Heads.Out() + 2*c.FFN
	sums := 2 + c.Heads.Query // of a layer: factors of two norms, log-sum-exps
	if c.headNorm() {
		layer += c.Heads.QKV()
		sums += c.Heads.Query + c.Heads.KeyValue
	}
	layers, numbers := 1, 3+4+4 // ids, positions and a factor; a segment; a prediction
	if backward {
		layers = c.Layers
		shared += 2*c.Hidden + c.Heads.QKV() + c.Heads.Out() + 2*c.FFN
		numbers++ // its coefficient
	}
	if c.ValueHead {
		numbers-- // a value is one, a logprob and an entropy are two
	}
	return (shared+layers*layer)*t.Size() + (numbers+layers*sums)*number
}
