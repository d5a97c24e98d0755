package learner

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
)

// trainSteps makes steps from to to on batches that depend on the step alone.
func trainSteps(t *testing.T, trainer *MidTrainer, from, to int) {
	t.Helper()
	for step := from; step <= to; step++ {
		r := rand.New(rand.NewPCG(9, uint64(step)))
		if _, err := trainer.Step(randomDocs(r, 6), 0.003); err != nil {
			t.Fatal(err)
		}
	}
}

func saveCheckpoint(t *testing.T, dir string, p *policy.Policy, o *Optimizer, c Counters) {
	t.Helper()
	err := policy.WriteDir(dir, func(tmp string) error {
		if err := p.Save(tmp); err != nil {
			return err
		}
		return SaveState(tmp, o, c)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Six steps give the same weights, bit for bit, as three, a checkpoint, and
// three more in a new trainer, also where the optimizer has master weights.
func TestResumedTrainingIsBitEqual(t *testing.T) {
	dev := newDevice(t)
	devices := map[string]kernels.Device{"float32": dev, "master weights": masterDevice{dev}}
	if dev.Info().Compute != kernels.Float32 {
		devices = map[string]kernels.Device{"its own master weights": dev}
	}
	for name, dev := range devices {
		t.Run(name, func(t *testing.T) { resume(t, dev) })
	}
}

func resume(t *testing.T, dev kernels.Device) {
	through := newTiny(t, dev)
	trainSteps(t, newMid(t, through, midConfig(30)), 1, 6)

	stopped := newTiny(t, dev)
	first := newMid(t, stopped, midConfig(30))
	trainSteps(t, first, 1, 3)
	dir := filepath.Join(t.TempDir(), "step-3")
	saveCheckpoint(t, dir, stopped, first.Optimizer(), Counters{Step: 3, Tokens: 99})

	resumed, err := policy.Load(dev, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(resumed.Free)
	second := newMid(t, resumed, midConfig(30))
	if second.Optimizer().ownsMaster() {
		dev.Fill(second.Optimizer().master, 0) // the checkpoint's weights alone do not give them
	}
	c, err := LoadState(dir, second.Optimizer())
	if err != nil {
		t.Fatal(err)
	}
	if want := (Counters{Step: 3, Tokens: 99, Updates: 3}); c != want {
		t.Errorf("counters %+v, want %+v", c, want)
	}
	trainSteps(t, second, 4, 6)
	if got, want := digest(t, resumed), digest(t, through); got != want {
		t.Errorf("resumed training ends at digest %.12s, uninterrupted at %.12s", got, want)
	}
}

func TestLoadStateNamesWhatIsWrong(t *testing.T) {
	p := newTiny(t, newDevice(t))
	trainer := newMid(t, p, midConfig(30))
	for _, c := range []struct {
		name, file, content, want string
	}{
		{"no counters", CountersFile, "", CountersFile},
		{"unknown counter", CountersFile, `{"epoch": 1}`, "epoch"},
		{"negative counter", CountersFile, `{"step": -1}`, "negative"},
		{"no moments", OptimizerFile, "", OptimizerFile},
		{"damaged moments", OptimizerFile, "x", OptimizerFile},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			saveCheckpoint(t, dir, p, trainer.Optimizer(), Counters{})
			path := filepath.Join(dir, c.file)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if c.content != "" {
				if err := os.WriteFile(path, []byte(c.content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := LoadState(dir, trainer.Optimizer()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}
