// Package cpu implements kernels.Device on the processor's own cores, in
// float32: the reference that every other device is compared with.
//
// Buffers and operations enter through kernels.Device; the same leave. The
// package knows nothing of networks. Read Device and queue.go for how calls
// become work, then matmul.go for the order in which sums are formed: every
// output element of every product is one chain of multiply-adds, ascending in
// the reduced index, whatever the number of rows, threads or blocks. The
// vector routines exist in assembly for AVX2 with FMA, the dearest of them for
// AVX-512 too, which gives the same results bit for bit, and in portable Go
// (portable.go); the choice is made when the program starts (tile_amd64.go).
package cpu

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/octorl/octorl/kernels"
)

// Config configures Open.
type Config struct {
	// Threads is the number of workers; 0 means GOMAXPROCS. Results do not
	// depend on it.
	Threads int
}

// Device is a kernels.Device on the processor's cores. One goroutine runs the
// queue in order and shares out each operation among Threads workers.
type Device struct {
	pool  *pool
	ops   chan op
	drain chan struct{} // closed when the queue's goroutine has ended

	submitting sync.Mutex // guards queued, recording, closed and sends to ops
	queued     kernels.Mark
	recording  *graph
	closed     bool

	finishing sync.Mutex // guards finished and fault
	progress  *sync.Cond
	finished  kernels.Mark
	fault     error

	shared scratch // memory of the operation that runs
	ropes  ropeTable
}

// Open starts a device. Close must be called to end its goroutines.
func Open(c Config) *Device {
	threads := c.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	d := &Device{pool: newPool(threads), ops: make(chan op, queueDepth), drain: make(chan struct{})}
	d.progress = sync.NewCond(&d.finishing)
	go d.serve()
	return d
}

// Info returns the description of the device.
func (d *Device) Info() kernels.Info {
	threads := len(d.pool.workers)
	return kernels.Info{
		Name:    fmt.Sprintf("cpu (%s, %d threads)", vectorName(), threads),
		Kind:    vectorKind(),
		Compute: kernels.Float32,
		Threads: threads,
	}
}

// Close waits for queued work and ends the device's goroutines. It returns the
// device's first fault.
func (d *Device) Close() error {
	d.submitting.Lock()
	if !d.closed {
		d.closed = true
		close(d.ops)
	}
	d.submitting.Unlock()
	<-d.drain
	d.finishing.Lock()
	defer d.finishing.Unlock()
	return d.fault
}
