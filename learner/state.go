package learner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
)

const (
	// OptimizerFile is the name of the safetensors file that holds the moments,
	// and the master weights where there are any: tensors m.NAME, v.NAME and
	// master.NAME for each tensor NAME of the policy.
	OptimizerFile = "optimizer.safetensors"
	// CountersFile is the name of the file that holds Counters as JSON.
	CountersFile = "counters.json"
)

// Counters say how far training has come.
type Counters struct {
	Step    int   `json:"step"`    // steps finished
	Tokens  int64 `json:"tokens"`  // tokens trained on
	Updates int64 `json:"updates"` // updates the optimizer applied
}

// SaveState waits for queued work and writes what a trainer needs besides the
// weights into the existing folder dir: OptimizerFile and CountersFile. Updates
// are o's, whatever c says. Call it inside policy.WriteDir's fill, next to
// Policy.Save: by itself it is neither atomic nor synced.
func SaveState(dir string, o *Optimizer, c Counters) error {
	parts := []statePart{{"m", o.m}, {"v", o.v}}
	if o.ownsMaster() {
		parts = append(parts, statePart{"master", o.master})
	}
	n := o.policy.NumParameters()
	arena := make([]float32, len(parts)*n)
	var tensors []policy.Tensor
	dev := o.policy.Device()
	for i, part := range parts {
		dev.Download(arena[i*n:(i+1)*n], part.buffer)
		tensors = append(tensors, part.tensors(o.policy, i*n)...)
	}
	if err := dev.Wait(dev.Mark()); err != nil {
		return fmt.Errorf("read optimizer state: %w", err)
	}
	if err := policy.WriteTensorFile(filepath.Join(dir, OptimizerFile), tensors, arena); err != nil {
		return err
	}
	c.Updates = o.updates
	b, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode counters: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, CountersFile), append(b, '\n'), 0o644)
}

// LoadState reads what SaveState wrote into o, whose policy has the same shape
// and its weights already, and returns the counters. Training goes on from
// there bit for bit. Checksums are not looked at: see policy.VerifyDir. On an
// error o is not to be used.
//
// Master weights are read where the folder has them, also on a device that
// computes in float32: they then replace the policy's rounded ones.
func LoadState(dir string, o *Optimizer) (Counters, error) {
	c, err := readCounters(filepath.Join(dir, CountersFile))
	if err != nil {
		return Counters{}, err
	}
	f, err := policy.OpenTensorFile(filepath.Join(dir, OptimizerFile))
	if err != nil {
		return Counters{}, err
	}
	defer f.Close()
	parts := []statePart{{"m", o.m}, {"v", o.v}}
	master := statePart{"master", o.master}
	if slices.Contains(f.Names(), master.tensors(o.policy, 0)[0].Name) {
		parts = append(parts, master)
	}
	for _, part := range parts {
		if err := part.read(f, o.policy); err != nil {
			return Counters{}, err
		}
	}
	o.updates = c.Updates
	return c, nil
}

func readCounters(path string) (Counters, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Counters{}, fmt.Errorf("read counters: %w", err)
	}
	var c Counters
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return Counters{}, fmt.Errorf("read counters %s: %w", path, err)
	}
	if c.Step < 0 || c.Tokens < 0 || c.Updates < 0 {
		return Counters{}, fmt.Errorf("read counters %s: %+v has a negative number", path, c)
	}
	return c, nil
}

// statePart is one of the optimizer's arenas, laid out as the weights are.
type statePart struct {
	name   string
	buffer kernels.Buffer
}

// tensors returns the plan of the part where it begins at offset.
func (s statePart) tensors(p *policy.Policy, offset int) []policy.Tensor {
	tensors := slices.Clone(p.Tensors())
	for i := range tensors {
		tensors[i].Name = s.name + "." + tensors[i].Name
		tensors[i].Offset += offset
	}
	return tensors
}

func (s statePart) read(f *policy.TensorFile, p *policy.Policy) error {
	arena := make([]float32, p.NumParameters())
	tensors := s.tensors(p, 0)
	for i, t := range tensors {
		end := len(arena)
		if i+1 < len(tensors) {
			end = tensors[i+1].Offset
		}
		if err := f.ReadFloat32(t.Name, arena[t.Offset:end], t.Shape); err != nil {
			return err
		}
	}
	p.Device().Upload(s.buffer, arena)
	return nil
}
