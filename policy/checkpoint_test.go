package policy

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func save(t *testing.T, p *Policy) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "checkpoint")
	if err := WriteDir(dir, p.Save); err != nil {
		t.Fatal(err)
	}
	return dir
}

func mustLoadEqual(t *testing.T, dir string, want *Policy) {
	t.Helper()
	got, err := Load(want.Device(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Free()
	if !reflect.DeepEqual(got.Config(), want.Config()) {
		t.Errorf("loaded %+v, saved %+v", got.Config(), want.Config())
	}
	g, err := got.ReadWeights()
	if err != nil {
		t.Fatal(err)
	}
	w, err := want.ReadWeights()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(g, w) {
		t.Error("loaded weights differ from the saved ones")
	}
}

func TestSaveLoad(t *testing.T) {
	for _, cfg := range tinyConfigs() {
		p := newPolicy(t, cfg, 31)
		dir := save(t, p)
		mustLoadEqual(t, dir, p)
		f, err := OpenTensorFile(filepath.Join(dir, WeightsFile))
		if err != nil {
			t.Fatal(err)
		}
		if has := slices.Contains(f.Names(), "lm_head.weight"); has == cfg.TieEmbeddings {
			t.Errorf("tied is %t, lm_head.weight is there: %t", cfg.TieEmbeddings, has)
		}
		f.Close()
	}
}

func TestLoadShards(t *testing.T) {
	p := newPolicy(t, tinyConfig(Qwen2), 32)
	dir := t.TempDir()
	if err := p.cfg.write(dir); err != nil {
		t.Fatal(err)
	}
	w, err := p.ReadWeights()
	if err != nil {
		t.Fatal(err)
	}
	half, shards, index := len(p.tensors)/2, map[string][]Tensor{}, map[string]string{}
	shards["model-00001-of-00002.safetensors"], shards["model-00002-of-00002.safetensors"] = p.tensors[:half], p.tensors[half:]
	for name, tensors := range shards {
		if err := WriteTensorFile(filepath.Join(dir, name), tensors, w); err != nil {
			t.Fatal(err)
		}
		for _, x := range tensors {
			index[x.Name] = name
		}
	}
	b, _ := json.Marshal(map[string]any{"metadata": map[string]int{"total_size": 4 * len(w)}, "weight_map": index})
	if err := os.WriteFile(filepath.Join(dir, WeightsIndexFile), b, 0o644); err != nil {
		t.Fatal(err)
	}
	mustLoadEqual(t, dir, p)
	second := slices.Sorted(maps.Keys(shards))[1]
	os.Remove(filepath.Join(dir, second))
	if _, err := Load(p.Device(), dir); err == nil || !strings.Contains(err.Error(), second) {
		t.Errorf("a shard is missing: %v", err)
	}
}

func TestLoadRefusesByName(t *testing.T) {
	p := newPolicy(t, tinyConfig(Llama), 33)
	w, err := p.ReadWeights()
	if err != nil {
		t.Fatal(err)
	}
	last := len(p.tensors) - 1
	for name, tt := range map[string]struct {
		change func(tensors []Tensor) []Tensor
		want   string // empty: loads
	}{
		"missing": {func(x []Tensor) []Tensor { return x[:last] }, "model.norm.weight is missing"},
		"shape": {func(x []Tensor) []Tensor { x[last].Shape = []int{3, 4}; return x },
			"model.norm.weight of"},
		"left over": {func(x []Tensor) []Tensor {
			return append(x, Tensor{Name: "model.layers.0.self_attn.q_norm.weight", Shape: []int{2}})
		},
			"q_norm.weight has no place"},
		"another layer": {func(x []Tensor) []Tensor {
			return append(x, Tensor{Name: "model.layers.2.mlp.up_proj.weight", Shape: []int{2}})
		},
			"model.layers.2.mlp.up_proj.weight has no place"},
		"redundant": {func(x []Tensor) []Tensor {
			return append(x, Tensor{Name: "model.layers.0.self_attn.rotary_emb.inv_freq", Shape: []int{2}}, Tensor{Name: "lm_head.weight", Shape: x[0].Shape})
		}, ""},
	} {
		dir := t.TempDir()
		if err := p.cfg.write(dir); err != nil {
			t.Fatal(err)
		}
		tensors := tt.change(slices.Clone(p.tensors))
		if err := WriteTensorFile(filepath.Join(dir, WeightsFile), tensors, w); err != nil {
			t.Fatal(err)
		}
		_, err := Load(p.Device(), dir)
		if (tt.want == "" && err != nil) || (tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), dir))) {
			t.Errorf("%s: %v, expected %q", name, err, tt.want)
		}
	}
}

func TestLoadRefusesDamage(t *testing.T) {
	p := newPolicy(t, tinyConfig(Llama), 34)
	dir := save(t, p)
	path := filepath.Join(dir, WeightsFile)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(p.Device(), dir); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), WeightsFile) {
		t.Errorf("one bit is wrong: %v", err)
	}
	if _, err := Load(p.Device(), t.TempDir()); err == nil {
		t.Error("an empty folder was loaded")
	}
}
