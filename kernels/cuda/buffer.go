//go:build cuda

package cuda

import (
	"errors"
	"fmt"

	"github.com/octorl/octorl/kernels"
)

// buffer is a typed range of device memory.
type buffer struct {
	at   devicePointer
	kind kernels.Type
	n    int
}

// Type returns the element type.
func (b *buffer) Type() kernels.Type { return b.kind }

// Len returns the number of elements.
func (b *buffer) Len() int { return b.n }

// Slice returns elements [from, to) of the same memory.
func (b *buffer) Slice(from, to int) kernels.Buffer {
	if from < 0 || to < from || to > b.n {
		panic(fmt.Sprintf("cuda: slice [%d, %d) of a buffer of %d elements", from, to, b.n))
	}
	return &buffer{at: b.at + devicePointer(from*b.kind.Size()), kind: b.kind, n: to - from}
}

// ptr returns the address of the first element.
func (b *buffer) ptr() devicePointer { return b.at }

// bytes returns the size of the range.
func (b *buffer) bytes() int { return b.n * b.kind.Size() }

// Alloc returns n zero elements of type t.
func (d *Device) Alloc(t kernels.Type, n int) (kernels.Buffer, error) {
	if n < 0 {
		panic(fmt.Sprintf("cuda: allocation of %d elements", n))
	}
	at, err := d.alloc(n * t.Size())
	if err != nil {
		return nil, fmt.Errorf("allocate %d elements of %s: %w", n, t, err)
	}
	return &buffer{at: at, kind: t, n: n}, nil
}

// alloc returns zeroed memory. An empty range has an address of its own too.
func (d *Device) alloc(bytes int) (devicePointer, error) {
	d.enter("Alloc")
	defer d.leave()
	d.refuseCapture()
	if d.fault != nil {
		return 0, d.fault
	}
	at, err := d.allocQueued(max(bytes, 1))
	if err == nil {
		return at, nil
	}
	if errors.Is(err, outOfMemory) {
		free, total := d.memory()
		return 0, fmt.Errorf("%s: %d MiB wanted, %d MiB of %d MiB free: %w",
			d.info.Name, bytes>>20, free>>20, total>>20, kernels.ErrNoMemory)
	}
	d.fail(fmt.Errorf("allocate %d bytes: %w", bytes, err))
	return 0, d.fault
}

// Free returns a buffer from Alloc, once queued work that uses it is done.
func (d *Device) Free(b kernels.Buffer) { d.free(b.(*buffer).at) }

func (d *Device) free(at devicePointer) {
	d.enter("Free")
	defer d.leave()
	d.refuseCapture()
	if d.fault == nil {
		d.try("free memory", d.freeQueued(at))
	}
}

// floats checks that b is Float32 of n elements.
func floats(b kernels.Buffer, what string, n int) *buffer {
	return typed(b, what, kernels.Float32, n)
}

// halves checks that b is BFloat16 of n elements.
func halves(b kernels.Buffer, what string, n int) *buffer {
	return typed(b, what, kernels.BFloat16, n)
}

// ints checks that b is Int32 of n elements.
func ints(b kernels.Buffer, what string, n int) *buffer {
	return typed(b, what, kernels.Int32, n)
}

func typed(b kernels.Buffer, what string, t kernels.Type, n int) *buffer {
	if b == nil {
		panic(fmt.Sprintf("cuda: %s is nil", what))
	}
	if b.Type() != t || b.Len() != n {
		panic(fmt.Sprintf("cuda: %s is %d elements of %s, want %d of %s", what, b.Len(), b.Type(), n, t))
	}
	return b.(*buffer)
}

// divide returns total/part, the rows of a matrix, and panics where it is not
// whole.
func divide(total, part int, what string) int {
	if part <= 0 || total%part != 0 {
		panic(fmt.Sprintf("cuda: %s has %d elements, not whole rows of %d", what, total, part))
	}
	return total / part
}
