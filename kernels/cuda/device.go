//go:build cuda

package cuda

// #include "driver.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
	"unsafe"

	"gorgonia.org/cu"

	"github.com/octorl/octorl/kernels"
)

// Device is a kernels.Device on one GPU.
//
// Its queue is one stream. A public method holds mu from enter to leave, so
// that all its kernels are queued as one and calls of several goroutines do not
// mingle; the call into the driver is made by the goroutine that calls, on
// whatever thread it runs, after making the context current there. That costs
// some 50 ns a call, where handing each call to a thread of the device's own
// would cost two switches of threads.
type Device struct {
	info     kernels.Info
	ordinal  int
	dev      cu.Device
	context  C.CUcontext
	stream   cu.Stream
	side     cu.Stream // for memory that is needed while stream records
	modules  map[string]*module
	kernels  map[string]*kernel
	args     *arguments
	maps     map[mapKey]tensorMap
	sms      int           // multiprocessors
	portable bool          // kernels are those for any card
	zeroed   devicePointer // zeroedBytes of zeros, which kernels leave zero
	eager    bool          // wait after every kernel, so that a fault has its name
	plan     *plan         // of a device that is not there; nil for one that is
	faultIn  int           // launches until one that faults on purpose; 0 for never

	mu       sync.Mutex
	op       string       // the public method that holds mu
	queued   kernels.Mark // operations queued
	finished kernels.Mark // operations known to be done
	points   []*point     // recorded marks, ascending
	spare    []cu.Event   // events for the next points
	fault    error
	closed   bool
	capture  *graph // the graph that is being recorded
	recorder int    // the thread that records it
	recorded *sync.Cond
	recent   trail

	workspace scratch
	uploads   ring
	downloads landing
}

// zeroedBytes is the size of Device.zeroed: the counters by which the blocks of
// a kernel take turns.
const zeroedBytes = 64 << 10

// Open starts the device of c. It returns ErrUnavailable where there is none.
func Open(c Config) (kernels.Device, error) {
	all, err := Devices()
	if err != nil {
		return nil, err
	}
	if c.Ordinal < 0 || c.Ordinal >= len(all) {
		return nil, fmt.Errorf("%w: cuda:%d of %d devices; octorl doctor lists them", ErrUnavailable, c.Ordinal, len(all))
	}
	about := all[c.Ordinal]
	if !about.Supported {
		return nil, fmt.Errorf("%w: the kernels of this octorl need compute capability %d.0, and cuda:%d, %s, has %s; --device cpu runs without",
			ErrUnavailable, leastCapability, c.Ordinal, about.Name, about.Capability)
	}
	d := &Device{
		ordinal:  c.Ordinal,
		sms:      about.Multiprocessor,
		portable: c.Portable || !about.Native,
		eager:    os.Getenv("OCTORL_CUDA_SYNC") != "",
		info: kernels.Info{
			Name:    fmt.Sprintf("cuda:%d (%s)", c.Ordinal, about.Name),
			Kind:    "cuda",
			Compute: kernels.BFloat16,
			Memory:  about.Memory,
			Replays: os.Getenv("OCTORL_CUDA_GRAPHS") != "off",
		},
	}
	if n, err := strconv.Atoi(os.Getenv("OCTORL_CUDA_FAULT")); err == nil {
		d.faultIn = n
	}
	if d.portable { // whose results are other bits
		d.info.Kind = "cuda-portable"
	}
	if err := d.start(); err != nil {
		return nil, fmt.Errorf("open %s: %w", d.info.Name, err)
	}
	return d, nil
}

func (d *Device) start() error {
	var err error
	if d.dev, err = cu.GetDevice(d.ordinal); err != nil {
		return err
	}
	if err := status(C.octorl_context(C.int(d.dev), &d.context)); err != nil {
		return err
	}
	if err := status(C.octorl_current(d.context)); err != nil {
		return err
	}
	unbind := d.bind()
	defer unbind()
	if d.stream, err = cu.MakeStream(cu.NonBlocking); err != nil {
		return err
	}
	if d.side, err = cu.MakeStream(cu.NonBlocking); err != nil {
		return err
	}
	if err := status(C.octorl_pool(d.context, C.int(d.dev))); err != nil {
		return err
	}
	d.recorded = sync.NewCond(&d.mu)
	d.maps = make(map[mapKey]tensorMap)
	d.args = newArguments()
	if err := d.loadModules(); err != nil {
		return err
	}
	if d.zeroed, err = d.allocQueued(zeroedBytes); err != nil {
		return err
	}
	return d.openStaging()
}

