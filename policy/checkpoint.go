package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/octorl/octorl/kernels"
)

const (
	// WeightsFile is the name of the file that holds a checkpoint's weights.
	WeightsFile = "model.safetensors"
	// WeightsIndexFile is the name of the file that says, for a checkpoint in
	// several files, which holds what.
	WeightsIndexFile = "model.safetensors.index.json"
)

// Save waits for queued work and writes the policy into the existing folder dir
// in the Hugging Face layout: ConfigFile and, in F32, WeightsFile. Tied
// embeddings are written once. Call it inside WriteDir's fill: by itself it is
// neither atomic nor synced.
func (p *Policy) Save(dir string) error {
	w, err := p.ReadWeights()
	if err != nil {
		return err
	}
	if err := p.cfg.write(dir); err != nil {
		return err
	}
	return WriteTensorFile(filepath.Join(dir, WeightsFile), p.tensors, w)
}

// Load reads a policy from a folder in the Hugging Face layout, of ours or of
// the hub: ConfigFile, and WeightsFile or WeightsIndexFile with its shards, in
// F32, F16 or BF16. Where the folder has a ManifestFile, VerifyDir comes first,
// and its ErrDamaged is returned. A tensor that is missing, of the wrong shape,
// or of no use to the architecture is refused by name. Free releases the
// policy.
func Load(dev kernels.Device, dir string) (*Policy, error) {
	p, err := load(dev, dir)
	if err != nil {
		return nil, fmt.Errorf("load policy from %s: %w", dir, err)
	}
	return p, nil
}

func load(dev kernels.Device, dir string) (*Policy, error) {
	if err := restoreAside(filepath.Clean(dir)); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, ManifestFile)); err == nil {
		if err := VerifyDir(dir); err != nil {
			return nil, err
		}
	}
	cfg, err := ReadConfig(filepath.Join(dir, ConfigFile))
	if err != nil {
		return nil, err
	}
	files, err := openWeights(dir)
	if err != nil {
		return nil, err
	}
	defer files.close()
	// Checked before anything is allocated, so that a config that promises more
	// than the files hold costs no memory.
	if err := files.check(cfg); err != nil {
		return nil, err
	}
	p, err := New(dev, cfg)
	if err != nil {
		return nil, err
	}
	if err := p.readWeights(files); err != nil {
		p.Free()
		return nil, err
	}
	return p, nil
}

func (p *Policy) readWeights(files weightFiles) error {
	var scratch []float32
	for _, t := range p.tensors {
		n := t.numElements()
		scratch = slices.Grow(scratch[:0], n)[:n]
		if err := files[t.Name].ReadFloat32(t.Name, scratch, t.Shape); err != nil {
			return err
		}
		p.dev.Upload(p.weights.Slice(t.Offset, t.Offset+n), scratch)
	}
	return p.dev.Wait(p.dev.Mark())
}

// weightFiles are the open files of a checkpoint by the tensors they hold.
type weightFiles map[string]*TensorFile

// openWeights opens the one file or all shards of dir.
func openWeights(dir string) (weightFiles, error) {
	names := []string{WeightsFile}
	if _, err := os.Stat(filepath.Join(dir, WeightsFile)); errors.Is(err, fs.ErrNotExist) {
		b, err := os.ReadFile(filepath.Join(dir, WeightsIndexFile))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("neither %s nor %s: not a checkpoint folder", WeightsFile, WeightsIndexFile)
		}
		if err != nil {
			return nil, err
		}
		if names, err = parseIndex(b); err != nil {
			return nil, fmt.Errorf("read %s: %w", WeightsIndexFile, err)
		}
	}
	files := weightFiles{}
	for _, name := range names {
		if err := files.open(filepath.Join(dir, name)); err != nil {
			files.close()
			return nil, err
		}
	}
	return files, nil
}

// parseIndex returns the names of the shards that an index lists. What each
// holds is read from the shards themselves.
func parseIndex(b []byte) ([]string, error) {
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(b, &index); err != nil {
		return nil, err
	}
	names := slices.Compact(slices.Sorted(maps.Values(index.WeightMap)))
	for _, name := range names {
		if !filepath.IsLocal(name) {
			return nil, fmt.Errorf("shard %q lies outside the folder", name)
		}
	}
	return names, nil
}

func (w weightFiles) open(path string) error {
	f, err := OpenTensorFile(path)
	if err != nil {
		return err
	}
	for _, name := range f.Names() {
		if other, twice := w[name]; twice {
			f.Close()
			return fmt.Errorf("tensor %s is in %s and in %s", name, other.file.Name(), path)
		}
		w[name] = f
	}
	if len(f.tensors) == 0 { // nobody would close it
		f.Close()
	}
	return nil
}

// check compares the tensors' names, types and shapes with those that cfg calls
// for, and returns all faults joined.
func (w weightFiles) check(cfg Config) error {
	var faults []error
	wanted := map[string]bool{}
	for _, t := range cfg.tensors() {
		wanted[t.Name] = true
		f := w[t.Name]
		if f == nil {
			faults = append(faults, fmt.Errorf("tensor %s is missing", t.Name))
		} else if _, err := f.expect(t.Name, t.Shape); err != nil {
			faults = append(faults, fmt.Errorf("tensor %s of %s: %w", t.Name, f.file.Name(), err))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w)) {
		if !wanted[name] && !redundant(name, cfg) {
			faults = append(faults, fmt.Errorf("tensor %s has no place in a %s", name, cfg.Architecture))
		}
	}
	return errors.Join(faults...)
}

// redundant reports whether a tensor follows from others: old checkpoints hold
// rotary frequencies, and some a copy of tied embeddings.
func redundant(name string, cfg Config) bool {
	return strings.HasSuffix(name, ".rotary_emb.inv_freq") || (cfg.TieEmbeddings && name == "lm_head.weight")
}

func (w weightFiles) close() {
	for _, f := range w {
		f.Close() // read only; a second close of a shard does no harm
	}
}
