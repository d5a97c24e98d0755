package actors

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/rollout"
)

// terms is a lease that remembers why it was terminated.
type terms struct {
	free
	reasons chan string
}

func (l terms) Term(reason string) error { l.reasons <- reason; return nil }

// TestRolloutWithoutWeights gives a rollout requests whose weights cannot be had.
// Where the learner is out of reach they go back into the queue under new ids,
// which leaves the attempts at the group uncounted; where it has moved on they
// end; and the rollout draws again.
func TestRolloutWithoutWeights(t *testing.T) {
	t.Parallel()
	m, err := newMaterials(tinyRecipe(t), filepath.Join(t.TempDir(), "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	requests := m.groupRequests(standing{stage: "rl", step: 0})[:3]
	requests[2].Version = 1
	p, err := policy.New(options(t, "").Device, m.config)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := rollout.New(p, m.engineConfig(p.Device().Info()))
	if err != nil {
		t.Fatal(err)
	}
	system := newSystem(zerolog.Nop())
	defer system.Shutdown()
	asked := make(chan any, 16)
	gateway := system.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch m := c.Message().(type) {
		case enqueue, grant:
			asked <- m
		}
	}))
	weights := func(_ context.Context, at standing) error {
		if at.step == 1 {
			return errObsolete
		}
		return errors.New("out of reach")
	}
	rollout := system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor {
		return &rolloutActor{node: "n", gateway: gateway, engine: engine, weights: weights, credit: 3, log: zerolog.Nop()}
	}))
	reasons := make(chan string, 3)
	for _, q := range requests {
		system.Root.Send(rollout, delivered{lease: terms{reasons: reasons}, id: "delivery of " + q.ID, body: q})
	}
	ids, credit := map[string]string{}, 0
	for len(ids) < 2 || credit < 3 {
		switch m := (<-asked).(type) {
		case enqueue:
			ids[m.id] = m.body.(message.GroupRequested).ID
			if m.verb != queueRequested || m.instance != instanceRollout || strings.HasPrefix(m.id, "delivery") {
				t.Errorf("handed back to %s of %s as %s", m.verb, m.instance, m.id)
			}
		case grant:
			credit += m.credit
		}
	}
	for id, group := range ids {
		if group != requests[0].ID && group != requests[1].ID {
			t.Errorf("group %s handed back as %s", group, id)
		}
	}
	if reason := <-reasons; !strings.Contains(reason, "elsewhere") || len(reasons) > 0 || credit != 3 {
		t.Errorf("terminated for %q, %d more, credit %d", reason, len(reasons), credit)
	}
	if err := system.Root.StopFuture(rollout).Wait(); err != nil {
		t.Fatal(err)
	}
}