// Info returns the description of the device.
func (d *Device) Info() kernels.Info { return d.info }

// Close waits for queued work and releases everything. It returns the device's
// first fault.
func (d *Device) Close() error {
	d.lock()
	defer d.mu.Unlock()
	if d.closed || d.plan != nil {
		d.closed = true
		return d.fault
	}
	d.try("finish", status(C.octorl_drain(d.context, d.cStream())))
	d.land(d.queued)
	d.closed = true
	if d.fault == nil {
		d.closeStaging()
		d.releaseScratch()
		d.try("free the counters", d.freeQueued(d.zeroed))
	}
	d.args.free()
	return errors.Join(d.fault, d.dev.ReleasePrimaryCtx())
}

func (d *Device) cStream() C.CUstream { return handle[C.CUstream](d.stream) }

// lock takes the queue. While a graph is recorded, only the thread that records
// it gets it.
func (d *Device) lock() {
	d.mu.Lock()
	for d.capture != nil && syscall.Gettid() != d.recorder {
		d.recorded.Wait()
	}
}

// enter begins the public method named op: it takes the queue until leave.
func (d *Device) enter(op string) {
	d.lock()
	if d.closed {
		d.mu.Unlock()
		panic("cuda: " + op + " on a closed device")
	}
	d.op = op
	d.queued++
	d.resetScratch()
	if d.capture != nil {
		d.capture.ops++
	}
}

// leave ends the public method that called enter.
func (d *Device) leave() { d.mu.Unlock() }

// refuseCapture panics when the present method is called inside Capture.
func (d *Device) refuseCapture() {
	if d.capture != nil {
		panic("cuda: " + d.op + " inside Capture")
	}
}

// try makes err, of doing what, the device's fault.
func (d *Device) try(what string, err error) {
	if err != nil {
		d.fail(fmt.Errorf("%s: %w", what, err))
	}
}

// fail makes err the device's fault, if it is the first. Nothing is queued
// after it. What a kernel did wrong is told by whichever call comes next.
func (d *Device) fail(err error) {
	if d.fault == nil {
		var code driverError
		if errors.As(err, &code) && code.ofKernels() && !d.eager {
			err = fmt.Errorf("%w, in one of: %s (OCTORL_CUDA_SYNC=1 tells which)", err, d.recent.String())
		}
		d.fault = fmt.Errorf("%s: %s: %w", d.info.Name, d.op, err)
	}
}

func (d *Device) memory() (free, total uint64) {
	if d.plan != nil {
		return uint64(d.plan.all - d.plan.used), uint64(d.plan.all)
	}
	var f, t C.size_t
	if C.octorl_memory(d.context, &f, &t) != 0 {
		return 0, 0
	}
	return uint64(f), uint64(t)
}

// Memory returns the bytes that buffers, caches and workspace of this process
// occupy on the device now, and the most they ever did.
func (d *Device) Memory() (used, peak int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.plan != nil {
		return d.plan.used, d.plan.peak
	}
	var u, p C.uint64_t
	if C.octorl_pool_bytes(d.context, C.int(d.dev), &u, &p) != 0 {
		return 0, 0
	}
	return int64(u), int64(p)
}

// Occupied returns the bytes of the device's memory that the driver has given
// away: to this process, its context, kernels and graphs included, and to any
// other. What this process freed stays with it, so the number does not fall.
func (d *Device) Occupied() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	free, total := d.memory()
	return int64(total - free)
}

func (d *Device) allocQueued(bytes int) (devicePointer, error) {
	if d.plan != nil {
		return d.plan.alloc(bytes)
	}
	var p C.CUdeviceptr
	err := status(C.octorl_alloc(d.context, d.cStream(), C.size_t(bytes), &p))
	return devicePointer(p), err
}

func (d *Device) freeQueued(at devicePointer) error {
	if d.plan != nil {
		d.plan.release(at)
		return nil
	}
	return status(C.octorl_free(d.context, d.cStream(), C.CUdeviceptr(at)))
}

// pinned returns page-locked host memory, which the device reads and writes by
// itself.
func (d *Device) pinned(bytes int) ([]byte, error) {
	var p unsafe.Pointer
	if err := status(C.octorl_pinned(d.context, C.size_t(bytes), &p)); err != nil {
		return nil, fmt.Errorf("allocate %d bytes of page-locked memory: %w", bytes, err)
	}
	return unsafe.Slice((*byte)(p), bytes), nil
}

func (d *Device) unpin(b []byte) error {
	return status(C.octorl_unpin(d.context, pointer(b)))
}
