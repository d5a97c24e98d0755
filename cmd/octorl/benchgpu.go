package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
)

// benchGPUVerb measures a GPU.
type benchGPUVerb struct {
	deviceFlag
	JSON   bool     `name:"json" help:"Print one JSON object instead of a table."`
	Only   []string `help:"Parts to run: ${enum}." enum:"kernels,train,decode" default:"kernels,train,decode"`
	Shapes []string `help:"Shapes of policies: ${enum}." enum:"tiny-10m,small-125m,llama3.2-1b,llama3.2-3b" default:"tiny-10m,small-125m,llama3.2-1b"`
	Reps   int      `help:"Repetitions of each measurement." default:"12"`
	InTurn bool     `help:"Wait for each training step before the next one is queued; a run does so only where weights are read."`
	Peer   string   `help:"A script like scripts/peers/train_torch.py, run by python3 on the same shapes for comparison." placeholder:"FILE"`
	Python string   `help:"Interpreter of the peer." default:"python3"`
}

// Help implements kong's help of a verb.
func (v *benchGPUVerb) Help() string {
	return "Each kernel is measured beside the limit of its work, the larger of its operations by the rate of a large product and its " +
		"bytes by the bandwidth of a large copy, both measured first. Training steps are whole: forward, backward, clipping and AdamW."
}

// Run implements the verb.
func (v *benchGPUVerb) Run(ctx context.Context) error {
	dev, why, err := openDevice(v.Device)
	if err != nil {
		return err
	}
	closeDevice := sync.OnceValue(dev.Close)
	defer closeDevice()
	if dev.Info().Compute == kernels.Float32 {
		return fmt.Errorf("bench gpu: there is no GPU to measure: %w", errors.Join(why, errors.New("bench cpu measures this device")))
	}
	b := &gpuBench{ctx: ctx, dev: dev, reps: max(v.Reps, 1), inTurn: v.InTurn, peer: v.Peer, python: v.Python}
	if err := b.run(v.Only, v.Shapes); err != nil {
		return fmt.Errorf("bench gpu: %w", err)
	}
	if v.Peer != "" { // which needs the memory that the device has
		if err := closeDevice(); err != nil {
			return err
		}
		if err := b.runPeers(); err != nil {
			return fmt.Errorf("bench gpu: %w", err)
		}
	}
	if v.JSON {
		return json.NewEncoder(os.Stdout).Encode(b.report)
	}
	return b.report.write(os.Stdout)
}

// gpuBench measures a device of large throughput.
type gpuBench struct {
	ctx          context.Context
	dev          kernels.Device
	reps         int
	inTurn       bool
	peer, python string
	report       gpuReport
}

// gpuReport is what octorl bench gpu prints, the form of its JSON.
type gpuReport struct {
	Device    string       `json:"device"`
	Bandwidth float64      `json:"bandwidth"` // of a large copy, bytes a second, read and written
	Rate      float64      `json:"rate"`      // of a large product, operations a second
	Kernels   []kernelRate `json:"kernels,omitempty"`
	Steps     []stepRate   `json:"steps,omitempty"`
	Decoding  []decodeRate `json:"decoding,omitempty"`
}

// kernelRate is one operation beside its limit.
type kernelRate struct {
	Shape   string  `json:"shape"`
	Name    string  `json:"name"`
	Micros  float64 `json:"microseconds"` // median
	Low     float64 `json:"low"`          // quartiles
	High    float64 `json:"high"`
	TFLOPs  float64 `json:"tflops,omitempty"`
	TBs     float64 `json:"terabytes,omitempty"`
	OfLimit float64 `json:"of_limit"`
}

func (b *gpuBench) run(only, shapes []string) error {
	b.report.Device = b.dev.Info().Name
	var err error
	if b.report.Bandwidth, b.report.Rate, err = deviceLimits(b.dev); err != nil {
		return err
	}
	if err := b.reserve(only, shapes); err != nil {
		return err
	}
	parts := []struct {
		name string
		run  func(shape gpuShape) error
	}{{"kernels", b.kernels}, {"train", b.training}, {"decode", b.decoding}}
	for _, part := range parts {
		if !slices.Contains(only, part.name) {
			continue
		}
		for _, shape := range gpuShapes() {
			if !slices.Contains(shapes, shape.name) {
				continue
			}
			if err := part.run(shape); err != nil {
				return fmt.Errorf("%s of %s: %w", part.name, shape.name, err)
			}
		}
	}
	return nil
}

