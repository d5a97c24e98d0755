package policy

import (
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/octorl/octorl/kernels"
)

// tinyConfig is a shape with grouped heads and odd sizes.
func tinyConfig(architecture string) Config {
	return Config{
		Architecture: architecture, QKVBias: architecture == Qwen2, TieEmbeddings: architecture == Llama,
		Vocab: 37, Hidden: 12, Layers: 2, FFN: 20, MaxPositions: 64, NormEps: 1e-5,
		Heads: kernels.Heads{Query: 4, KeyValue: 2, Width: 6}, Rope: Rope{Theta: 10000},
		BOS: []int32{0}, EOS: []int32{1, 2},
	}
}

// tinyConfigs returns a tiny shape of every architecture.
func tinyConfigs() []Config {
	var all []Config
	for _, architecture := range slices.Sorted(maps.Keys(modelTypes)) {
		all = append(all, tinyConfig(architecture))
	}
	return all
}

func TestConfigReportsAllFaults(t *testing.T) {
	c := tinyConfig(Llama)
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	c.Vocab, c.Hidden, c.NormEps, c.Rope.Theta, c.Heads.Width, c.Heads.Query = 0, -1, 0, 1, 5, 3
	c.QKVBias = true
	err := c.Validate()
	if err == nil {
		t.Fatal("an invalid config passed")
	}
	for _, part := range []string{"vocabulary is 0", "hidden size is -1", "norm epsilon is 0", "rope theta is 1",
		"head width 5 is odd", "3 query heads do not divide into 2", "biases", "begin or end token 2"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is missing in: %v", part, err)
		}
	}
}

func TestNumParameters(t *testing.T) {
	// Llama-3.2-1B: 1,235,814,400 by its model card's safetensors index.
	c := Config{Architecture: Llama, Vocab: 128256, Hidden: 2048, Layers: 16, FFN: 8192, TieEmbeddings: true,
		Heads: kernels.Heads{Query: 32, KeyValue: 8, Width: 64}}
	if got := c.NumParameters(); got != 1_235_814_400 {
		t.Errorf("Llama-3.2-1B has %d parameters", got)
	}
	// Qwen3-0.6B, as its authors count it without the copy of the tied embeddings.
	c = Config{Architecture: Qwen3, Vocab: 151936, Hidden: 1024, Layers: 28, FFN: 3072, TieEmbeddings: true,
		Heads: kernels.Heads{Query: 16, KeyValue: 8, Width: 128}}
	if got := c.NumParameters(); got != 596_049_920 {
		t.Errorf("Qwen3-0.6B has %d parameters", got)
	}
	// Mistral-7B-v0.3: 7,248,023,552 by its model card's safetensors index.
	c = Config{Architecture: Mistral, Vocab: 32768, Hidden: 4096, Layers: 32, FFN: 14336,
		Heads: kernels.Heads{Query: 32, KeyValue: 8, Width: 128}}
	if got := c.NumParameters(); got != 7_248_023_552 {
		t.Errorf("Mistral-7B-v0.3 has %d parameters", got)
	}
	// Embedding 2·3, norms 3·3, q 4·3, k and v 2·3, o 3·4, gate and up 5·3, down
	// 3·5, head 2·3, biases 4+2+2.
	c = Config{Architecture: Qwen2, Vocab: 2, Hidden: 3, Layers: 1, FFN: 5, QKVBias: true,
		Heads: kernels.Heads{Query: 2, KeyValue: 1, Width: 2}}
	if got, want := c.NumParameters(), 6+9+12+6+6+12+15+15+15+6+8; got != want {
		t.Errorf("%d parameters, expected %d", got, want)
	}
}

