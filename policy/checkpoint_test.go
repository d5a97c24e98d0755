package policy

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/octorl/octorl/kernels"
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

// halfDevice claims to compute in bfloat16, so that weights are.
type halfDevice struct{ kernels.Device }

func (d halfDevice) Info() kernels.Info {
	info := d.Device.Info()
	info.Compute = kernels.BFloat16
	return info
}

// TestSaveLoadHalves saves weights in the two bytes that their device holds of
// each, and loads the very same.
func TestSaveLoadHalves(t *testing.T) {
	p, err := New(halfDevice{openDevice(t)}, tinyConfig(Qwen3))
	if err != nil {
		t.Fatal(err)
	}
	p.Init(5)
	dir := save(t, p)
	mustLoadEqual(t, dir, p)
	f := mustOpen(t, filepath.Join(dir, WeightsFile))
	for _, name := range f.Names() {
		if e := f.tensors[name]; e.Dtype != "BF16" {
			t.Errorf("%s is of type %s", name, e.Dtype)
		}
	}
	info, err := os.Stat(filepath.Join(dir, WeightsFile))
	if err != nil {
		t.Fatal(err)
	}
	if bytes := int64(2 * p.NumParameters()); info.Size() < bytes || info.Size() > bytes+8<<10 {
		t.Errorf("%d weights take %d bytes", p.NumParameters(), info.Size())
	}
	config, err := os.ReadFile(filepath.Join(dir, ConfigFile))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(config), `"dtype": "bfloat16"`) {
		t.Errorf("the config does not say so: %s", config)
	}
}

// saveShards saves p in shards of at most 1000 weights each.
func saveShards(t *testing.T, p *Policy) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shards")
	if err := WriteDir(dir, func(tmp string) error { return p.save(tmp, int64(1000*p.weights.Type().Size())) }); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSaveShards(t *testing.T) {
	for _, cfg := range tinyConfigs() {
		p := newPolicy(t, cfg, 32)
		dir := saveShards(t, p)
		mustLoadEqual(t, dir, p)
		index, err := readIndex(dir)
		if err != nil {
			t.Fatal(err)
		}
		if bytes := p.NumParameters() * p.weights.Type().Size(); len(index.Shards) != len(p.tensors) || index.Metadata.TotalSize != int64(bytes) {
			t.Errorf("the index has %d tensors of %d bytes, the policy %d of %d", len(index.Shards), index.Metadata.TotalSize, len(p.tensors), bytes)
		}
		files, _ := filepath.Glob(filepath.Join(dir, "*.safetensors"))
		if len(files) < 3 || len(files) != len(index.files()) {
			t.Errorf("%d files, %d in the index; expected several and all", len(files), len(index.files()))
		}
		for _, file := range files {
			f := mustOpen(t, file)
			bytes := int64(0)
			for _, e := range f.tensors {
				bytes += e.Offsets[1] - e.Offsets[0]
			}
			if bytes > 4000 && len(f.tensors) > 1 {
				t.Errorf("%s has %d tensors of %d bytes together", file, len(f.tensors), bytes)
			}
		}
	}
}

func TestCutShards(t *testing.T) {
	tensors := []Tensor{{Name: "a", Shape: []int{2}}, {Name: "b", Shape: []int{1}}, {Name: "c", Shape: []int{9}}, {Name: "d", Shape: []int{1}}, {Name: "e", Shape: []int{2}}}
	var got []string
	for _, shard := range cutShards(tensors, 4, 12) {
		names := ""
		for _, x := range shard {
			names += x.Name
		}
		got = append(got, names)
	}
	if want := []string{"ab", "c", "de"}; !slices.Equal(got, want) {
		t.Errorf("shards %v, expected %v", got, want)
	}
}

func TestLoadRefusesBadIndex(t *testing.T) {
	p := newPolicy(t, tinyConfig(Qwen2), 35)
	index, err := readIndex(saveShards(t, p))
	if err != nil {
		t.Fatal(err)
	}
	first, last := index.files()[0], index.files()[len(index.files())-1]
	for name, tt := range map[string]struct {
		change func(dir string, x weightIndex) // of a sound folder and its index
		want   string
	}{
		"shard missing": {func(dir string, _ weightIndex) { os.Remove(filepath.Join(dir, last)) }, last},
		"outside":       {func(_ string, x weightIndex) { x.Shards["model.norm.weight"] = "../" + last }, `model.norm.weight is in "../` + last},
		"absolute":      {func(_ string, x weightIndex) { x.Shards["model.norm.weight"] = "/etc/passwd" }, "outside the folder"},
		"in another":    {func(_ string, x weightIndex) { x.Shards["model.norm.weight"] = first }, "tensor model.norm.weight is in " + first},
		"in none":       {func(_ string, x weightIndex) { x.Shards["ghost"] = first }, "tensor ghost is in " + first},
		"empty":         {func(_ string, x weightIndex) { clear(x.Shards) }, "weight_map is missing or empty"},
		"tensor twice": {func(dir string, _ weightIndex) {
			os.Remove(filepath.Join(dir, last))
			os.Link(filepath.Join(dir, first), filepath.Join(dir, last))
		}, "and in"},
		"shard cut":      {func(dir string, _ weightIndex) { os.Truncate(filepath.Join(dir, last), 900) }, last},
		"shard of bytes": {func(dir string, _ weightIndex) { os.WriteFile(filepath.Join(dir, last), []byte("rubbish!"), 0o644) }, last},
	} {
		dir := saveShards(t, p)
		os.Remove(filepath.Join(dir, ManifestFile)) // which would refuse any change
		x, err := readIndex(dir)
		if err != nil {
			t.Fatal(err)
		}
		tt.change(dir, x)
		if err := writeJSON(filepath.Join(dir, WeightsIndexFile), x); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(p.Device(), dir); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v, expected %q", name, err, tt.want)
		}
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
		if err := p.cfg.write(dir, kernels.Float32); err != nil {
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
