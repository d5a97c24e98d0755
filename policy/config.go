package policy

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/octorl/octorl/kernels"
)

const (
	// Llama is the architecture of Llama 1, 2 and 3 checkpoints
	// (arXiv:2407.21783).
	Llama = "LlamaForCausalLM"
	// Mistral is the architecture of Mistral checkpoints (arXiv:2310.06825),
	// which without a sliding window compute what Llama does.
	Mistral = "MistralForCausalLM"
	// Qwen2 is the architecture of Qwen2 and Qwen2.5 checkpoints
	// (arXiv:2407.10671): Llama with biases on queries, keys and values.
	Qwen2 = "Qwen2ForCausalLM"
	// Qwen3 is the architecture of dense Qwen3 checkpoints (arXiv:2505.09388):
	// Llama with a norm on each query and key head.
	Qwen3 = "Qwen3ForCausalLM"
)

// modelTypes are the architectures that a policy can have, with the names that
// transformers chooses its classes by.
var modelTypes = map[string]string{Llama: "llama", Mistral: "mistral", Qwen2: "qwen2", Qwen3: "qwen3"}

// supported lists the architectures for messages.
func supported() string { return strings.Join(slices.Sorted(maps.Keys(modelTypes)), ", ") }

// Limits of Config, far above any checkpoint of these architectures, so that
// sizes computed from a hostile config.json cannot overflow.
const (
	maxWidth  = 1 << 18 // channels, heads, widths
	maxLayers = 1 << 12
	maxVocab  = 1 << 24 // ids fit a float32 and an int32
	maxLength = 1 << 24 // positions are exact in a float32
)

// Config is the shape of a policy. The zero value is not valid.
type Config struct {
	Architecture  string        // Llama, Mistral, Qwen2 or Qwen3
	Vocab         int           // number of token ids
	Hidden        int           // channels of the residual stream
	Layers        int           // transformer blocks
	FFN           int           // width of the feed-forward part
	Heads         kernels.Heads // attention
	MaxPositions  int           // longest sequence, tokens
	NormEps       float32       // added to the mean square in RMSNorm
	Rope          Rope          // rotary positions
	TieEmbeddings bool          // the output matrix is the embedding table
	QKVBias       bool          // queries, keys and values have biases
	ValueHead     bool          // a critic: values of positions instead of logits
	BOS           []int32       // ids that begin a sequence, may be empty
	EOS           []int32       // ids that end a sequence, may be empty
}

// Validate returns all faults of c joined, or nil.
func (c Config) Validate() error {
	var faults []error
	fault := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	size := func(name string, n, limit int) {
		fault(n >= 1 && n <= limit, "%s is %d: must be in 1 … %d", name, n, limit)
	}
	fault(modelTypes[c.Architecture] != "", "architecture %q is not supported: must be one of %s", c.Architecture, supported())
	size("vocabulary", c.Vocab, maxVocab)
	size("hidden size", c.Hidden, maxWidth)
	size("number of layers", c.Layers, maxLayers)
	size("feed-forward size", c.FFN, maxWidth)
	size("number of query heads", c.Heads.Query, maxWidth)
	size("number of key/value heads", c.Heads.KeyValue, maxWidth)
	size("head width", c.Heads.Width, maxWidth)
	size("number of positions", c.MaxPositions, maxLength)
	fault(c.Heads.KeyValue < 1 || c.Heads.Query%c.Heads.KeyValue == 0,
		"%d query heads do not divide into %d key/value heads", c.Heads.Query, c.Heads.KeyValue)
	fault(c.Heads.Width%2 == 0, "head width %d is odd: rotary positions pair its elements", c.Heads.Width)
	fault(c.NormEps > 0 && c.NormEps < 1, "norm epsilon is %g: must be in (0, 1)", c.NormEps)
	fault(c.QKVBias == (c.Architecture == Qwen2),
		"biases of queries, keys and values are %t: %s has no such form", c.QKVBias, c.Architecture)
	for _, id := range append(c.BOS[:len(c.BOS):len(c.BOS)], c.EOS...) {
		fault(id >= 0 && int(id) < c.Vocab, "begin or end token %d is outside the vocabulary of %d", id, c.Vocab)
	}
	return errors.Join(append(faults, c.Rope.validate())...)
}

// headNorm reports whether queries and keys are normalized head by head.
func (c Config) headNorm() bool { return c.Architecture == Qwen3 }

// NumParameters returns the number of weights, tied ones counted once.
func (c Config) NumParameters() int {
	n := 0
	for _, t := range c.tensors() {
		n += t.numElements()
	}
	return n
}

// Rope is the parameters of rotary positions (arXiv:2104.09864). Factor 0 is
// plain; otherwise wavelengths are stretched as in Llama 3.1 (arXiv:2407.21783;
// "llama3" in Hugging Face's modeling_rope_utils.py): those longer than
// OriginalPositions/LowFreqFactor by Factor, those shorter than
// OriginalPositions/HighFreqFactor not at all, and linearly in between.
type Rope struct {
	Theta             float64 // base of the wavelengths
	Factor            float64 // stretch, or 0
	LowFreqFactor     float64
	HighFreqFactor    float64
	OriginalPositions int // positions before the stretch
}

func (r Rope) validate() error {
	if !(r.Theta > 1) || math.IsInf(r.Theta, 0) {
		return fmt.Errorf("rope theta is %g: must be finite and above 1", r.Theta)
	}
	if r.Factor == 0 {
		return nil
	}
	finite := r.Factor >= 1 && r.HighFreqFactor > r.LowFreqFactor && r.LowFreqFactor > 0 && !math.IsInf(r.Factor+r.HighFreqFactor, 0)
	if !finite || r.OriginalPositions < 1 || r.OriginalPositions > maxLength {
		return fmt.Errorf("rope scaling %+v: needs factor ≥ 1, 0 < low < high frequency factor, and original positions in 1 … %d", r, maxLength)
	}
	return nil
}

// frequencies returns the angle by which each pair of a head of the given width
// turns a position, (width/2,) radians.
func (r Rope) frequencies(width int) []float32 {
	f := make([]float32, width/2)
	for i := range f {
		f[i] = float32(r.stretch(math.Pow(r.Theta, -float64(2*i)/float64(width))))
	}
	return f
}

func (r Rope) stretch(frequency float64) float64 {
	if r.Factor == 0 {
		return frequency
	}
	turns := float64(r.OriginalPositions) * frequency / (2 * math.Pi)
	kept := (turns - r.LowFreqFactor) / (r.HighFreqFactor - r.LowFreqFactor)
	kept = min(max(kept, 0), 1)
	return (1-kept)*frequency/r.Factor + kept*frequency
}
