// Package progress shows a run in a terminal while it goes: stages, a bar, speed,
// metrics, a sample completion and the time left. Plain values enter; text
// leaves: frames that replace one another on a terminal, lines elsewhere. It
// knows nothing of actors, messages or what the metrics mean. Read Options,
// Display, Step in this order.
package progress

import (
	"context"
	"io"
	"strings"
	"sync"
	"time"
)

// Options are fixed when a Display is made.
type Options struct {
	// Title is the first word shown, e.g. the run's name.
	Title string
	// Stages are all stages of the run, in order.
	Stages []Stage
	// Terminal says what is written to and how; see Detect.
	Terminal Terminal
	// Now is the clock; default time.Now.
	Now func() time.Time
	// LineEvery is the time between lines about steps where there is no
	// terminal; default 5 s.
	LineEvery time.Duration
	// SampleEvery is how long a sample stays before the next replaces it;
	// default 5 s on a terminal and 60 s elsewhere.
	SampleEvery time.Duration
}

// Stage is a stage of a run, before it starts.
type Stage struct {
	// Name is unique in the run.
	Name string
	// Weight is the expected share of the run's time, in any unit, over 0.
	Weight float64
}

// Step is the news of a step.
type Step struct {
	// Stage names the stage, which starts with its first news.
	Stage string
	// Step is the number of finished steps, of NumSteps.
	Step, NumSteps int
	// TokensPerSecond is the speed of late; 0 is not shown.
	TokensPerSecond float64
	// Metrics are shown in their order: loss; or reward, accuracy, length,
	// entropy.
	Metrics []Metric
}

// Metric is a named value as it is shown.
type Metric struct {
	Name, Text string
}

// Sample is a completion to show.
type Sample struct {
	// Question and Completion are shown in one line each, cut to the width.
	Question, Completion string
	// Right says whether the verifier took the answer.
	Right bool
	// Verdict is the verifier's word for the answer, e.g. "unparsable"; empty for
	// right or wrong.
	Verdict string
}

// Display shows one run. Its methods may be called from any goroutine; none
// waits for anything but the write to the terminal. Errors of writing are
// ignored: a closed terminal must not stop a run.
type Display struct {
	mu     sync.Mutex
	out    io.Writer
	opt    Options
	run    run
	screen screen
	plain  plain
	closed bool
}

// New returns a display that writes to out.
func New(out io.Writer, opt Options) *Display {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.LineEvery == 0 {
		opt.LineEvery = 5 * time.Second
	}
	if opt.SampleEvery == 0 {
		opt.SampleEvery = 60 * time.Second
		if opt.Terminal.Interactive {
			opt.SampleEvery = 5 * time.Second
		}
	}
	return &Display{out: out, opt: opt, run: newRun(opt.Title, opt.Stages, opt.Now())}
}

// Step takes the news of a step. News of an unknown stage is ignored.
func (d *Display) Step(s Step) {
	d.change(func(now time.Time) string {
		if !d.run.step(s, now) {
			return ""
		}
		return d.plain.step(&d.run, now, d.opt.LineEvery)
	})
}

// Finish marks a stage as done, or as done before where it had no news. summary
// stays beside its name, e.g. "loss 2.31".
func (d *Display) Finish(stage, summary string) {
	d.change(func(now time.Time) string {
		if !d.run.finish(stage, summary, now) {
			return ""
		}
		if !d.run.stages[d.run.find(stage)].hasNews {
			summary = "before " + summary
		}
		return strings.TrimSpace(stage+" done "+summary) + "\n"
	})
}

// Evaluated shows accuracy, a share from 0 to 1, on held-out problems at a step
// of a stage.
func (d *Display) Evaluated(stage string, step int, accuracy float64) {
	d.change(func(time.Time) string {
		d.run.heldOut = heldOut{stage: stage, step: step, accuracy: accuracy}
		return stage + " " + d.run.heldOut.String() + "\n"
	})
}

// Sample shows a completion, unless the one before is too young.
func (d *Display) Sample(s Sample) {
	d.change(func(now time.Time) string {
		if !d.run.sampled.IsZero() && now.Sub(d.run.sampled) < d.opt.SampleEvery {
			return ""
		}
		d.run.sample, d.run.sampled = s, now
		return "sample: " + oneLine(s.Question) + " → " + oneLine(s.Completion) + " [" + s.verdict() + "]\n"
	})
}

// change applies a change of state, which returns the line to write where there
// is no terminal.
func (d *Display) change(apply func(now time.Time) (line string)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	line := apply(d.opt.Now())
	if line != "" && !d.opt.Terminal.Interactive && !d.closed {
		_, _ = io.WriteString(d.out, line)
	}
}

// Write puts whole lines of text, such as logs, above the display.
func (d *Display) Write(text []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.opt.Terminal.Interactive || d.closed {
		return d.out.Write(text)
	}
	_, err := d.out.Write(d.screen.above(text, d.frame()))
	return len(text), err
}

// Draw writes the frame of this moment in one write; nothing where there is no
// terminal or nothing changed.
func (d *Display) Draw() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.opt.Terminal.Interactive && !d.closed {
		d.write(d.screen.replace(d.frame()))
	}
}

// Follow calls Draw at every tick, 4 to 10 a second, until ctx is done or ticks
// is closed.
func (d *Display) Follow(ctx context.Context, ticks <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-ticks:
			if !ok {
				return
			}
			d.Draw()
		}
	}
}

// Close draws a last frame, which stays, and gives the cursor back. What comes
// after is ignored, but Write still writes.
func (d *Display) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.opt.Terminal.Interactive && !d.closed {
		d.write(d.screen.leave(d.frame()))
	}
	d.closed = true
}

// frame lays out the state of this moment for the terminal's size.
func (d *Display) frame() frame {
	columns, rows := d.opt.Terminal.Size()
	l := layout{run: &d.run, now: d.opt.Now(), paint: painter(d.opt.Terminal.Color)}
	return l.frame(columns, rows)
}

func (d *Display) write(data []byte) {
	if len(data) > 0 {
		_, _ = d.out.Write(data)
	}
}
