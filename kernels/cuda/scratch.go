//go:build cuda

package cuda

// #include "driver.h"
import "C"

import (
	"errors"
	"fmt"

	"github.com/octorl/octorl/kernels"
)

// scratch is device memory for what an operation needs besides its buffers.
// Each public method starts with all of it, which is right because kernels run
// in the order of the queue. Blocks stay where they are as long as the device
// lives, since recorded graphs contain their addresses.
type scratch struct {
	blocks []scratchBlock
	used   int // bytes given to the present method
	wanted int // bytes that the largest method so far took
}

type scratchBlock struct {
	at         devicePointer
	size, used int
}

const (
	alignment   = 256     // of scratch memory, for vector loads and tensor maps
	scratchUnit = 2 << 20 // of blocks: what the driver gives out
)

// roundUp returns the least multiple of unit that is at least n.
func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }

// scratch returns bytes of device memory, aligned to 256, of unknown contents,
// valid until the end of the public method that asks. It allocates only what
// Reserve did not foresee.
func (d *Device) scratch(bytes int) devicePointer {
	s := &d.workspace
	bytes = roundUp(max(bytes, 1), alignment)
	s.used += bytes
	s.wanted = max(s.wanted, s.used)
	for i := range s.blocks {
		if b := &s.blocks[i]; b.size-b.used >= bytes {
			b.used += bytes
			return b.at + devicePointer(b.used-bytes)
		}
	}
	if err := d.growScratch(bytes + bytes/4); err != nil {
		d.try("workspace", err)
		return 0
	}
	b := &s.blocks[len(s.blocks)-1]
	b.used = bytes
	return b.at
}

// growScratch adds a block.
func (d *Device) growScratch(bytes int) error {
	bytes = roundUp(bytes, scratchUnit)
	at, err := d.allocBeside(bytes)
	if errors.Is(err, outOfMemory) {
		free, total := d.memory()
		err = fmt.Errorf("%d MiB wanted, %d MiB of %d MiB free: %w", bytes>>20, free>>20, total>>20, kernels.ErrNoMemory)
	}
	if err == nil {
		d.workspace.blocks = append(d.workspace.blocks, scratchBlock{at: at, size: bytes})
	}
	return err
}

// allocBeside returns memory by way of another stream than the queue's, which
// may be recording.
func (d *Device) allocBeside(bytes int) (devicePointer, error) {
	if d.fault != nil {
		return 0, d.fault
	}
	if d.plan != nil {
		return d.plan.alloc(bytes)
	}
	var p C.CUdeviceptr
	err := status(C.octorl_alloc_now(d.context, handle[C.CUstream](d.side), C.size_t(bytes), &p))
	return devicePointer(p), err
}

// Reserve sees to so many bytes of workspace, for operations to come: as many as
// Workspace told of a device on which they were planned. It returns an error
// that wraps kernels.ErrNoMemory where they cannot be had.
func (d *Device) Reserve(bytes int64) error {
	d.enter("Reserve")
	defer d.leave()
	missing := int(bytes)
	for _, b := range d.workspace.blocks {
		missing -= b.size
	}
	if missing <= 0 {
		return nil
	}
	if err := d.growScratch(missing); err != nil {
		return fmt.Errorf("reserve the kernels' workspace: %w", err)
	}
	return nil
}

// Workspace returns the bytes that the most demanding operation so far needed
// besides its buffers, in the units in which they are allocated.
func (d *Device) Workspace() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return int64(roundUp(d.workspace.wanted, scratchUnit))
}

// resetScratch begins a public method.
func (d *Device) resetScratch() {
	s := &d.workspace
	s.used = 0
	for i := range s.blocks {
		s.blocks[i].used = 0
	}
}

// releaseScratch frees all of it when the device closes.
func (d *Device) releaseScratch() {
	for _, b := range d.workspace.blocks {
		d.try("free workspace", d.freeQueued(b.at))
	}
	d.workspace = scratch{}
}
