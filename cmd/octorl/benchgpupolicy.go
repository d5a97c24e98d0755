package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/octorl/octorl/learner"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/rollout"
	"github.com/octorl/octorl/rollout/trajectory"
)

// stepRate is a whole training step.
type stepRate struct {
	Shape      string  `json:"shape"`
	Sequence   int     `json:"sequence"` // tokens
	Sequences  int     `json:"sequences"`
	Millis     float64 `json:"milliseconds"` // median
	Low        float64 `json:"low"`          // quartiles
	High       float64 `json:"high"`
	Tokens     float64 `json:"tokens_per_second"`
	OfRate     float64 `json:"of_rate"`      // operations a second by the rate of a large product
	PeakGiB    float64 `json:"peak_gib"`     // of buffers and workspace, of the process so far
	Occupied   float64 `json:"occupied_gib"` // of the device's memory, as its driver says
	Foretold   float64 `json:"foretold_gib"` // for the second, by the estimate of octorl explain
	Loss       float64 `json:"loss"`
	PeerTokens float64 `json:"peer_tokens_per_second,omitempty"`
	Ratio      float64 `json:"ratio,omitempty"` // ours by the peer's
}

// decodeRate is the drawing of completions.
type decodeRate struct {
	Shape      string  `json:"shape"`
	Sequences  int     `json:"sequences"`
	Prompt     int     `json:"prompt"` // tokens
	Drawn      int     `json:"drawn"`
	Tokens     float64 `json:"tokens_per_second"`
	StepMillis float64 `json:"step_milliseconds"`
	OfLimit    float64 `json:"of_limit"` // bytes of weights and keys a step by the bandwidth of a copy
}

// memoryMeter is a device that knows how much memory is in use.
type memoryMeter interface {
	Memory() (used, peak int64)
}

// withShape calls f with a fresh policy of a shape.
func (b *gpuBench) withShape(s gpuShape, f func(p *policy.Policy) error) error {
	p, err := policy.New(b.dev, s.config)
	if err != nil {
		return err
	}
	defer p.Free()
	p.Init(benchSeed)
	return f(p)
}

// training measures whole steps on random documents, as the peer does.
func (b *gpuBench) training(s gpuShape) error {
	e, err := trainingMemory(b.dev.Info(), s.config, s.tokens())
	if err != nil {
		return err
	}
	return b.withShape(s, func(p *policy.Policy) error { return b.trainingOf(s, p, e) })
}

// runPeers runs the peer on every shape that a training step was measured of.
func (b *gpuBench) runPeers() (err error) {
	for i := range b.report.Steps {
		r := &b.report.Steps[i]
		for _, s := range gpuShapes() {
			if s.name != r.Shape {
				continue
			}
			if r.PeerTokens, err = b.runPeer(s); err != nil {
				return err
			}
			r.Ratio = r.Tokens / r.PeerTokens
		}
	}
	return nil
}

func (b *gpuBench) trainingOf(s gpuShape, p *policy.Policy, e *memoryEstimate) error {
	c := learner.DefaultMidConfig()
	c.MicrobatchTokens = s.tokens()
	t, err := learner.NewMidTrainer(p, c)
	if err != nil {
		return err
	}
	defer t.Free()
	rng := newBenchRand()
	docs := make([][]int32, s.sequences)
	for i := range docs {
		docs[i] = make([]int32, s.sequence+1)
		for j := range docs[i] {
			docs[i][j] = rng.Int32N(int32(s.config.Vocab))
		}
	}
	const lr = 1e-4
	if !b.inTurn {
		if err := t.Queue(docs, lr); err != nil {
			return err
		}
	}
	var last learner.MidMetrics
	times, err := b.seconds(func() (err error) {
		if err = t.Queue(docs, lr); err == nil {
			last, err = t.Finish()
		}
		return err
	})
	if err == nil && !b.inTurn {
		last, err = t.Finish()
	}
	if err != nil {
		return err
	}
	median := quantileOf(times, 0.5)
	r := stepRate{
		Shape: s.name, Sequence: s.sequence, Sequences: s.sequences, Loss: last.Loss,
		Millis: 1e3 * median, Low: 1e3 * quantileOf(times, 0.25), High: 1e3 * quantileOf(times, 0.75),
		Tokens: float64(s.tokens()) / median,
	}
	r.OfRate = r.Tokens * trainFLOPs(s.config, s.sequence) / b.report.Rate
	if m, ok := b.dev.(memoryMeter); ok {
		_, peak := m.Memory()
		r.PeakGiB = float64(peak) / (1 << 30)
	}
	r.Foretold = float64(e.total()) / (1 << 30)
	if o, ok := b.dev.(occupant); ok {
		r.Occupied = float64(o.Occupied()) / (1 << 30)
	}
	b.report.Steps = append(b.report.Steps, r)
	return nil
}

