package actors

import (
	"context"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"github.com/octorl/octorl/actors/bus"
	"github.com/octorl/octorl/actors/message"
)

// The queues of a run. Each is one work-queue stream; its subjects' last token
// names the kind of actor that takes from it.
const (
	queueRequested = "requested"
	queueCompleted = "completed"
	queueVerified  = "verified"
)

// How long a queue waits for an ack before it delivers again, and how often it
// tries. Actors extend what they hold every third of leaseTime.
const (
	leaseTime     = 15 * time.Second
	maxDeliveries = 20
)

// enqueue asks the gateway to put a message in a queue; id makes it count once.
// then, where given, is called once the queue has it: the place to ack what the
// message came from.
type enqueue struct {
	verb, instance string
	id             string
	body           any
	then           func()
}

// announce asks the gateway to publish a message that nobody must receive.
type announce struct {
	noun, verb string
	body       any
}

// take opens a pump: deliveries of a queue go to an actor, as far as it grants
// credit.
type take struct {
	verb, instance string
	to             *actor.PID
	credit         int
}

// grant adds credit to the sender's pump.
type grant struct{ credit int }

// delivered is a message from a queue. The receiver acks it when its effect is
// done; what is not acked in leaseTime, or extended, is delivered again.
type delivered struct {
	bus.Delivery
	envelope message.Envelope
	body     any
}

// gateway joins mailboxes and bus: it wraps what actors send into envelopes and
// unwraps what queues deliver. It owns the pumps, which are the only readers of
// queues in a process.
type gateway struct {
	run, node string
	bus       *bus.Bus
	log       zerolog.Logger
	ctx       context.Context
	cancel    context.CancelFunc
	pumps     map[string]*pump
}

// pump reads a queue on a goroutine of its own, as far as credit allows.
type pump struct {
	credit chan int
	done   chan struct{}
}

func newGateway(run, node string, b *bus.Bus, log zerolog.Logger) *gateway {
	ctx, cancel := context.WithCancel(context.Background())
	return &gateway{run: run, node: node, bus: b, log: log, ctx: ctx, cancel: cancel, pumps: map[string]*pump{}}
}

// Receive implements actor.Actor.
func (g *gateway) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case enqueue:
		g.onEnqueue(c, m)
	case announce:
		g.onAnnounce(m)
	case take:
		g.onTake(c, m)
	case grant:
		if p := g.pumps[c.Sender().GetId()]; p != nil {
			p.credit <- m.credit
		}
	case *actor.Stopping:
		g.cancel()
		for _, p := range g.pumps {
			<-p.done
		}
	}
}

func (g *gateway) onEnqueue(c actor.Context, m enqueue) {
	data, err := message.Encode(g.envelope(m.id), m.body)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", m.body, err))
	}
	ctx, cancel := context.WithTimeout(g.ctx, leaseTime)
	defer cancel()
	subject := bus.Subject(g.run, "group", m.verb, m.instance)
	if err := g.bus.Enqueue(ctx, subject, m.id+"."+m.verb, data); err != nil {
		if g.ctx.Err() != nil {
			return
		}
		g.log.Warn().Err(err).Str("subject", subject).Msg("enqueue failed, trying again")
		root, self := c.ActorSystem().Root, c.Self()
		time.AfterFunc(time.Second, func() { root.Send(self, m) })
		return
	}
	if m.then != nil {
		m.then()
	}
}

func (g *gateway) onAnnounce(m announce) {
	data, err := message.Encode(g.envelope(""), m.body)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", m.body, err))
	}
	if err := g.bus.Publish(bus.Subject(g.run, m.noun, m.verb, g.node), data); err != nil {
		g.log.Debug().Err(err).Str("noun", m.noun).Msg("publish failed")
	}
}

func (g *gateway) envelope(id string) message.Envelope {
	return message.Envelope{ID: id, Sender: g.node, Sent: time.Now().UnixNano()}
}

func (g *gateway) onTake(c actor.Context, m take) {
	p := &pump{credit: make(chan int, 1024), done: make(chan struct{})}
	p.credit <- m.credit
	g.pumps[m.to.GetId()] = p
	go g.pump(c.ActorSystem().Root, p, m)
}

// pump pulls while there is credit and sends what it gets to m.to.
func (g *gateway) pump(root *actor.RootContext, p *pump, m take) {
	defer close(p.done)
	credit := 0
	for {
		if credit == 0 {
			select {
			case n := <-p.credit:
				credit += n
			case <-g.ctx.Done():
				return
			}
		}
		for more := true; more; {
			select {
			case n := <-p.credit:
				credit += n
			default:
				more = false
			}
		}
		credit -= g.pull(root, m, credit)
		if g.ctx.Err() != nil {
			return
		}
	}
}

// pull moves up to credit deliveries from a queue to an actor and returns how
// many were moved. What cannot be decoded is terminated: it would fail for ever.
func (g *gateway) pull(root *actor.RootContext, m take, credit int) int {
	filter := bus.Subject(g.run, "group", m.verb, m.instance)
	got, err := g.bus.Pull(g.ctx, bus.Store(g.run, m.verb), m.instance, filter, credit, time.Second)
	if err != nil && g.ctx.Err() == nil {
		g.log.Warn().Err(err).Str("queue", m.verb).Msg("pull failed, trying again")
		select {
		case <-time.After(time.Second):
		case <-g.ctx.Done():
		}
	}
	moved := 0
	for _, d := range got {
		env, body, err := message.Decode(d.Data)
		if err != nil {
			g.log.Error().Err(err).Str("subject", d.Subject).Msg("message dropped")
			_ = d.Term(err.Error())
			continue
		}
		root.Send(m.to, delivered{Delivery: d, envelope: env, body: body})
		moved++
	}
	return moved
}

// openQueues makes the queues of a run.
func openQueues(b *bus.Bus, run string) error {
	for _, verb := range []string{queueRequested, queueCompleted, queueVerified} {
		err := b.EnsureQueue(bus.QueueConfig{
			Name:       bus.Store(run, verb),
			Subjects:   []string{bus.Pattern(run, "group", verb, bus.Any)},
			AckWait:    leaseTime,
			MaxDeliver: maxDeliveries,
			Memory:     true,
		})
		if err != nil {
			return fmt.Errorf("open queue %s: %w", verb, err)
		}
	}
	return nil
}
