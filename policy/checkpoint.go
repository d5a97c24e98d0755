package policy

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/octorl/octorl/kernels"
)

// Save waits for queued work and writes the policy into the existing folder dir
// in the Hugging Face layout: ConfigFile, GenerationFile but of a critic and, in
// the type that the device computes in, WeightsFile, or above 5 GB shards with
// WeightsIndexFile. Tied embeddings are written once. Call it inside WriteDir's
// fill: by itself it is neither atomic nor synced. A checkpoint that
// transformers reads whole also has the tokenizer's file and that of
// WriteTokenizerConfig.
func (p *Policy) Save(dir string) error { return p.save(dir, shardBytes) }

func (p *Policy) save(dir string, limit int64) error {
	w, err := p.ReadWeights()
	if err != nil {
		return err
	}
	if err := p.cfg.write(dir, p.weights.Type()); err != nil {
		return err
	}
	if !p.cfg.ValueHead {
		if err := (Generation{EOS: p.cfg.EOS}).write(dir, p.cfg.BOS); err != nil {
			return err
		}
	}
	return writeWeights(dir, p.tensors, w, p.weights.Type(), limit)
}

// Load reads a policy from a folder in the Hugging Face layout, of ours or of
// the hub: ConfigFile, and WeightsFile or WeightsIndexFile with its shards, in
// F32, F16 or BF16. Where the folder has a ManifestFile, VerifyDir comes first,
// and its ErrDamaged is returned. A tensor that is missing, of the wrong shape,
// or of no use to the architecture is refused by name. Free releases the
// policy.
func Load(dev kernels.Device, dir string) (*Policy, error) {
	p, err := load(dev, dir, false)
	if err != nil {
		return nil, fmt.Errorf("load policy from %s: %w", dir, err)
	}
	return p, nil
}

// load reads a policy, or where values is set a critic.
func load(dev kernels.Device, dir string, values bool) (*Policy, error) {
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
	if err := cfg.requireHead(values); err != nil {
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
	for _, t := range p.tensors {
		f, at := files[t.Name], t.Offset
		e, err := f.expect(t.Name, t.Shape)
		if err == nil {
			err = f.each(e, func(values []float32) {
				p.dev.Upload(p.weights.Slice(at, at+len(values)), values)
				at += len(values)
			})
		}
		if err != nil {
			return fmt.Errorf("read tensor %s of %s: %w", t.Name, f.file.Name(), err)
		}
	}
	return p.dev.Wait(p.dev.Mark())
}
