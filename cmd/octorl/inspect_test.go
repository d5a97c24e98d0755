package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octorl/octorl/policy"
)

func TestInspect(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "model")
	saveModel(t, dir)
	var out bytes.Buffer
	if err := inspect(&out, dir); err != nil {
		t.Error(err)
	}
	// Embedding and output 2·280·16; a layer: q 32·16, k and v 16·16, o 16·32, three
	// of 24·16, two norms of 16 and two of 8; the last norm 16.
	for _, want := range []string{"Qwen3ForCausalLM: 2 layers", "parameters    14448", "57.79 kB", "231.2 kB to train",
		"256 B of cache", "280 ids; 279 ends a sequence: \"<|end|>\"", "template      none", "model.safetensors       ok", "25 tensors, F32"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing", want)
		}
	}
	t.Log(out.String())
}

// TestInspectDescribesCritics looks at a checkpoint with a critic, at the critic
// alone, and at one that is damaged. Its parameters are those of TestInspect less
// the output matrix, 280·16, with a row of 16.
func TestInspectDescribesCritics(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "model")
	saveModel(t, dir)
	saveCritic(t, dir)
	weights := filepath.Join(policy.CriticDir, policy.WeightsFile)
	for of, wants := range map[string][]string{
		dir:                                  {"parameters    14448", "critic        9984 parameters, to train on; octorl export leaves it out", weights + "  ok", "critic/config.json"},
		filepath.Join(dir, policy.CriticDir): {"Qwen3ForCausalLM with a value head, a critic: 2 layers", "parameters    9984", "280 ids; no output but values"},
	} {
		var out bytes.Buffer
		if err := inspect(&out, of); err != nil {
			t.Error(err)
		}
		for _, want := range wants {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q is missing in\n%s", want, out.String())
			}
		}
	}
	path := filepath.Join(dir, weights)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 0x20 // one of a finite number's bits
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = inspect(&out, dir)
	if err == nil || strings.Count(err.Error(), weights+" differs from its checksum") != 1 || strings.Count(out.String(), weights) != 1 {
		t.Errorf("damaged: %v\n%s", err, out.String())
	}
}

func TestInspectFindsTemplates(t *testing.T) {
	for name, tt := range map[string]struct{ file, text, want string }{
		"own file":  {"chat_template.jinja", "{{ x }}", "7 bytes in chat_template.jinja, renders"},
		"in config": {policy.TokenizerConfigFile, `{"chat_template":"{{ x }}"}`, "7 bytes in tokenizer_config.json, renders"},
		"refusing":  {"chat_template.jinja", "{{ raise_exception('no system') }}", "34 bytes in chat_template.jinja; a lone question it refuses: the chat template refuses the conversation: no system"},
		"null":      {policy.TokenizerConfigFile, `{"chat_template":null}`, "none"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, tt.file), []byte(tt.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := describeTemplate(dir); err != nil || got != tt.want {
			t.Errorf("%s: %q, %v; expected %q", name, got, err, tt.want)
		}
	}
}

func TestInspectReportsFaults(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "model")
	saveModel(t, dir)
	for file, text := range map[string]string{"tokenizer.json": "{", policy.TokenizerConfigFile: "{", policy.GenerationFile: "["} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	err := inspect(&out, dir)
	for _, want := range []string{"tokenizer.json", policy.TokenizerConfigFile, policy.GenerationFile, "differs from its checksum"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, expected %q", err, want)
		}
	}
	if !strings.Contains(out.String(), "FAULT") || !strings.Contains(out.String(), "tokenizer     not usable") {
		t.Errorf("no fault in\n%s", out.String())
	}
}
