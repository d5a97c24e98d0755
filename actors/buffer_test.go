package actors

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/reward"
	"github.com/octorl/octorl/rollout/trajectory"
)

// verifiedGroup is a group of one token a trajectory, drawn by a version.
func verifiedGroup(step, slot int, version policy.Version, verdicts ...reward.Verdict) message.GroupVerified {
	v := message.GroupVerified{GroupHeader: message.GroupHeader{ID: fmt.Sprintf("rl-%d-%d", step, slot), Stage: "rl", Step: step, Slot: slot}}
	for i, verdict := range verdicts {
		v.Group.Trajectories = append(v.Group.Trajectories, trajectory.Trajectory{
			Index: i, Completion: []int32{1}, LogProbs: []float32{-1}, Versions: []policy.Version{version},
		})
		v.Verdicts = append(v.Verdicts, message.Verdict{Verdict: verdict, Reason: "of " + verdict.String()})
	}
	v.Group.ID = v.ID
	return v
}

// free is a lease of nothing.
type free struct{}

func (free) Ack() error              { return nil }
func (free) Nak(time.Duration) error { return nil }
func (free) Extend() error           { return nil }
func (free) Term(string) error       { return nil }

// gather sends bodies to a buffer with an open batch and returns the batches it
// makes of them.
func gather(t *testing.T, open openBatch, bodies ...any) []batchReady {
	t.Helper()
	system := newSystem(zerolog.Nop())
	defer system.Shutdown()
	ready := make(chan batchReady, 4)
	collect := func(c actor.Context) {
		if m, ok := c.Message().(batchReady); ok {
			ready <- m
		}
	}
	nobody := system.Root.Spawn(actor.PropsFromFunc(func(actor.Context) {}))
	open.shape = reward.TextShape{Shape: reward.DefaultShape()}
	open.to = system.Root.Spawn(actor.PropsFromFunc(collect))
	buffer := system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor { return newBuffer(nobody) }))
	system.Root.Send(buffer, open)
	for _, body := range bodies {
		system.Root.Send(buffer, delivered{lease: free{}, body: body})
	}
	if err := system.Root.PoisonFuture(buffer).Wait(); err != nil {
		t.Fatal(err)
	}
	if err := system.Root.PoisonFuture(open.to).Wait(); err != nil {
		t.Fatal(err)
	}
	close(ready)
	var out []batchReady
	for b := range ready {
		out = append(out, b)
	}
	return out
}

// TestBufferCountsEveryGroupOnce repeats, reorders and mixes groups of other
// steps and stale versions in: the batch has each slot once, in order.
func TestBufferCountsEveryGroupOnce(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var bodies []any
	for slot := range 5 {
		g := verifiedGroup(4, slot, 3, reward.Right, reward.Wrong, reward.Unparsable, reward.Failed)
		bodies = append(bodies, g, g, verifiedGroup(3, slot, 3, reward.Right), verifiedGroup(4, slot, 2, reward.Right))
	}
	bodies = append(bodies, message.GroupCancelled{GroupHeader: message.GroupHeader{ID: "rl-4-5", Stage: "rl", Step: 4, Slot: 5}})
	rng.Shuffle(len(bodies), func(i, j int) { bodies[i], bodies[j] = bodies[j], bodies[i] })

	batches := gather(t, openBatch{stage: "rl", step: 4, groups: 6, version: 3}, bodies...)
	if len(batches) != 1 || len(batches[0].groups) != 5 {
		t.Fatalf("batches %+v, want one of five groups", batches)
	}
	b := batches[0]
	for slot, g := range b.groups {
		if want := fmt.Sprintf("rl-4-%d", slot); g.Group.ID != want || g.Group.Trajectories[0].Versions[0] != 3 {
			t.Errorf("slot %d holds %s of version %d, want %s of version 3", slot, g.Group.ID, g.Group.Trajectories[0].Versions[0], want)
		}
		if r := g.Rewards; r[0] != 1 || r[1] != -1 || r[2] != -1 || g.Counted[3] {
			t.Errorf("slot %d: rewards %v, counted %v", slot, g.Rewards, g.Counted)
		}
	}
	want := batchStats{right: 5, wrong: 5, unparsable: 5, failed: 5, cancelled: 1, tokens: 20, failure: "of failed"}
	if b.stats != want {
		t.Errorf("stats %+v, want %+v", b.stats, want)
	}
}

// TestBufferWaits makes no batch while a slot is missing.
func TestBufferWaits(t *testing.T) {
	if got := gather(t, openBatch{stage: "rl", step: 1, groups: 2, version: 0}, verifiedGroup(1, 1, 0, reward.Right)); len(got) != 0 {
		t.Errorf("a batch with a slot missing: %+v", got)
	}
}
