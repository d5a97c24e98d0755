package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/octorl/octorl/kernels"
)

// ConfigFile is the name of the file that holds a checkpoint's Config.
const ConfigFile = "config.json"

// configFile is config.json as transformers writes it. Version 4 keeps the base
// of the rotary positions apart from their scaling, version 5 has both in
// rope_parameters; we read either and write both.
type configFile struct {
	Architectures       []string        `json:"architectures"`
	ModelType           string          `json:"model_type"`
	Dtype               string          `json:"dtype,omitempty"`
	VocabSize           int             `json:"vocab_size"`
	HiddenSize          int             `json:"hidden_size"`
	NumHiddenLayers     int             `json:"num_hidden_layers"`
	IntermediateSize    int             `json:"intermediate_size"`
	NumAttentionHeads   int             `json:"num_attention_heads"`
	NumKeyValueHeads    int             `json:"num_key_value_heads"`
	HeadDim             int             `json:"head_dim"`
	MaxPositions        int             `json:"max_position_embeddings"`
	RMSNormEps          float32         `json:"rms_norm_eps"`
	RopeTheta           float64         `json:"rope_theta"`
	RopeScaling         *ropeFile       `json:"rope_scaling"`
	RopeParameters      *ropeFile       `json:"rope_parameters"`
	TieWordEmbeddings   bool            `json:"tie_word_embeddings"`
	HiddenAct           string          `json:"hidden_act"`
	BOS                 tokenIDs        `json:"bos_token_id"`
	EOS                 tokenIDs        `json:"eos_token_id"`
	AttentionBias       bool            `json:"attention_bias,omitempty"`
	MLPBias             bool            `json:"mlp_bias,omitempty"`
	UseSlidingWindow    bool            `json:"use_sliding_window,omitempty"`
	SlidingWindow       slidingWindow   `json:"sliding_window"`
	LayerTypes          []string        `json:"layer_types,omitempty"`
	PartialRotaryFactor float64         `json:"partial_rotary_factor,omitempty"`
	QuantizationConfig  json.RawMessage `json:"quantization_config,omitempty"`
	InitializerRange    float64         `json:"initializer_range"`
	AttentionDropout    float64         `json:"attention_dropout"`
	UseCache            bool            `json:"use_cache"`
	Labels              map[int]string  `json:"id2label,omitempty"`
	LabelIDs            map[string]int  `json:"label2id,omitempty"`
}

type ropeFile struct {
	Type              string  `json:"rope_type"`
	OldType           string  `json:"type,omitempty"`
	Theta             float64 `json:"rope_theta,omitempty"`
	Factor            float64 `json:"factor,omitempty"`
	LowFreqFactor     float64 `json:"low_freq_factor,omitempty"`
	HighFreqFactor    float64 `json:"high_freq_factor,omitempty"`
	OriginalPositions int     `json:"original_max_position_embeddings,omitempty"`
}

// slidingWindow is the tokens that a row sees, its own included: null for all,
// which is not the same as no entry, where transformers has a default.
type slidingWindow struct {
	given  bool
	tokens int // 0 for all
}

func (w *slidingWindow) UnmarshalJSON(b []byte) error {
	w.given = true
	return json.Unmarshal(b, &w.tokens)
}

func (w slidingWindow) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// tokenIDs is written null, as a number, or as a list.
type tokenIDs []int32

func (t *tokenIDs) UnmarshalJSON(b []byte) error {
	var one *int32
	if json.Unmarshal(b, &one) == nil {
		*t = nil
		if one != nil {
			*t = tokenIDs{*one}
		}
		return nil
	}
	return json.Unmarshal(b, (*[]int32)(t))
}

func (t tokenIDs) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]int32(t))
}

// ReadConfig reads a Hugging Face config.json, of transformers 4 or 5. An
// architecture or a feature that the policy lacks is refused by its name, since
// ignoring it would give another network.
func ReadConfig(path string) (Config, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read policy config: %w", err)
	}
	c, err := parseConfig(b)
	if err != nil {
		return Config{}, fmt.Errorf("read policy config %s: %w", path, err)
	}
	return c, nil
}

func parseConfig(b []byte) (Config, error) {
	var f configFile
	if err := json.Unmarshal(b, &f); err != nil {
		return Config{}, err
	}
	if err := f.unsupported(); err != nil {
		return Config{}, err
	}
	c, err := f.config()
	if err != nil {
		return Config{}, err
	}
	return c, c.Validate()
}

