package policy

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCopyHubFiles(t *testing.T) {
	p := newPolicy(t, tinyConfig(Mistral), 51)
	for name, from := range map[string]string{"one file": save(t, p), "shards": saveShards(t, p)} {
		for _, file := range []string{"tokenizer.json", "chat_template.jinja", "optimizer.safetensors"} {
			if err := os.WriteFile(filepath.Join(from, file), []byte(file), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		to := t.TempDir()
		if err := CopyHubFiles(to, from); err != nil {
			t.Fatal(err)
		}
		mustLoadEqual(t, to, p)
		for file, copied := range map[string]bool{GenerationFile: true, "tokenizer.json": true, "chat_template.jinja": true,
			"optimizer.safetensors": false, TokenizerConfigFile: false, ManifestFile: false} {
			if _, err := os.Stat(filepath.Join(to, file)); (err == nil) != copied {
				t.Errorf("%s: %s is there: %t, expected %t", name, file, err == nil, copied)
			}
		}
	}
}

func TestCopyHubFilesRefuses(t *testing.T) {
	p := newPolicy(t, tinyConfig(Llama), 52)
	dir := save(t, p)
	os.Remove(filepath.Join(dir, ConfigFile))
	if err := CopyHubFiles(t.TempDir(), dir); !errors.Is(err, ErrDamaged) {
		t.Errorf("against the manifest: %v", err)
	}
	os.Remove(filepath.Join(dir, ManifestFile))
	if err := CopyHubFiles(t.TempDir(), dir); err == nil || !strings.Contains(err.Error(), ConfigFile) {
		t.Errorf("no config: %v", err)
	}
	if err := CopyHubFiles(t.TempDir(), t.TempDir()); err == nil || !strings.Contains(err.Error(), WeightsFile) {
		t.Errorf("no weights: %v", err)
	}
}

func TestWriteTokenizerConfig(t *testing.T) {
	dir := t.TempDir()
	for _, end := range []string{"<|end|>", ""} {
		if err := WriteTokenizerConfig(dir, end); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(dir, TokenizerConfigFile))
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		want := any(end)
		if end == "" {
			want = nil
		}
		if got["tokenizer_class"] != "PreTrainedTokenizerFast" || got["eos_token"] != want {
			t.Errorf("%s, expected the end token %v", b, want)
		}
	}
}
