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
// in the order of the queue.
type scratch struct {
	at         devicePointer
	size, used int
	wanted     int             // bytes that the largest operation so far took
	old        []devicePointer // outgrown blocks that may still be in use
}

// alignment is that of scratch memory, for vector loads and tensor maps.
const alignment = 256

// scratch returns bytes of device memory, aligned to 256, of unknown contents,
// valid until the end of the public method that asks. It allocates only when an
// operation takes more than any did before.
func (d *Device) scratch(bytes int) devicePointer {
	s := &d.workspace
	bytes = (bytes + alignment - 1) &^ (alignment - 1)
	if s.used+bytes > s.size {
		d.growScratch(bytes)
	}
	p := s.at + devicePointer(s.used)
	s.used += bytes
	s.wanted = max(s.wanted, s.used)
	return p
}

// growScratch replaces the block by a larger one. The old one stays while the
// present operation may use it, and as long as the device lives once a graph
// was recorded that may contain its address. The memory comes by way of another
// stream, since this one may be recording.
func (d *Device) growScratch(bytes int) {
	s := &d.workspace
	size := s.used + bytes
	size += size / 4
	var p C.CUdeviceptr
	err := status(C.octorl_alloc_now(d.context, handle[C.CUstream](d.side), C.size_t(size), &p))
	if errors.Is(err, outOfMemory) {
		free, total := d.memory()
		err = fmt.Errorf("%d MiB wanted, %d MiB of %d MiB free: %w", size>>20, free>>20, total>>20, kernels.ErrNoMemory)
	}
	if err != nil {
		d.try("workspace", err)
		return
	}
	if s.size > 0 {
		s.old = append(s.old, s.at)
	}
	s.at, s.size, s.used = devicePointer(p), size, 0
}

// resetScratch begins a public method.
func (d *Device) resetScratch() {
	s := &d.workspace
	s.used = 0
	if len(s.old) > 0 && d.graphs == 0 && d.fault == nil {
		for _, p := range s.old {
			d.try("free workspace", d.freeQueued(p))
		}
		s.old = s.old[:0]
	}
}

// releaseScratch frees all of it when the device closes.
func (d *Device) releaseScratch() {
	s := &d.workspace
	if s.size > 0 {
		s.old = append(s.old, s.at)
	}
	for _, p := range s.old {
		d.try("free workspace", d.freeQueued(p))
	}
	*s = scratch{}
}
