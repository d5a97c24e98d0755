package config

// Policy is where the initial weights come from: a checkpoint, or a shape to
// initialize. With neither, a Shape of defaults.
type Policy struct {
	// Checkpoint is a directory in the Hugging Face layout (config.json,
	// model.safetensors, tokenizer.json), relative to the working directory;
	// default none.
	Checkpoint string `yaml:"checkpoint,omitempty"`
	// Shape is the network to initialize; not beside Checkpoint.
	Shape *Shape `yaml:"shape,omitempty"`
}

// Shape is the size of a Llama-shaped network.
type Shape struct {
	// Layers is the number of blocks; default 4.
	Layers int `yaml:"layers"`
	// Hidden is the number of residual channels; default 128.
	Hidden int `yaml:"hidden"`
	// Heads is the number of query heads; default 4.
	Heads int `yaml:"heads"`
	// KVHeads is the number of key/value heads, a divisor of Heads; default 2.
	KVHeads int `yaml:"kvHeads"`
	// HeadWidth is the number of channels of a head, even; default 32.
	HeadWidth int `yaml:"headWidth"`
	// FFN is the number of channels inside the feed-forward part; default 384.
	FFN int `yaml:"ffn"`
	// MaxPositions is the longest sequence in tokens, prompt and completion
	// together; default 512.
	MaxPositions int `yaml:"maxPositions"`
	// RopeTheta is the base of the rotary frequencies, unitless; default
	// 10000.
	RopeTheta float64 `yaml:"ropeTheta"`
	// TieEmbeddings says that the output head is the embedding table; default
	// true.
	TieEmbeddings bool `yaml:"tieEmbeddings"`
}

// UnmarshalYAML decodes a shape over its defaults.
func (s *Shape) UnmarshalYAML(decode func(any) error) error {
	type plain Shape
	*s = Shape{TieEmbeddings: true}
	return decode((*plain)(s))
}

// NumParameters returns the number of weights of a policy of this shape with
// vocab tokens.
func (s Shape) NumParameters(vocab int) int64 {
	attention := s.Hidden * s.HeadWidth * (2*s.Heads + 2*s.KVHeads)
	block := attention + 3*s.Hidden*s.FFN + 2*s.Hidden
	tables := 2
	if s.TieEmbeddings {
		tables = 1
	}
	return int64(tables)*int64(vocab)*int64(s.Hidden) + int64(s.Layers)*int64(block) + int64(s.Hidden)
}

func (p *Policy) fill() {
	if p.Shape == nil && p.Checkpoint == "" {
		p.Shape = &Shape{TieEmbeddings: true}
	}
	if s := p.Shape; s != nil {
		or(&s.Layers, 4)
		or(&s.Hidden, 128)
		or(&s.Heads, 4)
		or(&s.KVHeads, 2)
		or(&s.HeadWidth, 32)
		or(&s.FFN, 384)
		or(&s.MaxPositions, 512)
		or(&s.RopeTheta, 10000)
	}
}

func (p Policy) validate(v validator) {
	if p.Checkpoint != "" {
		v.require(p.Shape == nil, "shape", "a checkpoint has its own shape; leave out one of checkpoint and shape")
		return
	}
	v = v.at("shape")
	s := p.Shape
	for _, size := range []struct {
		name  string
		value int
	}{
		{"layers", s.Layers}, {"hidden", s.Hidden}, {"heads", s.Heads}, {"kvHeads", s.KVHeads},
		{"headWidth", s.HeadWidth}, {"ffn", s.FFN},
	} {
		v.atLeast(size.name, size.value, 1)
	}
	v.atLeast("maxPositions", s.MaxPositions, 2)
	v.require(s.KVHeads < 1 || s.Heads%s.KVHeads == 0, "kvHeads", "%d must divide heads = %d", s.KVHeads, s.Heads)
	v.require(s.HeadWidth%2 == 0, "headWidth", "%d must be even, since rotary positions pair channels", s.HeadWidth)
	v.require(s.RopeTheta > 1, "ropeTheta", "%g must be over 1", s.RopeTheta)
}

// Tokenizer is read from a file, or trained on the text of the run's first
// stages. With neither said, it is trained; beside a Policy.Checkpoint with no
// Path, the checkpoint's is used.
type Tokenizer struct {
	// Path is a Hugging Face tokenizer.json, relative to the working
	// directory; default none.
	Path string `yaml:"path,omitempty"`
	// Vocab is the number of tokens to train, the 256 bytes and special tokens
	// included; default 1024. Not beside Path.
	Vocab int `yaml:"vocab,omitempty"`
	// TrainBytes is the bytes of text to train on; default 2000000. Not beside
	// Path.
	TrainBytes int `yaml:"trainBytes,omitempty"`
}

func (t *Tokenizer) fill() {
	if t.Path == "" {
		or(&t.Vocab, 1024)
		or(&t.TrainBytes, 2_000_000)
	}
}

// minVocab leaves room for all bytes, special tokens and a few merges.
const minVocab = 288

func (t Tokenizer) validate(v validator) {
	if t.Path != "" {
		v.require(t.Vocab == 0, "vocab", "a tokenizer that is read has its own; leave out one of path and vocab")
		v.require(t.TrainBytes == 0, "trainBytes", "a tokenizer that is read is not trained; leave out one of path and trainBytes")
		return
	}
	v.atLeast("vocab", t.Vocab, minVocab)
	v.atLeast("trainBytes", t.TrainBytes, 1)
}
