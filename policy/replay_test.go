package policy

import (
	"slices"
	"testing"

	"github.com/octorl/octorl/kernels"
)

// replayDevice claims that replaying is cheaper, so that decoders and passes
// record their work, or with plain that it is not.
type replayDevice struct {
	kernels.Device
	plain   bool
	replays int
}

func (d *replayDevice) Info() kernels.Info {
	info := d.Device.Info()
	info.Replays = !d.plain
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
	device := p.dev
	p.dev = &replayDevice{Device: device, plain: true}
	prompt := tokens(1, 6, p.cfg.Vocab)
	want := newGroupDecoder(t, p, prompt).decode(t, 1, lengths)
	dev := &replayDevice{Device: device}
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

// sameShapes returns batches of 14 rows and predictions in two to four segments,
// and one of another shape.
func sameShapes(vocab int) []Batch {
	var all []Batch
	for i, lengths := range [][]int{{5, 9, 3}, {6, 4, 7}, {4, 5, 6, 3}, {16, 2}, {8, 2, 7}, {3, 14, 0}, {5, 9, 3}} {
		var docs [][]int32
		for j, n := range lengths {
			docs = append(docs, tokens(uint64(10*i+j), n, vocab))
		}
		all = append(all, PackDocuments(docs))
	}
	return all
}

// TestReplayedPassesAreTheSame trains on batches of equal shapes with recorded
// passes and without, forward and backward in one and apart.
func TestReplayedPassesAreTheSame(t *testing.T) {
	for _, cfg := range append(tinyConfigs(), wideConfig(Llama, 64)) {
		p := newPolicy(t, cfg, 26)
		device := p.dev
		run := func(dev *replayDevice) (all [][]float32) {
			p.dev = dev
			ps, g := newPass(t, p, testLimits), newGradients(t, p)
			keep := func() {
				logprob, entropy := mustRead(t, ps)
				all = append(all, logprob, entropy, readGradients(t, p, g))
			}
			for i, b := range sameShapes(cfg.Vocab) {
				coef := coefficients(uint64(i), len(b.Rows))
				ps.ForwardBackward(b, g, coef)
				keep()
				ps.Forward(b, 0.7)
				ps.Backward(g, upload(t, dev, coef), nil)
				keep()
			}
			ps.Free()
			g.Free()
			return all
		}
		want, dev := run(&replayDevice{Device: device, plain: true}), &replayDevice{Device: device}
		got := run(dev)
		if dev.replays < 9 {
			t.Errorf("%s: %d passes were replayed", cfg.Architecture, dev.replays)
		}
		for i := range want {
			if !slices.Equal(got[i], want[i]) {
				t.Errorf("%s, result %d: replayed %v, called %v", cfg.Architecture, i, got[i], want[i])
			}
		}
		p.dev = device
	}
}

// TestReplayedCriticsAreTheSame is TestReplayedPassesAreTheSame for values.
func TestReplayedCriticsAreTheSame(t *testing.T) {
	p := newPolicy(t, tinyConfig(Qwen3), 27)
	c, err := p.NewCritic()
	if err != nil {
		t.Fatal(err)
	}
	device := p.dev
	run := func(dev *replayDevice) (all [][]float32) {
		c.dev = dev
		ps, g := newPass(t, c, testLimits), newGradients(t, c)
		for i, b := range sameShapes(p.cfg.Vocab) {
			ps.Values(b)
			ps.BackwardValues(g, upload(t, dev, coefficients(uint64(i), len(b.Rows))))
			value := make([]float32, len(b.Rows))
			dev.Download(value, ps.Value)
			all = append(all, readGradients(t, c, g), value)
		}
		return all
	}
	want, dev := run(&replayDevice{Device: device, plain: true}), &replayDevice{Device: device}
	got := run(dev)
	if dev.replays < 4 {
		t.Errorf("%d passes were replayed", dev.replays)
	}
	for i := range want {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("result %d: replayed %v, called %v", i, got[i], want[i])
		}
	}
}

// TestRecordingsAreBounded runs more shapes than are kept, some more often than
// others, and counts how often the work was queued.
func TestRecordingsAreBounded(t *testing.T) {
	dev := &replayDevice{Device: openDevice(t)}
	count, one := upload(t, dev, make([]float32, 1)), upload(t, dev, []float32{1})
	shape := kernels.LinearShape{Rows: 1, In: 1, Out: 1}
	var factor kernels.Buffer
	var err error
	if factor, err = dev.Alloc(dev.Info().Compute, 1); err != nil {
		t.Fatal(err)
	}
	dev.Copy(factor, one)
	r := recordings{dev: dev}
	calls := 0
	run := func(rows int) {
		calls++
		r.run(recordedShape{rows: rows}, func() { dev.LinearGradWeight(shape, count, nil, factor, factor) })
	}
	for range 4 {
		for rows := range 2 * maxRecordings {
			run(rows)
			run(0)
		}
	}
	kept := 0
	for _, g := range r.graphs {
		if g != nil {
			kept++
		}
	}
	if kept != maxRecordings || r.kept != kept || r.graphs[recordedShape{}] == nil {
		t.Errorf("%d graphs are kept, counted as %d, the one in use among them: %t", kept, r.kept, r.graphs[recordedShape{}] != nil)
	}
	for rows := range 2 * maxShapesSeen {
		run(1000 + rows)
	}
	if len(r.graphs) > maxShapesSeen {
		t.Errorf("%d shapes are remembered", len(r.graphs))
	}
	got := make([]float32, 1)
	dev.Download(got, count)
	if err := dev.Wait(dev.Mark()); err != nil {
		t.Fatal(err)
	}
	if got[0] != float32(calls) {
		t.Errorf("the work was done %v times in %d calls", got[0], calls)
	}
}
