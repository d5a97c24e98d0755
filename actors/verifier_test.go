package actors

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/reward"
	"github.com/octorl/octorl/rollout/trajectory"
)

// verifyOne gives a verifier actor a group and returns what it enqueues and logs.
func verifyOne(t *testing.T, j judges, g message.GroupCompleted) (message.GroupVerified, string) {
	t.Helper()
	system := newSystem(zerolog.Nop())
	defer system.Shutdown()
	sent := make(chan message.GroupVerified, 1)
	gateway := system.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		if m, ok := c.Message().(enqueue); ok {
			sent <- m.body.(message.GroupVerified)
		}
	}))
	var log bytes.Buffer
	v := system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor {
		return &verifier{gateway: gateway, judges: j, log: zerolog.New(&log)}
	}))
	system.Root.Send(v, delivered{lease: free{}, id: "1", body: g})
	out := <-sent
	if err := system.Root.PoisonFuture(v).Wait(); err != nil {
		t.Fatal(err)
	}
	return out, log.String()
}

func completed(stage string, texts ...string) message.GroupCompleted {
	g := message.GroupCompleted{GroupHeader: message.GroupHeader{ID: stage, Stage: stage, Step: 1}}
	g.Group.Problem.Answer = "7"
	for _, text := range texts {
		g.Group.Trajectories = append(g.Group.Trajectories, trajectory.Trajectory{Text: text})
	}
	return g
}

// TestVerifierOfTheStage judges the same text by the verifier that a stage chooses and
// by the default.
func TestVerifierOfTheStage(t *testing.T) {
	t.Parallel()
	r, err := config.Parse("tiny.yaml", []byte(strings.Replace(tiny, "    rl:\n", "    rl:\n      verifier: {mode: numeric}\n", 1)+
		"scale: {verifiers: 1}\n"))
	if err != nil {
		t.Fatal(err)
	}
	j, err := newJudges(r)
	if err != nil {
		t.Fatal(err)
	}
	got, log := verifyOne(t, j, completed("rl", "3 and 4 make 7"))
	if got.Verdicts[0].Verdict != reward.Right || log != "" {
		t.Errorf("numeric: %+v, log %q", got.Verdicts, log)
	}
	if j, err = newJudges(tinyRecipe(t)); err != nil {
		t.Fatal(err)
	}
	if got, _ := verifyOne(t, j, completed("rl", "3 and 4 make 7")); got.Verdicts[0].Verdict != reward.Unparsable {
		t.Errorf("strict: %+v", got.Verdicts)
	}
}

// broken is a verifier that never does its work.
type broken struct{}

func (broken) Verify(context.Context, trajectory.Problem, string) reward.Result {
	return reward.Result{Verdict: reward.Failed, Reason: "out of order"}
}

func TestFailedVerifierIsLogged(t *testing.T) {
	t.Parallel()
	got, log := verifyOne(t, judges{"rl": {verify: broken{}}}, completed("rl", "7", "8"))
	for _, v := range got.Verdicts {
		if v.Verdict != reward.Failed || v.Reason != "out of order" {
			t.Errorf("verdict %+v", v)
		}
	}
	if !strings.Contains(log, `"failed":2`) || !strings.Contains(log, "out of order") || !strings.Contains(log, "verifier failed") {
		t.Errorf("log %q", log)
	}
}

// stalled is a verifier outside the process that hangs on one completion until
// another has been judged.
type stalled struct{ other chan struct{} }

func (s stalled) Verify(_ context.Context, _ trajectory.Problem, completion string) reward.Result {
	if completion == "hang" {
		<-s.other
	} else {
		close(s.other)
	}
	return reward.Result{Verdict: reward.Wrong}
}

// TestHangingVerificationStallsNoOtherGroup gives a verifier a group that ends only
// when the next one has.
func TestHangingVerificationStallsNoOtherGroup(t *testing.T) {
	t.Parallel()
	system := newSystem(zerolog.Nop())
	defer system.Shutdown()
	sent := make(chan string, 2)
	gateway := system.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		if m, ok := c.Message().(enqueue); ok {
			sent <- m.id
		}
	}))
	j := judge{settings: reward.Settings{Mode: "endpoint", Deadline: time.Hour}, verify: stalled{make(chan struct{})}}
	v := system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor {
		return &verifier{gateway: gateway, judges: judges{"rl": j}, log: zerolog.Nop()}
	}))
	for _, text := range []string{"hang", "go on"} {
		system.Root.Send(v, delivered{lease: free{}, id: text, body: completed("rl", text)})
	}
	got := []string{<-sent, <-sent}
	if slices.Sort(got); !slices.Equal(got, []string{"go on", "hang"}) {
		t.Errorf("verified %q", got)
	}
}

