package policy

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/octorl/octorl/kernels"
)

func TestInspectSound(t *testing.T) {
	p := newPolicy(t, tinyConfig(Qwen3), 41)
	dtype := dtypeNames[p.weights.Type()]
	for name, dir := range map[string]string{"one file": save(t, p), "shards": saveShards(t, p)} {
		x := Inspect(dir)
		if err := x.Fault(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(x.Config, p.cfg) {
			t.Errorf("%s: config %+v, saved %+v", name, x.Config, p.cfg)
		}
		tensors, files := 0, map[string]bool{}
		for _, f := range x.Files {
			tensors, files[f.Name] = tensors+f.Tensors, true
			info, err := os.Stat(filepath.Join(dir, f.Name))
			if err != nil || info.Size() != f.Bytes || (f.Tensors > 0) != (f.Types == dtype) {
				t.Errorf("%s: %+v, %v", name, f, err)
			}
		}
		if tensors != len(p.tensors) || !files[ConfigFile] || !files[GenerationFile] || !files[ManifestFile] {
			t.Errorf("%s: %d tensors of %d in %v", name, tensors, len(p.tensors), files)
		}
	}
}

func TestInspectReportsEveryFault(t *testing.T) {
	p := newPolicy(t, tinyConfig(Llama), 42)
	w, err := p.ReadWeights()
	if err != nil {
		t.Fatal(err)
	}
	w[p.tensors[1].Offset], w[p.tensors[2].Offset] = float32(math.NaN()), float32(math.Inf(1))
	p.SetWeights(w)
	dir := save(t, p)
	if err := os.WriteFile(filepath.Join(dir, GenerationFile), []byte(`{"eos_token_id":99}`), 0o644); err != nil {
		t.Fatal(err)
	}
	fault := Inspect(dir).Fault()
	for _, want := range []string{p.tensors[1].Name, p.tensors[2].Name, "1 values are NaN", "eos_token_id 99", GenerationFile + " differs"} {
		if fault == nil || !strings.Contains(fault.Error(), want) {
			t.Errorf("%v, expected %q", fault, want)
		}
	}
}

// A file that differs from its checksum has the fault, whatever it is of.
func TestInspectNamesDamagedFile(t *testing.T) {
	for _, name := range []string{WeightsFile, "optimizer.safetensors"} {
		dir := filepath.Join(t.TempDir(), "c")
		p := newPolicy(t, tinyConfig(Llama), 44)
		err := WriteDir(dir, func(tmp string) error {
			return errors.Join(p.Save(tmp), os.WriteFile(filepath.Join(tmp, "optimizer.safetensors"), []byte("moments"), 0o644))
		})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)-1] ^= 1 // still a finite number
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, f := range Inspect(dir).Files {
			if damaged := errors.Is(f.Fault, ErrDamaged); damaged != (f.Name == name) {
				t.Errorf("%s changed: the fault of %s is %v", name, f.Name, f.Fault)
			}
		}
	}
}

// What config.json lacks is said once.
func TestInspectWithoutConfig(t *testing.T) {
	dir := save(t, newPolicy(t, tinyConfig(Llama), 45))
	os.Remove(filepath.Join(dir, ManifestFile))
	if err := os.WriteFile(filepath.Join(dir, ConfigFile), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, f := range Inspect(dir).Files {
		if (f.Fault != nil) != (f.Name == ConfigFile) {
			t.Errorf("the fault of %s is %v", f.Name, f.Fault)
		}
	}
}

func TestInspectRefusesByName(t *testing.T) {
	p := newPolicy(t, tinyConfig(Llama), 43)
	for name, tt := range map[string]struct {
		change func(dir string)
		want   string
	}{
		"no config":   {func(dir string) { os.Remove(filepath.Join(dir, ConfigFile)) }, ConfigFile},
		"no weights":  {func(dir string) { os.Remove(filepath.Join(dir, WeightsFile)) }, "neither " + WeightsFile},
		"cut weights": {func(dir string) { os.Truncate(filepath.Join(dir, WeightsFile), 4000) }, "truncated"},
		"other shape": {func(dir string) {
			other := p.cfg
			other.Layers++
			if err := other.write(dir, kernels.Float32); err != nil {
				t.Fatal(err)
			}
		}, "model.layers.2.self_attn.q_proj.weight is missing"},
		"nothing": {func(dir string) { os.RemoveAll(dir) }, ConfigFile},
	} {
		dir := save(t, p)
		os.Remove(filepath.Join(dir, ManifestFile))
		tt.change(dir)
		if err := Inspect(dir).Fault(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, expected %q", name, err, tt.want)
		}
	}
}
