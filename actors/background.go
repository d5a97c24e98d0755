package actors

import (
	"github.com/asynkron/protoactor-go/actor"
)

// background runs functions one after another outside any mailbox, and sends
// what they return to an actor. It is how long work leaves an actor and comes
// back as a message. Its queue is far longer than what an owner ever has under way.
type background struct {
	jobs chan func() any
	done chan struct{}
}

func newBackground(root *actor.RootContext, to *actor.PID) *background {
	b := &background{jobs: make(chan func() any, 256), done: make(chan struct{})}
	go func() {
		defer close(b.done)
		for job := range b.jobs {
			if m := job(); m != nil {
				root.Send(to, m)
			}
		}
	}()
	return b
}

// do queues job. A nil result is not sent.
func (b *background) do(job func() any) { b.jobs <- job }

// close lets queued work finish and waits for it.
func (b *background) close() {
	close(b.jobs)
	<-b.done
}