// reserve sees to the workspace of the most demanding training step, in one piece.
func (b *gpuBench) reserve(only, shapes []string) error {
	most := new(memoryEstimate)
	for _, s := range gpuShapes() {
		if !slices.Contains(only, "train") || !slices.Contains(shapes, s.name) {
			continue
		}
		e, err := trainingMemory(b.dev.Info(), s.config, s.tokens())
		if err != nil {
			return err
		}
		if e.workspace > most.workspace {
			most = e
		}
	}
	return most.reserve(b.dev)
}

// gpuShape is a policy and the batch that it is measured with.
type gpuShape struct {
	name                string
	config              policy.Config
	sequence, sequences int // of a training step
}

func (s gpuShape) tokens() int { return s.sequence * s.sequences }

// gpuShapes are shapes of Llama's kind that other systems are measured with too.
func gpuShapes() []gpuShape {
	shape := func(name string, layers, hidden, heads, kv, ffn, vocab, sequence, sequences int) gpuShape {
		return gpuShape{name, policy.Config{
			Architecture: policy.Llama, Vocab: vocab, Hidden: hidden, Layers: layers, FFN: ffn,
			Heads:        kernels.Heads{Query: heads, KeyValue: kv, Width: hidden / heads},
			MaxPositions: max(sequence, 1024), NormEps: 1e-5, Rope: policy.Rope{Theta: 500000}, TieEmbeddings: true,
		}, sequence, sequences}
	}
	return []gpuShape{
		shape("tiny-10m", 6, 320, 5, 5, 864, 4096, 512, 256),
		shape("small-125m", 12, 768, 12, 12, 2048, 32768, 2048, 64),
		shape("llama3.2-1b", 16, 2048, 32, 8, 8192, 128256, 4096, 8),
		shape("llama3.2-3b", 28, 3072, 24, 8, 8192, 128256, 4096, 4),
	}
}

// seconds returns the times of b.reps runs of work, ascending, after one that
// does not count. work ends with all it queued done.
func (b *gpuBench) seconds(work func() error) ([]float64, error) {
	var times []float64
	for i := range b.reps + 1 {
		if err := b.ctx.Err(); err != nil {
			return nil, err
		}
		start := time.Now()
		if err := work(); err != nil {
			return nil, err
		}
		if i > 0 {
			times = append(times, time.Since(start).Seconds())
		}
	}
	slices.Sort(times)
	return times, nil
}

// write prints the report as tables.
func (r *gpuReport) write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(format string, args ...any) { fmt.Fprintf(t, format+"\t\n", args...) }
	fmt.Fprintf(w, "%s: copies %.2f TB/s, multiplies %.0f TFLOP/s in bfloat16\n", r.Device, r.Bandwidth/1e12, r.Rate/1e12)
	if len(r.Kernels) > 0 {
		fmt.Fprintln(w)
		line("shape\tkernel\tmicroseconds\tquartiles\tTFLOP/s\tTB/s\tof limit")
		for _, k := range r.Kernels {
			line("%s\t%s\t%.1f\t%.1f … %.1f\t%s\t%s\t%.2f", k.Shape, k.Name, k.Micros, k.Low, k.High, rate(k.TFLOPs), rate(k.TBs), k.OfLimit)
		}
		t.Flush()
	}
	if len(r.Steps) > 0 {
		fmt.Fprintln(w)
		line("training step\ttokens\tmilliseconds\tquartiles\ttokens/s\tof product rate\tpeak GiB\tby driver\tforetold\tpeer tokens/s\tours by peer's")
		for _, s := range r.Steps {
			line("%s\t%d×%d\t%.2f\t%.2f … %.2f\t%.0f\t%.3f\t%.2f\t%.2f\t%.2f\t%s\t%s", s.Shape, s.Sequences, s.Sequence, s.Millis, s.Low, s.High,
				s.Tokens, s.OfRate, s.PeakGiB, s.Occupied, s.Foretold, rate(s.PeerTokens), rate(s.Ratio))
		}
		t.Flush()
	}
	if len(r.Decoding) > 0 {
		fmt.Fprintln(w)
		line("decoding\tsequences\tprompt + drawn\ttokens/s\tmilliseconds a step\tof limit")
		for _, d := range r.Decoding {
			line("%s\t%d\t%d + %d\t%.0f\t%.3f\t%.3f", d.Shape, d.Sequences, d.Prompt, d.Drawn, d.Tokens, d.StepMillis, d.OfLimit)
		}
	}
	return t.Flush()
}

// rate formats a number, or nothing where it is unknown.
func rate(x float64) string {
	if x == 0 {
		return ""
	}
	return strings.TrimSuffix(fmt.Sprintf("%.4g", x), ".")
}