func TestRopeFrequencies(t *testing.T) {
	plain := Rope{Theta: 10000}.frequencies(4)
	if plain[0] != 1 || math.Abs(float64(plain[1])-0.01) > 1e-9 {
		t.Errorf("theta 10000 over 4 elements: %v, expected 1 and 0.01", plain)
	}
	r := Rope{Theta: 10000, Factor: 8, LowFreqFactor: 1, HighFreqFactor: 4, OriginalPositions: 8192}
	turn := 2 * math.Pi / 8192 // frequency of one turn in the original positions
	for _, tt := range []struct{ turns, want float64 }{
		{5, 5},                       // short waves stay
		{4, 4},                       // the edge
		{0.5, 0.5 / 8},               // long waves are stretched
		{1, 1.0 / 8},                 // the other edge
		{2.5, (2.5/8 + 2.5) / 2},     // the middle: half and half
		{1.75, 1.75 * (.75/8 + .25)}, // a quarter kept
	} {
		if got := r.stretch(tt.turns*turn) / turn; math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("%v turns become %v, expected %v", tt.turns, got, tt.want)
		}
	}
}

const (
	oldConfig = `{"architectures":["LlamaForCausalLM"],"vocab_size":100,"hidden_size":32,"num_hidden_layers":2,
		"intermediate_size":64,"num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":128,
		"rms_norm_eps":1e-05,"rope_theta":500000.0,"tie_word_embeddings":true,"hidden_act":"silu","bos_token_id":1,
		"eos_token_id":[2,3],"rope_scaling":{"factor":32.0,"high_freq_factor":4.0,"low_freq_factor":1.0,
		"original_max_position_embeddings":64,"rope_type":"llama3"}}`
	newConfig = `{"architectures":["LlamaForCausalLM"],"vocab_size":100,"hidden_size":32,"num_hidden_layers":2,
		"intermediate_size":64,"num_attention_heads":4,"num_key_value_heads":2,"head_dim":8,"max_position_embeddings":128,
		"rms_norm_eps":1e-05,"tie_word_embeddings":true,"hidden_act":"silu","bos_token_id":1,
		"eos_token_id":[2,3],"rope_parameters":{"factor":32.0,"high_freq_factor":4.0,"low_freq_factor":1.0,
		"original_max_position_embeddings":64,"rope_type":"llama3","rope_theta":500000.0}}`
)

func TestParseConfigForms(t *testing.T) {
	want := Config{Architecture: Llama, Vocab: 100, Hidden: 32, Layers: 2, FFN: 64, MaxPositions: 128, NormEps: 1e-5,
		Heads: kernels.Heads{Query: 4, KeyValue: 2, Width: 8}, TieEmbeddings: true, BOS: []int32{1}, EOS: []int32{2, 3},
		Rope: Rope{Theta: 500000, Factor: 32, LowFreqFactor: 1, HighFreqFactor: 4, OriginalPositions: 64}}
	for name, text := range map[string]string{"old": oldConfig, "new": newConfig} {
		got, err := parseConfig([]byte(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s form: %+v, %v; expected %+v", name, got, err, want)
		}
	}
	bare := strings.NewReplacer(`"num_key_value_heads":2,`, "", `"rope_theta":500000.0,`, "", `"bos_token_id":1`, `"bos_token_id":null`,
		`"rope_type":"llama3"`, `"type":"default"`).Replace(oldConfig)
	got, err := parseConfig([]byte(bare))
	if err != nil || got.Heads.KeyValue != 4 || got.Rope != (Rope{Theta: 10000}) || len(got.BOS) != 0 {
		t.Errorf("defaults: %+v, %v", got, err)
	}
}

func TestParseConfigRefusesByName(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		{"LlamaForCausalLM", "Gemma3ForCausalLM", "Gemma3ForCausalLM"},
		{"LlamaForCausalLM", "Gemma3ForCausalLM", "LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM"},
		{"LlamaForCausalLM", "MistralForCausalLM", "a sliding window (sliding_window is missing"},
		{`LlamaForCausalLM"],`, `MistralForCausalLM"],"sliding_window":64,`, "sliding_window 64"},
		{`LlamaForCausalLM"],`, `Qwen3ForCausalLM"],"attention_bias":true,`, "attention_bias"},
		{`"silu"`, `"gelu"`, `hidden_act "gelu"`},
		{`"vocab_size"`, `"attention_bias":true,"vocab_size"`, "attention_bias"},
		{`"vocab_size"`, `"mlp_bias":true,"vocab_size"`, "mlp_bias"},
		{`"vocab_size"`, `"use_sliding_window":true,"vocab_size"`, "use_sliding_window"},
		{`"vocab_size"`, `"layer_types":["full_attention","sliding_attention"],"vocab_size"`, "layer_types[1]"},
		{`"vocab_size"`, `"partial_rotary_factor":0.5,"vocab_size"`, "partial_rotary_factor 0.5"},
		{`"vocab_size"`, `"quantization_config":{"bits":4},"vocab_size"`, "quantization_config"},
		{`"llama3"`, `"yarn"`, `rope type "yarn"`},
		{`"factor":32.0,`, ``, "without factor"},
		{`:100`, `:"x"`, "vocab_size"},
		{`"bos_token_id":1`, `"bos_token_id":1.5`, "bos_token_id"},
	} {
		text := strings.Replace(newConfig, tt.old, tt.new, 1)
		if _, err := parseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s for %s: %v, expected mention of %s", tt.new, tt.old, err, tt.want)
		}
	}
}

