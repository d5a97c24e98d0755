package cpu

import (
	"fmt"

	"github.com/octorl/octorl/kernels"
)

// queueDepth is how many operations may wait; a caller that is further ahead
// blocks.
const queueDepth = 4096

// op is one queued operation and the buffers it writes.
type op struct {
	run    func()
	writes []*buffer
}

// graph is a recorded sequence of operations.
type graph struct{ ops []op }

// NumOps returns the number of operations recorded.
func (g *graph) NumOps() int { return len(g.ops) }

// do queues run, after which the memory of writes has new contents.
func (d *Device) do(run func(), writes ...*buffer) {
	d.submit(op{run, writes})
}

func (d *Device) submit(o op) {
	d.submitting.Lock()
	defer d.submitting.Unlock()
	if d.recording != nil {
		d.recording.ops = append(d.recording.ops, o)
		return
	}
	if d.closed {
		panic("cpu: operation on a closed device")
	}
	d.queued++
	d.ops <- o
}

// serve runs the queue until Close.
func (d *Device) serve() {
	defer close(d.drain)
	defer d.pool.stop()
	for o := range d.ops {
		fault := d.try(o)
		d.finishing.Lock()
		d.finished++
		if d.fault == nil {
			d.fault = fault
		}
		d.progress.Broadcast()
		d.finishing.Unlock()
	}
}

// try runs o unless the device has failed before. A panic (an index outside
// its table, say) becomes the device's fault.
func (d *Device) try(o op) (fault error) {
	if d.fault != nil {
		return nil
	}
	defer func() {
		if r := recover(); r != nil {
			fault = fmt.Errorf("cpu device: operation failed: %v", r)
		}
	}()
	d.perform(o)
	return nil
}

func (d *Device) perform(o op) {
	d.shared.reset()
	o.run()
	for _, b := range o.writes {
		b.mem.version++
	}
}

// refuseRecording panics when call is made inside Capture.
func (d *Device) refuseRecording(call string) {
	d.submitting.Lock()
	defer d.submitting.Unlock()
	if d.recording != nil {
		panic("cpu: " + call + " inside Capture")
	}
}

// Mark returns the present end of the queue.
func (d *Device) Mark() kernels.Mark {
	d.refuseRecording("Mark")
	d.submitting.Lock()
	defer d.submitting.Unlock()
	return d.queued
}

// Wait blocks until all work before m is done, and returns the device's first
// fault.
func (d *Device) Wait(m kernels.Mark) error {
	d.refuseRecording("Wait")
	d.finishing.Lock()
	defer d.finishing.Unlock()
	for d.finished < m {
		d.progress.Wait()
	}
	return d.fault
}

// Capture records the operations that record queues instead of running them.
func (d *Device) Capture(record func()) (kernels.Graph, error) {
	d.refuseRecording("Capture")
	g := &graph{}
	d.setRecording(g)
	defer d.setRecording(nil)
	record()
	return g, nil
}

func (d *Device) setRecording(g *graph) {
	d.submitting.Lock()
	defer d.submitting.Unlock()
	d.recording = g
}

// Replay queues the operations of g on the present contents of their buffers.
func (d *Device) Replay(g kernels.Graph) {
	ops := g.(*graph).ops
	d.do(func() {
		for _, o := range ops {
			d.perform(o)
		}
	})
}
