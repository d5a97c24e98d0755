package actors

import (
	"fmt"
	"path"
	"runtime"
	"strings"

	"github.com/asynkron/protoactor-go/actor"
)

// background runs functions one after another outside any mailbox, and sends
// what they return to the actor that made it. It is how long work leaves an actor
// and comes back as a message. A function that panics ends the run like a panic
// of the actor. Its queue is far longer than what an owner ever has under way.
type background struct {
	root        *actor.RootContext
	owner, boss *actor.PID
	jobs        chan func() any
	done        chan struct{}
}

// newBackground starts the background of the actor of c.
func newBackground(c actor.Context) *background {
	b := &background{
		root: c.ActorSystem().Root, owner: c.Self(), boss: c.Parent(),
		jobs: make(chan func() any, 256), done: make(chan struct{}),
	}
	go func() {
		defer close(b.done)
		for job := range b.jobs {
			b.run(job)
		}
	}()
	return b
}

func (b *background) run(job func() any) {
	defer func() {
		if reason := recover(); reason != nil {
			b.root.Send(b.boss, failed{actor: nameOf(b.owner), err: fmt.Errorf("panic at %s: %v", panicPlace(), reason)})
		}
	}()
	if m := job(); m != nil {
		b.root.Send(b.owner, m)
	}
}

// do queues job. A nil result is not sent.
func (b *background) do(job func() any) { b.jobs <- job }

// close lets queued work finish and waits for it.
func (b *background) close() {
	close(b.jobs)
	<-b.done
}

// nameOf returns an actor's own name, without those of its parents.
func nameOf(pid *actor.PID) string { return path.Base(pid.GetId()) }

// panicPlace returns the file and line that panicked, in a function that
// recovers.
func panicPlace() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	panicked := false
	for {
		f, more := frames.Next()
		if panicked && !strings.HasPrefix(f.Function, "runtime.") || !more {
			return fmt.Sprintf("%s:%d", path.Base(f.File), f.Line)
		}
		panicked = panicked || f.Function == "runtime.gopanic"
	}
}