func TestConfigWriteRead(t *testing.T) {
	scaled := tinyConfig(Llama)
	scaled.Rope = Rope{Theta: 500000, Factor: 32, LowFreqFactor: 1, HighFreqFactor: 4, OriginalPositions: 64}
	scaled.BOS = nil
	critic := tinyConfig(Qwen2)
	critic.ValueHead = true
	for _, want := range append(tinyConfigs(), scaled, critic) {
		dir := t.TempDir()
		if err := want.write(dir, kernels.Float32); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, ConfigFile)
		got, err := ReadConfig(path)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("read %+v, %v; wrote %+v", got, err, want)
		}
		text, _ := os.ReadFile(path)
		old := strings.Replace(string(text), `"rope_parameters"`, `"ignored"`, 1)
		if got, err := parseConfig([]byte(old)); err != nil || got.Rope != want.Rope {
			t.Errorf("as transformers 4 reads it: %+v, %v; expected %+v", got.Rope, err, want.Rope)
		}
	}
}

func TestParseConfigDefaults(t *testing.T) {
	read := func(old, new string) (Config, error) {
		return parseConfig([]byte(strings.NewReplacer("LlamaForCausalLM", "MistralForCausalLM", old, new).Replace(newConfig)))
	}
	for _, window := range []string{"null", "128", "4096"} { // 128 positions see all of each other
		c, err := read(`"head_dim":8`, `"sliding_window":`+window)
		if err != nil || c.Architecture != Mistral || c.Heads.Width != 8 {
			t.Errorf("Mistral with a window of %s: %+v, %v", window, c, err)
		}
	}
	qwen3 := strings.NewReplacer("LlamaForCausalLM", Qwen3, `"head_dim":8,`, `"sliding_window":64,"use_sliding_window":false,`).Replace(newConfig)
	if c, err := parseConfig([]byte(qwen3)); err != nil || c.Heads.Width != 128 {
		t.Errorf("Qwen3 without head_dim: %+v, %v", c, err)
	}
	ungrouped := strings.NewReplacer("LlamaForCausalLM", Qwen2, `"num_key_value_heads":2,`, "").Replace(newConfig)
	if _, err := parseConfig([]byte(ungrouped)); err == nil || !strings.Contains(err.Error(), "key/value heads is 0") {
		t.Errorf("Qwen2 without num_key_value_heads: %v", err)
	}
}

func TestReadConfigNamesFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), ConfigFile)
	if _, err := ReadConfig(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("missing file: %v", err)
	}
	os.WriteFile(path, []byte("{"), 0o644)
	if _, err := ReadConfig(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("broken file: %v", err)
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(oldConfig))
	f.Add([]byte(newConfig))
	f.Add([]byte(strings.Replace(newConfig, `LlamaForCausalLM"`, `MistralForCausalLM"],"sliding_window":null,"x":["`, 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseConfig(b)
		if err != nil {
			return
		}
		if err := c.Validate(); err != nil {
			t.Errorf("accepted a config that is invalid: %v", err)
		}
		if n := c.Layers; n < 64 && c.NumParameters() <= 0 {
			t.Errorf("%+v has %d parameters", c, c.NumParameters())
		}
	})
}
