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

// shardBytes is the most bytes of tensors in one file that Save writes; a tensor
// that is larger has a file of its own.
const shardBytes = 5_000_000_000

// weightIndex is WeightsIndexFile.
type weightIndex struct {
	Metadata struct {
		TotalSize int64 `json:"total_size"` // bytes of all tensors
	} `json:"metadata"`
	Shards map[string]string `json:"weight_map"` // file by tensor
}

// parseIndex reads an index. Its shards lie in the folder.
func parseIndex(b []byte) (weightIndex, error) {
	var index weightIndex
	if err := json.Unmarshal(b, &index); err != nil {
		return index, err
	}
	if len(index.Shards) == 0 {
		return index, errors.New("weight_map is missing or empty")
	}
	for _, tensor := range slices.Sorted(maps.Keys(index.Shards)) {
		if shard := index.Shards[tensor]; !filepath.IsLocal(shard) {
			return index, fmt.Errorf("weight_map: %s is in %q, which lies outside the folder", tensor, shard)
		}
	}
	return index, nil
}

// files returns the names of the shards.
func (x weightIndex) files() []string { return slices.Compact(slices.Sorted(maps.Values(x.Shards))) }

// weightFiles are the open files of a checkpoint by the tensors they hold.
type weightFiles map[string]*TensorFile

// openWeights opens the one file or all shards of dir.
func openWeights(dir string) (weightFiles, error) {
	files := weightFiles{}
	if err := files.openAll(dir); err != nil {
		files.close()
		return nil, err
	}
	return files, nil
}

func (w weightFiles) openAll(dir string) error {
	single := filepath.Join(dir, WeightsFile)
	if _, err := os.Stat(single); !errors.Is(err, fs.ErrNotExist) {
		return w.open(single)
	}
	index, err := readIndex(dir)
	if err != nil {
		return err
	}
	for _, name := range index.files() {
		if err := w.open(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	for _, tensor := range slices.Sorted(maps.Keys(index.Shards)) {
		shard := index.Shards[tensor]
		if f := w[tensor]; f == nil || f.file.Name() != filepath.Join(dir, shard) {
			return fmt.Errorf("%s: weight_map says that tensor %s is in %s, which does not hold it", WeightsIndexFile, tensor, shard)
		}
	}
	return nil
}

// readIndex returns the index of dir.
func readIndex(dir string) (weightIndex, error) {
	b, err := os.ReadFile(filepath.Join(dir, WeightsIndexFile))
	if errors.Is(err, fs.ErrNotExist) {
		return weightIndex{}, fmt.Errorf("neither %s nor %s is there: not a checkpoint folder, or weights of another format, which transformers' save_pretrained turns into safetensors",
			WeightsFile, WeightsIndexFile)
	}
	if err != nil {
		return weightIndex{}, err
	}
	index, err := parseIndex(b)
	if err != nil {
		return index, fmt.Errorf("read %s: %w", WeightsIndexFile, err)
	}
	return index, nil
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
			faults = append(faults, fmt.Errorf("tensor %s has no place in a %s", name, cfg.class()))
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

// writeWeights writes tensors of type t, whose values lie in arena, into dir: as
// WeightsFile, or where they take more than limit bytes as shards with their
// WeightsIndexFile.
func writeWeights(dir string, tensors []Tensor, arena []float32, t kernels.Type, limit int64) error {
	size := int64(t.Size())
	shards := cutShards(tensors, size, limit)
	if len(shards) == 1 {
		return writeTensorFile(filepath.Join(dir, WeightsFile), tensors, arena, t)
	}
	index := weightIndex{Shards: map[string]string{}}
	for i, shard := range shards {
		name := fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, len(shards))
		if err := writeTensorFile(filepath.Join(dir, name), shard, arena, t); err != nil {
			return err
		}
		for _, x := range shard {
			index.Shards[x.Name] = name
			index.Metadata.TotalSize += size * int64(x.numElements())
		}
	}
	return writeJSON(filepath.Join(dir, WeightsIndexFile), index)
}

// cutShards cuts tensors of elements of so many bytes, in their order, into runs
// of at most limit bytes.
func cutShards(tensors []Tensor, element, limit int64) [][]Tensor {
	var shards [][]Tensor
	from, bytes := 0, int64(0)
	for i, t := range tensors {
		size := element * int64(t.numElements())
		if i > from && bytes+size > limit {
			shards = append(shards, tensors[from:i])
			from, bytes = i, 0
		}
		bytes += size
	}
	return append(shards, tensors[from:])
}

// writeJSON writes v as an indented JSON file.
func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