// runPeer runs the peer's script on a shape and returns its tokens a second.
func (b *gpuBench) runPeer(s gpuShape) (float64, error) {
	args := []string{filepath.Base(b.peer), "--impl", "lean", "--shape", s.name, "--seq", strconv.Itoa(s.sequence), "--batch", strconv.Itoa(s.sequences),
		"--steps", strconv.Itoa(b.reps), "--peak", fmt.Sprintf("%g", b.report.Rate)}
	peer := exec.CommandContext(b.ctx, b.python, args...)
	peer.Dir = filepath.Dir(b.peer)
	peer.Stderr = os.Stderr
	out, err := peer.Output()
	if err != nil {
		return 0, fmt.Errorf("run the peer %s: %w", b.peer, err)
	}
	for line := range bytes.Lines(out) {
		var r struct {
			Tokens float64 `json:"tokens_per_s"`
		}
		if json.Unmarshal(line, &r) == nil && r.Tokens > 0 {
			return r.Tokens, nil
		}
	}
	return 0, fmt.Errorf("run the peer %s: %w", b.peer, errors.New("it printed no tokens_per_s"))
}

// decodings are the sizes that decoding is measured at.
var decodings = []struct{ sequences, prompt, drawn int }{{1, 128, 128}, {128, 256, 256}, {512, 128, 128}}

// decoding measures an engine from prompts to completions.
func (b *gpuBench) decoding(s gpuShape) error {
	return b.withShape(s, func(p *policy.Policy) error {
		for _, d := range decodings {
			drawn := 0
			times, err := b.seconds(func() (err error) {
				drawn, err = b.draw(p, d.sequences, d.prompt, d.drawn)
				return err
			})
			if err != nil {
				return err
			}
			median := quantileOf(times, 0.5)
			c := s.config
			cached := float64(d.sequences) * (float64(d.prompt) + float64(d.drawn)/2) * float64(4*c.Layers*c.Heads.KeyValue*c.Heads.Width)
			r := decodeRate{Shape: s.name, Sequences: d.sequences, Prompt: d.prompt, Drawn: d.drawn, Tokens: float64(drawn) / median,
				StepMillis: 1e3 * median / float64(d.drawn)}
			r.OfLimit = (2*productWeights(c) + cached) / b.report.Bandwidth * 1e3 / r.StepMillis
			b.report.Decoding = append(b.report.Decoding, r)
		}
		return nil
	})
}

// draw draws one completion for each of so many random prompts and returns the
// number of tokens drawn.
func (b *gpuBench) draw(p *policy.Policy, sequences, prompt, drawn int) (int, error) {
	c := rollout.Default()
	c.Rows, c.PromptTokens, c.SequenceTokens = sequences, sequences*prompt, prompt+drawn
	c.Seed, c.Decode = benchSeed, func([]int32) string { return "" }
	e, err := rollout.New(p, c)
	if err != nil {
		return 0, err
	}
	defer e.Free()
	rng := newBenchRand()
	tokens := 0
	var failed error
	for i := range sequences {
		ids := make([]int32, prompt)
		for j := range ids {
			ids[j] = rng.Int32N(int32(p.Config().Vocab))
		}
		err := e.Submit(rollout.Request{
			ID: strconv.Itoa(i), Prompt: ids, Samples: 1, MaxTokens: drawn, Temperature: 1,
			Done: func(g trajectory.Group, err error) {
				for _, t := range g.Trajectories {
					tokens += len(t.Completion)
				}
				if err != nil {
					failed = err
				}
			},
		})
		if err != nil {
			return 0, err
		}
	}
	e.Drain()
	if err := e.Run(b.ctx); err != nil {
		return 0, err
	}
	return tokens, failed
}
