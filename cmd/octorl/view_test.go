package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/internal/progress"
)

// shownView returns a view on a terminal of 80 columns, and what it writes.
func shownView() (*view, *bytes.Buffer) {
	out := new(bytes.Buffer)
	d := progress.New(out, progress.Options{
		Title: "toy", Stages: []progress.Stage{{Name: "text", Weight: 1}, {Name: "rl", Weight: 1}},
		Terminal: progress.Terminal{Interactive: true, Size: func() (int, int) { return 80, 24 }},
	})
	return &view{display: d, log: newLog("text", d), cancel: func() {}}, out
}

// TestJoinCommandStaysAboveTheDisplay wants the command before the frame in one
// write, so that no later frame is drawn over it.
func TestJoinCommandStaysAboveTheDisplay(t *testing.T) {
	v, out := shownView()
	v.display.Draw()
	out.Reset()
	v.joinable("nats://10.0.0.5:4222")
	command, frame := strings.Index(out.String(), "nodes join with: octorl node --nats nats://10.0.0.5:4222\n"), strings.LastIndex(out.String(), "toy")
	if command < 0 || frame < command {
		t.Errorf("wrote %q, want the command and then the frame", out)
	}
}

func TestJoinCommandInTheLog(t *testing.T) {
	var out bytes.Buffer
	v := &view{log: newLog("json", &out)}
	v.joinable("nats://h:1")
	var line struct{ Command string }
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Command != "octorl node --nats nats://h:1" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

// TestCriticIsShown wants what the critic reports within 80 columns.
func TestCriticIsShown(t *testing.T) {
	v, out := shownView()
	v.handle(message.MetricsReported{Stage: "rl", Kind: "rl", Step: 3, NumSteps: 9, Values: map[string]float64{
		"reward": -0.5, "accuracy": 0.25, "value_loss": 0.1234, "explained_variance": 0.5, "format_rate": 1, "length": 100, "entropy": 1,
	}})
	v.display.Draw()
	if want := "reward -0.50  accuracy 0.25  value loss 0.123  explained 0.50"; !strings.Contains(out.String(), want) {
		t.Errorf("wrote %q, want %q in it", out, want)
	}
}

// TestSampleShowsItsVerdict has a verdict that is neither right nor wrong.
func TestSampleShowsItsVerdict(t *testing.T) {
	v, out := shownView()
	v.handle(message.SampleReported{Stage: "rl", Question: "2 + 2?", Completion: "who knows", Verdict: "unparsable"})
	v.display.Draw()
	if !strings.Contains(out.String(), "unparsable") || strings.Contains(out.String(), "wrong") {
		t.Errorf("wrote %q", out)
	}
}

func TestStageFinishedBefore(t *testing.T) {
	v, out := shownView()
	v.handle(message.StageReported{Stage: "text", State: message.Finished, Step: 12, NumSteps: 12})
	v.display.Draw()
	if !strings.Contains(out.String(), "✓ text  before") {
		t.Errorf("wrote %q", out)
	}
}
