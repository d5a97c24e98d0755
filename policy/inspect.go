package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Inspection is what Inspect finds in a checkpoint folder.
type Inspection struct {
	Config     Config // zero where ConfigFile has a fault
	Generation Generation
	Files      []InspectedFile // in the order in which they were read
	Weights    error           // tensors that are missing, misplaced, or of the wrong shape
}

// InspectedFile is a file of a checkpoint and its fault.
type InspectedFile struct {
	Name    string
	Bytes   int64
	Tensors int    // 0 but in files of weights
	Types   string // of the tensors, as safetensors names them, e.g. "BF16"
	Fault   error  // nil where the file is sound
}

// Inspect reads all that a folder in the Hugging Face layout holds of a policy,
// every weight included, and reports every fault rather than the first: what
// Load refuses, and weights that are not finite. It needs no memory for the
// weights. Where the folder has a ManifestFile, each file is compared with its
// checksum.
func Inspect(dir string) Inspection {
	var x Inspection
	x.file(dir, ConfigFile, func(path string) (err error) {
		x.Config, err = ReadConfig(path)
		return err
	})
	x.Generation.EOS = x.Config.EOS
	x.optional(dir, GenerationFile, func(string) (err error) {
		x.Generation, err = ReadGeneration(dir, x.Config)
		return err
	})
	x.weights(dir)
	x.optional(dir, ManifestFile, func(string) error { return x.manifest(dir) })
	return x
}

// manifest compares the files of dir with their checksums. The fault is with the
// file that differs, one of no policy included; the manifest's own is returned.
func (x *Inspection) manifest(dir string) error {
	entries, err := readManifest(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		fault := e.verify(dir)
		i := slices.IndexFunc(x.Files, func(f InspectedFile) bool { return f.Name == filepath.FromSlash(e.name) })
		switch {
		case fault == nil:
		case i >= 0:
			x.Files[i].Fault = errors.Join(x.Files[i].Fault, fault)
		default:
			x.file(dir, e.name, func(string) error { return fault })
		}
	}
	return nil
}

// Fault returns all faults joined, or nil.
func (x Inspection) Fault() error {
	faults := []error{x.Weights}
	for _, f := range x.Files {
		faults = append(faults, f.Fault)
	}
	return errors.Join(faults...)
}

// file adds a file of dir with what check says of it.
func (x *Inspection) file(dir, name string, check func(path string) error) *InspectedFile {
	f := InspectedFile{Name: name}
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	if err == nil {
		f.Bytes = info.Size()
		err = check(path)
	}
	f.Fault = err
	x.Files = append(x.Files, f) // check may have added others
	return &x.Files[len(x.Files)-1]
}

func (x *Inspection) optional(dir, name string, check func(path string) error) {
	if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
		x.file(dir, name, check)
	}
}

// weights adds the files of weights and compares their tensors with the config.
func (x *Inspection) weights(dir string) {
	names := []string{WeightsFile}
	if _, err := os.Stat(filepath.Join(dir, WeightsFile)); errors.Is(err, fs.ErrNotExist) {
		index, err := readIndex(dir)
		if err != nil {
			x.Weights = err
			return
		}
		names = index.files()
	}
	for _, name := range names {
		x.tensors(dir, name)
	}
	if x.Fault() != nil {
		return // it would come again, or the tensors that are wanted are unknown
	}
	files, err := openWeights(dir)
	if err != nil {
		x.Weights = err
		return
	}
	defer files.close()
	x.Weights = files.check(x.Config)
}

// tensors adds a file of weights, of which it reads every value.
func (x *Inspection) tensors(dir, name string) {
	var t *TensorFile
	f := x.file(dir, name, func(path string) (err error) {
		if t, err = OpenTensorFile(path); err != nil {
			return err
		}
		return t.checkFinite()
	})
	if t == nil {
		return
	}
	defer t.Close()
	types := map[string]bool{}
	for _, e := range t.tensors {
		types[e.Dtype] = true
	}
	f.Tensors, f.Types = len(t.tensors), strings.Join(slices.Sorted(maps.Keys(types)), ", ")
}

// checkFinite reads every float tensor of at most 32 bits and reports those with
// values that are not finite.
func (t *TensorFile) checkFinite() error {
	var faults []error
	for _, name := range t.Names() {
		e, bad := t.tensors[name], 0
		if floatDecoders[e.Dtype] == nil {
			continue
		}
		err := t.each(e, func(values []float32) {
			for _, v := range values {
				if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
					bad++
				}
			}
		})
		if err == nil && bad > 0 {
			err = fmt.Errorf("%d values are NaN or infinite", bad)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("tensor %s of %s: %w", name, t.file.Name(), err))
		}
	}
	return errors.Join(faults...)
}
