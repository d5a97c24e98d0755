package policy

import (
	"slices"
	"testing"

	"github.com/octorl/octorl/kernels"
)

// replayDevice claims that replaying is cheaper, so that decoders record their
// steps.
type replayDevice struct {
	kernels.Device
	replays int
}

func (d *replayDevice) Info() kernels.Info {
	info := d.Device.Info()
	info.Replays = true
	return info
}

func (d *replayDevice) Replay(g kernels.Graph) {
	d.replays++
	d.Device.Replay(g)
}

// TestReplayedStepsDrawTheSame decodes with recorded steps and without.
func TestReplayedStepsDrawTheSame(t *testing.T) {
	lengths := []int{9, 1, 14, 5}
	p := newPolicy(t, tinyConfig(Llama), 25)
	prompt := tokens(1, 6, p.cfg.Vocab)
	want := newGroupDecoder(t, p, prompt).decode(t, 1, lengths)
	dev := &replayDevice{Device: p.dev}
	p.dev = dev
	got := newGroupDecoder(t, p, prompt).decode(t, 1, lengths)
	if dev.replays == 0 {
		t.Error("no step was replayed")
	}
	for i := range want {
		if !slices.Equal(got[i].ids, want[i].ids) || !slices.Equal(got[i].logprobs, want[i].logprobs) {
			t.Errorf("completion %d: replayed %v, called %v", i, got[i], want[i])
		}
	}
}
