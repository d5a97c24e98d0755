//go:build cuda

package cuda

import (
	"fmt"
	"sync"

	"github.com/octorl/octorl/kernels"
)

// plan stands for the memory of a device that is not there: it counts.
type plan struct {
	held map[devicePointer]int // bytes of each allocation
	next devicePointer
	used int64
	peak int64
	all  int64
}

// planUnit is the alignment of what the driver's pool gives out.
const planUnit = 512

// Plan returns a device that computes nothing and counts the memory that the same
// calls take on the device of info, workspace included: what is to be run can be
// tried on it, with or without a GPU. Downloads leave their destination as it is.
func Plan(info kernels.Info) (Planner, error) {
	info.Name += " (planned)"
	info.Kind, info.Compute, info.Replays = "cuda", kernels.BFloat16, false
	if info.Memory <= 0 {
		return nil, fmt.Errorf("plan on a device with %d bytes of memory", info.Memory)
	}
	d := &Device{info: info, sms: planMultiprocessors, plan: &plan{held: map[devicePointer]int{}, next: planUnit, all: info.Memory}}
	d.recorded = sync.NewCond(&d.mu)
	return d, nil
}

// planMultiprocessors is that of the H100 and H200 (SXM): the number of blocks of
// some kernels, and with it their workspace, follows from it.
const planMultiprocessors = 132

func (p *plan) alloc(bytes int) (devicePointer, error) {
	size := roundUp(bytes, planUnit)
	if p.used+int64(size) > p.all {
		return 0, outOfMemory
	}
	at := p.next
	p.next += devicePointer(size)
	p.held[at] = size
	p.used += int64(size)
	p.peak = max(p.peak, p.used)
	return at, nil
}

func (p *plan) release(at devicePointer) {
	p.used -= int64(p.held[at])
	delete(p.held, at)
}

// idle says that nothing is to be queued: after a fault, or where the device is
// not there.
func (d *Device) idle() bool { return d.fault != nil || d.plan != nil }
