//go:build cuda

package cuda

// #include "driver.h"
import "C"

import (
	"gorgonia.org/cu"

	"github.com/octorl/octorl/kernels"
)

// The sizes of page-locked memory: uploads go through numSlots slots in turn,
// downloads through one block.
const (
	slotBytes     = 8 << 20
	numSlots      = 4
	downloadBytes = 32 << 20
	stagingAlign  = 64
)

// ring is the staging memory of uploads. A slot is filled by one upload after
// the other, and used again when the device has passed its event.
type ring struct {
	block  []byte
	events [numSlots]cu.Event
	filled [numSlots]bool // the event has been recorded
	slot   int
	used   int
}

// pending is a piece of a download that is on its way to staging memory.
type pending struct {
	mark kernels.Mark
	from []byte
	at   int                       // element of the destination
	put  func(from []byte, at int) // copies it to the destination
}

// landing is the staging memory of downloads.
type landing struct {
	block []byte
	used  int
	queue []pending
}

func (d *Device) openStaging() error {
	var err error
	if d.uploads.block, err = d.pinned(numSlots * slotBytes); err != nil {
		return err
	}
	for i := range d.uploads.events {
		if d.uploads.events[i], err = cu.MakeEvent(cu.DisableTiming); err != nil {
			return err
		}
	}
	d.downloads.block, err = d.pinned(downloadBytes)
	return err
}

func (d *Device) closeStaging() {
	d.try("free page-locked memory", d.unpin(d.uploads.block))
	d.try("free page-locked memory", d.unpin(d.downloads.block))
	unbind := d.bind()
	defer unbind()
	for i := range d.uploads.events {
		d.try("destroy an event", cu.DestroyEvent(&d.uploads.events[i]))
	}
}

// stage queues an upload of n elements of size bytes to the address to. put
// copies elements [from, from+n) of the source, converted, to staging memory.
func (d *Device) stage(to devicePointer, n, size int, put func(to []byte, from, n int)) {
	for from := 0; from < n && !d.idle(); {
		r := &d.uploads
		if slotBytes-r.used < stagingAlign {
			d.nextSlot()
		}
		take := min(n-from, (slotBytes-r.used)/size)
		bytes := take * size
		piece := r.block[r.slot*slotBytes+r.used:][:bytes]
		put(piece, from, take)
		code := C.octorl_upload(d.context, d.cStream(), C.CUdeviceptr(to)+C.CUdeviceptr(from*size), pointer(piece), C.size_t(bytes))
		d.try("upload", status(code))
		r.used += (bytes + stagingAlign - 1) &^ (stagingAlign - 1)
		from += take
	}
}

// nextSlot moves on to the next slot, once the device has read what it held.
func (d *Device) nextSlot() {
	r := &d.uploads
	d.try("upload", status(C.octorl_record(d.context, handle[C.CUevent](r.events[r.slot]), d.cStream())))
	r.filled[r.slot] = true
	r.slot = (r.slot + 1) % numSlots
	r.used = 0
	if r.filled[r.slot] {
		d.try("upload", status(C.octorl_await(d.context, handle[C.CUevent](r.events[r.slot]))))
	}
}

// fetch queues a download of b; put copies what has arrived in staging memory
// to the elements of the destination from at on.
func (d *Device) fetch(b *buffer, put func(from []byte, at int)) {
	size := b.kind.Size()
	for from := 0; from < b.n && !d.idle(); {
		l := &d.downloads
		if downloadBytes-l.used < stagingAlign {
			d.try("download", status(C.octorl_drain(d.context, d.cStream())))
			d.land(d.queued)
		}
		take := min(b.n-from, (downloadBytes-l.used)/size)
		piece := l.block[l.used:][:take*size]
		code := C.octorl_download(d.context, d.cStream(), pointer(piece), C.CUdeviceptr(b.at)+C.CUdeviceptr(from*size), C.size_t(len(piece)))
		d.try("download", status(code))
		l.queue = append(l.queue, pending{mark: d.queued, from: piece, at: from, put: put})
		l.used += (len(piece) + stagingAlign - 1) &^ (stagingAlign - 1)
		from += take
	}
}

// land copies the downloads queued up to m, which have arrived, to their
// destinations. After a fault they are dropped.
func (d *Device) land(m kernels.Mark) {
	l := &d.downloads
	done := 0
	for _, p := range l.queue {
		if p.mark > m {
			break
		}
		if d.fault == nil {
			p.put(p.from, p.at)
		}
		done++
	}
	l.queue = append(l.queue[:0], l.queue[done:]...)
	if len(l.queue) == 0 {
		l.used = 0
	}
}