// TestBrokenVerifierRaisesAnAlarm runs a recipe whose program ends with an error
// each time: no trajectory is called wrong, and each step says so in its metrics,
// in an event and in a message.
func TestBrokenVerifierRaisesAnAlarm(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho out of order >&2\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := tinyRecipe(t)
	rl := r.Stage("rl").RL
	rl.Verifier = config.Verifier{Mode: "program", Program: []string{program}, DeadlineSeconds: 60}
	rl.Steps, rl.EvaluateEvery = 2, 0
	dir := t.TempDir()
	o := options(t, dir)
	o.Log = zerolog.Nop()
	var one sync.Mutex
	var told []message.VerifierFailed
	o.Watch = func(body any) {
		one.Lock()
		defer one.Unlock()
		if m, ok := body.(message.VerifierFailed); ok {
			told = append(told, m)
		}
	}
	finish(t, r, o)
	d := &directory{root: dir}
	var metrics, events []int
	err := readRecord(d.metrics(), func(line []byte) error {
		if m := decodeMetrics(t, line); m.Kind == kindRL {
			metrics = append(metrics, int(m.Values["verifier_failed"]))
			if m.Values["accuracy"] != 0 || m.Values["format_rate"] != 1 || m.Values["reward"] != 0 {
				t.Errorf("a failed verification counts in %+v", m.Values)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = readRecord(d.events(), func(line []byte) error {
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		if e.Event == "verifier-failed" {
			events = append(events, e.Failed)
			if e.Judged != 24 || !strings.Contains(e.Reason, "out of order") {
				t.Errorf("event %+v", e)
			}
		}
		return nil
	})
	if want := []int{24, 24}; err != nil || !slices.Equal(metrics, want) || !slices.Equal(events, want) {
		t.Errorf("failed by metrics %v, by events %v (%v), want %v", metrics, events, err, want)
	}
	one.Lock()
	defer one.Unlock()
	if len(told) != 2 || told[1].Failed != 24 || told[1].Step != 2 {
		t.Errorf("messages %+v", told)
	}
}

// TestConfigKnowsEveryMode compares the names that recipes take with those of
// package reward.
func TestConfigKnowsEveryMode(t *testing.T) {
	t.Parallel()
	for _, mode := range append(reward.Modes(), "default", "v2.wformat", "v3.repeatpenalty", "v4.repeatpenalty") {
		key := "verifier: {mode: " + mode + map[string]string{"program": ", program: [sh]", "endpoint": ", url: 'http://localhost'"}[mode] + "}"
		if !slices.Contains(reward.Modes(), mode) {
			key = "reward: {shape: " + mode + "}"
		}
		r, err := config.Parse("tiny.yaml", []byte(strings.Replace(tiny, "    rl:\n", "    rl:\n      "+key+"\n", 1)))
		if err != nil {
			t.Errorf("%s: %v", key, err)
			continue
		}
		if _, err := newJudges(r); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		if _, err := newShapes(r); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestShapesOfARecipe(t *testing.T) {
	t.Parallel()
	r, err := config.Parse("tiny.yaml", []byte(strings.Replace(tiny, "    rl:\n", "    rl:\n      reward: {shape: v2.wformat, right: 2, unparsable: -3}\n", 1)))
	if err != nil {
		t.Fatal(err)
	}
	shapes, err := newShapes(r)
	if err != nil {
		t.Fatal(err)
	}
	for verdict, want := range map[reward.Verdict]float32{reward.Right: 2, reward.Wrong: -0.5, reward.Unparsable: -3} {
		if got, ok := shapes["rl"].Reward(verdict, `\boxed{1}`); !ok || got != want {
			t.Errorf("%v earns %v, want %v", verdict, got, want)
		}
	}
	if got, _ := shapes["rl"].Reward(reward.Right, `\boxed{1} \boxed{1}`); got != -1 {
		t.Errorf("two boxes earn %v, want -1", got)
	}
}
