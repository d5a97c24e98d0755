package actors

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/octorl/octorl/actors/bus"
	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/policy"
)

// Weights of other processes are pulled: a rollout that lacks a version asks for
// it on weightsSubject, the learner puts it into the object store once, and the
// answer names the object and the digest of what it holds. A run without other
// processes copies nothing.

// weightsSubject is where versions are asked for.
func weightsSubject(run string) string {
	return bus.Subject(run, "weights", "requested", instanceLearner)
}

// versionsKept is how many versions the object store holds.
const versionsKept = 2

// errObsolete says that weights will not be had, since nobody needs what would be
// drawn with them: the learner asks for groups of where it stands only.
var errObsolete = errors.New("the learner stands elsewhere")

// provideWeights asks the learner to put a version into the object store; it
// answers with a message.PolicyPublished, whose Object is empty when the policy
// stands elsewhere, or with an error.
type provideWeights struct{ at standing }

// serveWeights answers requests for weights by asking the learner.
func (h *head) serveWeights(system *actor.ActorSystem) (stop func(), err error) {
	learner := system.NewLocalPID(nodeName + "/" + instanceLearner)
	return h.bus.Respond(weightsSubject(h.recipe.Name), func(_ string, data []byte) []byte {
		_, body, err := message.Decode(data)
		q, ok := body.(message.WeightsRequested)
		if err != nil || !ok {
			return nil
		}
		at := standing{stage: q.Stage, step: int(q.Version)}
		got, err := system.Root.RequestFuture(learner, provideWeights{at: at}, leaseTime/3).Result()
		answer, ok := got.(message.PolicyPublished)
		if err != nil || !ok {
			return nil
		}
		out, err := message.Encode(message.Envelope{Sender: headName, Sent: time.Now().UnixNano()}, answer)
		if err != nil {
			return nil
		}
		return out
	})
}

// provide puts the present weights into the object store when they are those of
// at, and no step is under way that changes them. It runs on the learner's
// background, between steps.
func (w *workshop) provide(s *session, at standing) (message.PolicyPublished, error) {
	out := message.PolicyPublished{Stage: at.stage, Version: at.version(), Step: at.step}
	if s == nil || s.at() != at || s.queued > 0 {
		return out, nil
	}
	if w.provided.Object != "" && w.provided.Stage == at.stage && w.provided.Version == at.version() {
		return w.provided, nil
	}
	weights, err := w.policy.ReadWeights()
	if err != nil {
		return out, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaseTime/3)
	defer cancel()
	data, err := binary.Append(nil, binary.LittleEndian, weights)
	if err != nil {
		return out, err
	}
	name := fmt.Sprintf("%s-%d", at.stage, at.step)
	store := bus.Store(w.recipe.Name, "weights")
	if err := w.bus.PutObject(ctx, store, name, data); err != nil {
		return out, err
	}
	if err := w.bus.TrimObjects(ctx, store, versionsKept); err != nil {
		w.warn("old weights not removed from the bus", err)
	}
	out.Object, out.Bytes, out.Digest = name, int64(len(data)), policy.Digest(weights)
	w.provided = out
	return out, nil
}

// fetchWeights returns the source of weights of another process: it asks, gets
// the object, checks its digest, and sets p.
func fetchWeights(b *bus.Bus, run, node string, p *policy.Policy) weightsSource {
	return func(ctx context.Context, at standing) error {
		ask, err := message.Encode(message.Envelope{Sender: node, Sent: time.Now().UnixNano()},
			message.WeightsRequested{Stage: at.stage, Version: at.version()})
		if err != nil {
			return err
		}
		answer, err := b.Request(ctx, weightsSubject(run), ask)
		if err != nil {
			return fmt.Errorf("ask for weights of %s version %d: %w", at.stage, at.step, err)
		}
		if len(answer) == 0 {
			return fmt.Errorf("ask for weights of %s version %d: the learner could not provide them", at.stage, at.step)
		}
		_, body, err := message.Decode(answer)
		if err != nil {
			return fmt.Errorf("ask for weights of %s version %d: %w", at.stage, at.step, err)
		}
		published, ok := body.(message.PolicyPublished)
		if !ok {
			return fmt.Errorf("ask for weights of %s version %d: the answer is a %T", at.stage, at.step, body)
		}
		if published.Object == "" {
			return fmt.Errorf("weights of %s version %d: %w", at.stage, at.step, errObsolete)
		}
		return setWeights(ctx, b, run, p, published)
	}
}

func setWeights(ctx context.Context, b *bus.Bus, run string, p *policy.Policy, m message.PolicyPublished) error {
	data, err := b.GetObject(ctx, bus.Store(run, "weights"), m.Object)
	if err != nil {
		return err
	}
	weights := make([]float32, len(data)/4)
	if _, err := binary.Decode(data, binary.LittleEndian, weights); err != nil {
		return fmt.Errorf("weights %s: %w", m.Object, err)
	}
	if digest := policy.Digest(weights); digest != m.Digest || len(weights) != p.NumParameters() {
		return fmt.Errorf("weights %s: %d values of digest %.12s, expected %d of %.12s; all nodes of a run must be of one octorl version",
			m.Object, len(weights), digest, p.NumParameters(), m.Digest)
	}
	p.SetWeights(weights)
	return nil
}
