package policy

import (
	"errors"
	"testing"

	"github.com/octorl/octorl/kernels"
)

// scarceDevice has memory for a number of buffers and caches, and counts those
// in use.
type scarceDevice struct {
	kernels.Device
	left, used int
}

func (d *scarceDevice) take() error {
	if d.left == 0 {
		return kernels.ErrNoMemory
	}
	d.left--
	d.used++
	return nil
}

func (d *scarceDevice) Alloc(t kernels.Type, n int) (kernels.Buffer, error) {
	if err := d.take(); err != nil {
		return nil, err
	}
	return d.Device.Alloc(t, n)
}

func (d *scarceDevice) AllocCache(s kernels.CacheShape) (kernels.Cache, error) {
	if err := d.take(); err != nil {
		return nil, err
	}
	return d.Device.AllocCache(s)
}

func (d *scarceDevice) Free(b kernels.Buffer) {
	d.used--
	d.Device.Free(b)
}

func (d *scarceDevice) FreeCache(c kernels.Cache) {
	d.used--
	d.Device.FreeCache(c)
}

// TestNoMemoryLeaksNothing lets each allocation in turn be the one that fails,
// until none does.
func TestNoMemoryLeaksNothing(t *testing.T) {
	dev := &scarceDevice{Device: openDevice(t)}
	for name, build := range map[string]func(p *Policy) (interface{ Free() }, error){
		"gradients": func(p *Policy) (interface{ Free() }, error) { return p.NewGradients() },
		"pass":      func(p *Policy) (interface{ Free() }, error) { return p.NewPass(testLimits) },
		"critic": func(p *Policy) (interface{ Free() }, error) {
			c, err := p.NewCritic()
			if err != nil {
				return nil, err
			}
			defer c.Free()
			return c.NewPass(testLimits)
		},
		"decoder": func(p *Policy) (interface{ Free() }, error) { return p.NewDecoder(decoderLimits) },
	} {
		for dev.left = 0; ; dev.left++ {
			budget := dev.left
			done := func() bool {
				p, err := New(dev, tinyConfig(Qwen3))
				if err != nil {
					return mustLackMemory(t, name, err)
				}
				defer p.Free()
				x, err := build(p)
				if err != nil {
					return mustLackMemory(t, name, err)
				}
				x.Free()
				return true
			}()
			if dev.used != 0 {
				t.Fatalf("%s: %d buffers are still in use after a budget of %d", name, dev.used, budget)
			}
			if done {
				break
			}
			dev.left = budget
		}
	}
}

// mustLackMemory fails on another error than ErrNoMemory. It returns false.
func mustLackMemory(t *testing.T, name string, err error) bool {
	t.Helper()
	if !errors.Is(err, kernels.ErrNoMemory) {
		t.Fatalf("%s: %v", name, err)
	}
	return false
}
