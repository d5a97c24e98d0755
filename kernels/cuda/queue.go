//go:build cuda

package cuda

// #include "driver.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"

	"gorgonia.org/cu"

	"github.com/octorl/octorl/kernels"
)

// point is a mark that was recorded on the stream.
type point struct {
	mark    kernels.Mark
	event   cu.Event
	waiters int
}

// maxPoints is how many marks may be outstanding before old ones are looked at.
const maxPoints = 64

// bind makes the context current for calls of gorgonia.org/cu, until the
// function it returns is called.
func (d *Device) bind() (unbind func()) {
	runtime.LockOSThread()
	d.try("select the device", status(C.octorl_current(d.context)))
	return runtime.UnlockOSThread
}

// Mark returns the present end of the queue.
func (d *Device) Mark() kernels.Mark {
	d.lock()
	defer d.mu.Unlock()
	d.op = "Mark"
	d.refuseCapture()
	d.mark()
	return d.queued
}

// mark records the present end of the queue, unless it is recorded already.
func (d *Device) mark() {
	if d.idle() || d.queued == d.finished {
		return
	}
	if n := len(d.points); n > 0 && d.points[n-1].mark == d.queued {
		return
	}
	if len(d.points) >= maxPoints {
		d.retire(d.reached())
	}
	if len(d.spare) == 0 {
		unbind := d.bind()
		e, err := cu.MakeEvent(cu.DisableTiming)
		unbind()
		if err != nil {
			d.try("create an event", err)
			return
		}
		d.spare = append(d.spare, e)
	}
	e := d.spare[len(d.spare)-1]
	d.spare = d.spare[:len(d.spare)-1]
	d.try("record a mark", status(C.octorl_record(d.context, handle[C.CUevent](e), d.cStream())))
	d.points = append(d.points, &point{mark: d.queued, event: e})
}

// reached returns the latest recorded mark that the device has passed.
func (d *Device) reached() kernels.Mark {
	last := d.finished
	for _, p := range d.points {
		if C.octorl_reached(d.context, handle[C.CUevent](p.event)) != 0 {
			break
		}
		last = p.mark
	}
	return last
}

// retire takes back the events of marks up to m, which is done.
func (d *Device) retire(m kernels.Mark) {
	d.finished = max(d.finished, m)
	kept := d.points[:0]
	for _, p := range d.points {
		if p.mark <= d.finished && p.waiters == 0 {
			d.spare = append(d.spare, p.event)
		} else {
			kept = append(kept, p)
		}
	}
	d.points = kept
}

// Wait blocks until all work before m is done, and returns the device's first
// fault.
func (d *Device) Wait(m kernels.Mark) error {
	d.lock()
	defer d.mu.Unlock()
	d.op = "Wait"
	d.refuseCapture()
	if !d.idle() && d.finished < m {
		d.await(m)
	}
	d.land(m)
	return d.fault
}

// await waits for m without keeping others from queueing.
func (d *Device) await(m kernels.Mark) {
	if n := len(d.points); n == 0 || d.points[n-1].mark < m {
		d.mark()
	}
	for _, p := range d.points {
		if p.mark < m {
			continue
		}
		p.waiters++
		d.mu.Unlock()
		code := C.octorl_await(d.context, handle[C.CUevent](p.event))
		d.mu.Lock()
		p.waiters--
		if code != 0 {
			d.op = "Wait"
			d.fail(driverError(code))
			return
		}
		d.retire(p.mark)
		return
	}
}

// graph is a recorded sequence of operations.
type graph struct {
	ops  int
	exec C.CUgraphExec
}

// NumOps returns the number of operations recorded.
func (g *graph) NumOps() int { return g.ops }

// Capture records the operations that record queues instead of running them.
// Calls of other goroutines wait until it is done: record keeps its thread, by
// which its own calls are known.
func (d *Device) Capture(record func()) (kernels.Graph, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	g := &graph{}
	if err := d.beginCapture(g); err != nil {
		return nil, err
	}
	recorded := false
	defer func() {
		if !recorded { // record panics: leave the stream usable
			_ = d.endCapture(g)
		}
	}()
	record()
	recorded = true
	if err := d.endCapture(g); err != nil {
		return nil, err
	}
	runtime.SetFinalizer(g, func(g *graph) { d.forget(g) })
	return g, nil
}

func (d *Device) beginCapture(g *graph) error {
	d.enter("Capture")
	defer d.leave()
	d.refuseCapture()
	if d.plan != nil {
		panic("cuda: Capture on a planned device")
	}
	if d.fault != nil {
		return d.fault
	}
	d.try("begin", status(C.octorl_capture(d.context, d.cStream())))
	d.capture, d.recorder = g, syscall.Gettid()
	return d.fault
}

func (d *Device) endCapture(g *graph) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.op = "Capture"
	d.capture = nil
	d.recorded.Broadcast()
	err := status(C.octorl_captured(d.context, d.cStream(), &g.exec))
	if errors.Is(err, outOfMemory) && d.fault == nil {
		return fmt.Errorf("%s: a graph of %d operations: %w", d.info.Name, g.ops, kernels.ErrNoMemory)
	}
	d.try("end", err)
	return d.fault
}

// forget releases the driver's copy of g, which nothing refers to any more. A
// graph that still runs is released when it has ended.
func (d *Device) forget(g *graph) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		C.octorl_forget(d.context, g.exec)
	}
}

// Replay queues the operations of g on the present contents of their buffers.
func (d *Device) Replay(g kernels.Graph) {
	d.enter("Replay")
	defer d.leave()
	d.refuseCapture()
	if d.fault != nil {
		return
	}
	d.rehearseFault()
	r := g.(*graph)
	d.recent.add(launched{kernel: "graph", grid: grid{x: r.ops}})
	d.try("queue a graph", status(C.octorl_replay(d.context, r.exec, d.cStream())))
}