// unsupported returns an error that lists what f asks for and we lack.
func (f *configFile) unsupported() error {
	var faults []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format+" is not supported", args...))
		}
	}
	architecture, _ := f.architecture()
	if modelTypes[architecture] == "" {
		return fmt.Errorf("architectures %q is not supported: must be one of %s", f.Architectures, supported())
	}
	refuse(f.HiddenAct != "" && f.HiddenAct != "silu", "hidden_act %q", f.HiddenAct)
	refuse(f.AttentionBias && (architecture == Llama || architecture == Qwen3), "attention_bias") // others have no such switch
	refuse(f.MLPBias, "mlp_bias")
	refuse(f.UseSlidingWindow, "use_sliding_window")
	w := f.SlidingWindow
	refuse(architecture == Mistral && !w.given, "a sliding window (sliding_window is missing, which means 4096 tokens; null means none)")
	refuse(architecture == Mistral && w.tokens != 0 && w.tokens < f.MaxPositions, "sliding_window %d", w.tokens)
	refuse(f.PartialRotaryFactor != 0 && f.PartialRotaryFactor != 1, "partial_rotary_factor %g", f.PartialRotaryFactor)
	refuse(len(f.QuantizationConfig) > 0 && string(f.QuantizationConfig) != "null", "quantization_config")
	for i, t := range f.LayerTypes {
		refuse(t != "full_attention", "layer_types[%d] %q", i, t)
	}
	return errors.Join(faults...)
}

// architecture returns the one that f names, "" where it is not one, and whether
// f is that of a critic.
func (f *configFile) architecture() (name string, values bool) {
	if len(f.Architectures) != 1 {
		return "", false
	}
	trunk, values := strings.CutSuffix(f.Architectures[0], criticSuffix)
	if values {
		return trunk + policySuffix, true
	}
	return f.Architectures[0], false
}

func (f *configFile) config() (Config, error) {
	architecture, values := f.architecture()
	c := Config{
		Architecture: architecture, QKVBias: architecture == Qwen2, ValueHead: values,
		Vocab: f.VocabSize, Hidden: f.HiddenSize, Layers: f.NumHiddenLayers, FFN: f.IntermediateSize,
		MaxPositions: f.MaxPositions, NormEps: f.RMSNormEps, TieEmbeddings: f.TieWordEmbeddings,
		BOS: f.BOS, EOS: f.EOS,
	}
	c.Heads.Query, c.Heads.KeyValue, c.Heads.Width = f.NumAttentionHeads, f.NumKeyValueHeads, f.HeadDim
	if c.Heads.KeyValue == 0 && c.Architecture == Llama { // Llama 1 came before groups; others must say
		c.Heads.KeyValue = c.Heads.Query
	}
	switch {
	case c.Heads.Width != 0:
	case c.Architecture == Qwen3:
		c.Heads.Width = 128 // transformers' default
	case c.Heads.Query > 0:
		c.Heads.Width = c.Hidden / c.Heads.Query
	}
	rope, err := f.rope()
	c.Rope = rope
	return c, err
}

// rope merges the two forms: what rope_parameters says counts, then rope_scaling
// and rope_theta, then transformers' default of 10000.
func (f *configFile) rope() (Rope, error) {
	r := Rope{Theta: f.RopeTheta}
	p := f.RopeParameters
	if p == nil {
		p = f.RopeScaling
	}
	if p == nil {
		p = &ropeFile{Type: "default"}
	}
	if p.Theta != 0 {
		r.Theta = p.Theta
	}
	if r.Theta == 0 {
		r.Theta = 10000
	}
	kind := p.Type
	if kind == "" {
		kind = p.OldType
	}
	switch kind {
	case "", "default":
	case "llama3":
		if p.Factor == 0 {
			return r, errors.New("rope type llama3 without factor")
		}
		r.Factor, r.LowFreqFactor, r.HighFreqFactor = p.Factor, p.LowFreqFactor, p.HighFreqFactor
		r.OriginalPositions = p.OriginalPositions
	default:
		return r, fmt.Errorf("rope type %q is not supported: only default and llama3 are", kind)
	}
	return r, nil
}

// write writes c as config.json of weights of type t into dir, in a form that
// transformers 4 and 5 read alike.
func (c Config) write(dir string, t kernels.Type) error {
	f := configFile{
		Architectures: []string{c.class()}, ModelType: modelTypes[c.Architecture], Dtype: t.String(),
		VocabSize: c.Vocab, HiddenSize: c.Hidden, NumHiddenLayers: c.Layers, IntermediateSize: c.FFN,
		NumAttentionHeads: c.Heads.Query, NumKeyValueHeads: c.Heads.KeyValue, HeadDim: c.Heads.Width,
		MaxPositions: c.MaxPositions, RMSNormEps: c.NormEps, RopeTheta: c.Rope.Theta,
		TieWordEmbeddings: c.TieEmbeddings, HiddenAct: "silu", BOS: c.BOS, EOS: c.EOS,
		InitializerRange: c.initialDeviation(), UseCache: true,
	}
	if c.ValueHead {
		f.Labels, f.LabelIDs = map[int]string{0: "value"}, map[string]int{"value": 0}
	}
	f.RopeParameters = &ropeFile{Type: "default", Theta: c.Rope.Theta}
	if c.Rope.Factor != 0 {
		f.RopeScaling = &ropeFile{Type: "llama3", Factor: c.Rope.Factor, LowFreqFactor: c.Rope.LowFreqFactor,
			HighFreqFactor: c.Rope.HighFreqFactor, OriginalPositions: c.Rope.OriginalPositions}
		parameters := *f.RopeScaling
		parameters.Theta = c.Rope.Theta
		f.RopeParameters = &parameters
	}
	return writeJSON(filepath.Join(dir, ConfigFile), f)
}
