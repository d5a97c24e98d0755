package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/internal/progress"
)

// framesPerSecond is how often a terminal's view is drawn.
const framesPerSecond = 6

// view shows a run on standard error: the live display, or log lines.
type view struct {
	log     zerolog.Logger
	display *progress.Display // nil where log lines are wanted
	cancel  context.CancelFunc
}

// openView returns the view of a run. format is "" for the display, or that of
// the log.
func openView(r *config.Recipe, format string) *view {
	if format != "" {
		return &view{log: newLog(format, os.Stderr), cancel: func() {}}
	}
	d := progress.New(os.Stderr, progress.Options{
		Title: r.Name, Stages: stagesOf(r), Terminal: progress.Detect(os.Stderr, os.Getenv),
	})
	ctx, cancel := context.WithCancel(context.Background())
	ticks := time.NewTicker(time.Second / framesPerSecond)
	go func() {
		defer ticks.Stop()
		d.Follow(ctx, ticks.C)
	}()
	return &view{log: newLog("text", d).Level(zerolog.WarnLevel), display: d, cancel: cancel}
}

// close leaves the last frame on the terminal.
func (v *view) close() {
	v.cancel()
	if v.display != nil {
		v.display.Close()
	}
}

// stagesOf weighs the stages of a recipe by the work in them: the tokens that
// pass through the policy, sampled ones counted half again for decoding.
func stagesOf(r *config.Recipe) []progress.Stage {
	var stages []progress.Stage
	for _, s := range r.Stages {
		weight := float64(s.NumTrainTokens()) + 0.75*float64(s.MaxCompletionTokens())
		stages = append(stages, progress.Stage{Name: s.Name, Weight: weight})
	}
	return stages
}

// handle shows one message of the run.
func (v *view) handle(body any) {
	switch m := body.(type) {
	case message.MetricsReported:
		v.onMetrics(m)
	case message.SampleReported:
		v.onSample(m)
	case message.StageReported:
		v.onStage(m)
	}
}

// watched shows one message of a run whose log is elsewhere.
func (v *view) watched(body any) {
	if m, ok := body.(message.VerifierFailed); ok {
		v.log.Warn().Str("stage", m.Stage).Int("step", m.Step).Int("failed", m.Failed).Int("trajectories", m.Judged).
			Str("reason", m.Reason).Msg("verifier failed: these trajectories are left out")
	}
	v.handle(body)
}

// joinable shows how nodes join, above the display.
func (v *view) joinable(url string) {
	command := "octorl node --nats " + url
	if v.display == nil {
		v.log.Info().Str("command", command).Msg("nodes can join")
		return
	}
	fmt.Fprintln(v.display, "nodes join with: "+command)
}

// reach shows whether the run's bus is within reach.
func (v *view) reach(reached bool) {
	if reached {
		v.log.Warn().Msg("the run is back")
	} else {
		v.log.Warn().Msg("the run is out of reach; waiting for it, an interrupt ends this")
	}
}

func (v *view) onMetrics(m message.MetricsReported) {
	if v.display == nil {
		v.logMetrics(m)
		return
	}
	if accuracy, ok := m.Values["heldout_accuracy"]; ok {
		v.display.Evaluated(m.Stage, m.Step, accuracy)
		return
	}
	v.display.Step(progress.Step{
		Stage: m.Stage, Step: m.Step, NumSteps: m.NumSteps,
		TokensPerSecond: m.Values["tokens_per_second"], Metrics: shown(m.Values),
	})
}

// shownMetrics are the metrics of the display, in order, with their formats.
var shownMetrics = []struct{ name, label, format string }{
	{"loss", "loss", "%.3f"}, {"reward", "reward", "%+.2f"}, {"accuracy", "accuracy", "%.2f"},
	{"value_loss", "value loss", "%.3f"}, {"explained_variance", "explained", "%.2f"},
	{"format_rate", "format", "%.2f"}, {"length", "length", "%.0f"}, {"entropy", "entropy", "%.2f"},
}

func shown(values map[string]float64) []progress.Metric {
	var out []progress.Metric
	_, rl := values["reward"]
	for _, m := range shownMetrics {
		if x, ok := values[m.name]; ok && !(rl && m.name == "loss") {
			out = append(out, progress.Metric{Name: m.label, Text: fmt.Sprintf(m.format, x)})
		}
	}
	return out
}

func (v *view) logMetrics(m message.MetricsReported) {
	e := v.log.Info().Str("run", m.Run).Str("stage", m.Stage).Int("step", m.Step).Int("of", m.NumSteps)
	for name, x := range m.Values {
		e = e.Float64(name, x)
	}
	e.Msg(m.Kind + " step")
}

func (v *view) onSample(m message.SampleReported) {
	if v.display == nil {
		return
	}
	v.display.Sample(progress.Sample{
		Question: strings.TrimSpace(m.Question), Completion: strings.TrimSpace(m.Completion), Right: m.Reward > 0, Verdict: m.Verdict,
	})
}

func (v *view) onStage(m message.StageReported) {
	if v.display == nil {
		v.log.Info().Str("stage", m.Stage).Int("step", m.Step).Msg("stage " + string(m.State))
		return
	}
	if m.State == message.Finished {
		v.display.Finish(m.Stage, "")
	}
}
