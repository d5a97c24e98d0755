package actors

import (
	"context"
	"errors"
	"fmt"
	"strconv"
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

// enqueue asks the gateway to put a message in a queue; id makes it count once:
// the group's for a request, the id of the delivery it follows from otherwise.
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

// flush asks the gateway for a flushed once what it was asked before is out.
type (
	flush   struct{}
	flushed struct{}
)

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
	lease
	id   string // names the message in its queue
	body any
}

// lease is the hold on a delivery; see bus.Delivery.
type lease interface {
	Ack() error
	Nak(delay time.Duration) error
	Extend() error
	Term(reason string) error
}

// gateway joins mailboxes and bus: it wraps what actors send into envelopes and
// unwraps what queues deliver. It owns the pumps, which are the only readers of
// queues in a process.
type gateway struct {
	run, node string
	recipe    string // digest of the run's
	leads     bool   // the run, so that what is foreign here is foreign everywhere
	bus       *bus.Bus
	log       zerolog.Logger
	ctx       context.Context
	cancel    context.CancelFunc
	pumps     map[string]*pump
	self      *actor.PID
	boss      *actor.PID
	launch    string // of this process: what is asked for again gets a new id
}

// pump reads a queue on a goroutine of its own, as far as credit allows.
type pump struct {
	credit chan int
	done   chan struct{}
}

func newGateway(w *crew) *gateway {
	ctx, cancel := context.WithCancel(context.Background())
	return &gateway{
		run: w.run, node: w.node, recipe: w.materials.digest, leads: w.workshop != nil, bus: w.bus, log: w.log,
		ctx: ctx, cancel: cancel, pumps: map[string]*pump{}, launch: strconv.FormatInt(time.Now().UnixNano(), 36),
	}
}

// Receive implements actor.Actor.
func (g *gateway) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		g.self, g.boss = c.Self(), c.Parent()
	case enqueue:
		g.onEnqueue(c, m)
	case announce:
		g.onAnnounce(m)
	case flush:
		c.Respond(flushed{})
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
	if err := g.bus.Enqueue(ctx, subject, g.queueID(m), data); err != nil {
		if g.ctx.Err() != nil || g.hopeless(c.ActorSystem().Root, err) {
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

// queueID names a message for deduplication. The bus remembers ids for minutes,
// so a resumed run that asks for a group again needs another. What follows from
// a request has the request's id as its own, whichever node sends it.
func (g *gateway) queueID(m enqueue) string {
	if m.verb == queueRequested {
		return m.id + "." + g.launch
	}
	return m.id + "." + m.verb
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

// hopeless reports whether trying again cannot help against err, which then ends
// the run here.
func (g *gateway) hopeless(root *actor.RootContext, err error) bool {
	if !errors.Is(err, bus.ErrStoreFull) && !errors.Is(err, bus.ErrTooLarge) {
		return false
	}
	root.Send(g.boss, failed{actor: nameOf(g.self), err: err})
	return true
}

// recover waits a moment after a failed pull. A bus that was restarted has lost
// the queues, so they are made again.
func (g *gateway) recover(root *actor.RootContext, verb string, err error) {
	if g.hopeless(root, err) {
		g.cancel()
		return
	}
	g.log.Warn().Err(err).Str("queue", verb).Msg("pull failed, trying again")
	select {
	case <-time.After(time.Second):
	case <-g.ctx.Done():
		return
	}
	if err := openQueues(g.bus, g.run); err != nil {
		g.log.Debug().Err(err).Msg("queues not opened")
	}
}

// pull moves up to credit deliveries from a queue to an actor and returns how
// many were moved. What cannot be decoded is terminated: it would fail for ever.
func (g *gateway) pull(root *actor.RootContext, m take, credit int) int {
	filter := bus.Subject(g.run, "group", m.verb, m.instance)
	got, err := g.bus.Pull(g.ctx, bus.Store(g.run, m.verb), m.instance, filter, credit, time.Second)
	if err != nil && g.ctx.Err() == nil {
		g.recover(root, m.verb, err)
	}
	moved := 0
	for _, d := range got {
		_, body, err := message.Decode(d.Data)
		if errors.Is(err, message.ErrNewerVersion) || errors.Is(err, message.ErrUnknownKind) {
			g.log.Error().Err(err).Str("subject", d.Subject).Msg("message left to a newer node")
			_ = d.Nak(time.Second)
			continue
		}
		if err != nil {
			g.log.Error().Err(err).Str("subject", d.Subject).Msg("message dropped")
			_ = d.Term(err.Error())
			continue
		}
		if h, ok := headerOf(body); ok && d.Exhausted() && m.verb != queueVerified {
			g.cancelGroup(root, d, h)
			continue
		} else if ok && h.Recipe != g.recipe {
			g.refuse(root, d, m.verb)
			continue
		}
		root.Send(m.to, delivered{lease: d, id: d.ID, body: body})
		moved++
	}
	return moved
}

// headerOf returns the header of a group on its way.
func headerOf(body any) (message.GroupHeader, bool) {
	m, ok := body.(interface{ Header() message.GroupHeader })
	if !ok {
		return message.GroupHeader{}, false
	}
	return m.Header(), true
}

// refuse keeps groups of another recipe out: a run of this name was started anew
// on this bus, while nodes of the former one were still there. Only who leads the
// run knows which of the two it is.
func (g *gateway) refuse(root *actor.RootContext, d bus.Delivery, verb string) {
	if g.leads {
		g.log.Debug().Str("subject", d.Subject).Msg("group of another recipe dropped")
		_ = d.Term("of another recipe")
		return
	}
	if verb != queueRequested {
		_ = d.Nak(time.Second) // until who leads the run gets it
		return
	}
	_ = d.Nak(0)
	if g.ctx.Err() == nil {
		g.cancel()
		root.Send(g.boss, failed{actor: nameOf(g.self), err: fmt.Errorf("%w: %s was started anew; start this node again", ErrOtherRecipe, g.run)})
	}
}

// cancelGroup ends a group that has failed so often that it must be at fault
// itself. Whoever asked for it is told, so that nothing waits for ever.
func (g *gateway) cancelGroup(root *actor.RootContext, d bus.Delivery, h message.GroupHeader) {
	reason := fmt.Sprintf("given up after %d deliveries", maxDeliveries)
	g.log.Error().Str("group", h.ID).Msg("group cancelled: " + reason)
	root.Send(g.self, enqueue{
		verb: queueVerified, instance: h.ReplyTo, id: d.ID,
		body: message.GroupCancelled{GroupHeader: h, Node: g.node, Reason: reason},
		then: func() { _ = d.Term(reason) },
	})
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

// clearQueues empties the queues of a run.
func clearQueues(b *bus.Bus, run string) error {
	for _, verb := range []string{queueRequested, queueCompleted, queueVerified} {
		if err := b.Purge(bus.Store(run, verb), ""); err != nil {
			return err
		}
	}
	return nil
}
