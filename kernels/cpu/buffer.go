package cpu

import (
	"fmt"
	"unsafe"

	"github.com/octorl/octorl/kernels"
)

// memory is one allocation. Only the queue's goroutine touches it.
type memory struct {
	version uint64 // counts writes; copies of other layouts are as old as theirs
	packs   map[packKey]*pack
}

// buffer is a range of a memory; one of its slices is in use, by type.
type buffer struct {
	mem  *memory
	kind kernels.Type
	f    []float32
	i    []int32
	h    []uint16
}

// Type returns the element type.
func (b *buffer) Type() kernels.Type { return b.kind }

// Len returns the number of elements.
func (b *buffer) Len() int { return len(b.f) + len(b.i) + len(b.h) }

// Slice returns elements [from, to) of the same memory.
func (b *buffer) Slice(from, to int) kernels.Buffer {
	if from < 0 || to < from || to > b.Len() {
		panic(fmt.Sprintf("cpu: slice [%d, %d) of a buffer of %d elements", from, to, b.Len()))
	}
	s := &buffer{mem: b.mem, kind: b.kind}
	switch b.kind {
	case kernels.Float32:
		s.f = b.f[from:to:to]
	case kernels.Int32:
		s.i = b.i[from:to:to]
	case kernels.BFloat16:
		s.h = b.h[from:to:to]
	}
	return s
}

// Alloc returns n zero elements of type t.
func (d *Device) Alloc(t kernels.Type, n int) (b kernels.Buffer, err error) {
	d.refuseRecording("Alloc")
	if n < 0 {
		panic(fmt.Sprintf("cpu: allocation of %d elements", n))
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("cpu device: allocate %d elements of %s: %w", n, t, kernels.ErrNoMemory)
		}
	}()
	m := &buffer{mem: &memory{}, kind: t}
	switch t {
	case kernels.Float32:
		m.f = alignedFloats(n)
	case kernels.Int32:
		m.i = make([]int32, n)
	case kernels.BFloat16:
		m.h = make([]uint16, n)
	}
	return m, nil
}

// Free returns a buffer from Alloc, once queued work that uses it is done.
func (d *Device) Free(b kernels.Buffer) {
	d.refuseRecording("Free")
	m := b.(*buffer)
	d.do(func() {
		m.f, m.i, m.h, m.mem.packs = nil, nil, nil, nil
	})
}

// alignedFloats returns n zeros that begin a cache line, so that vectors do not
// straddle lines.
func alignedFloats(n int) []float32 {
	const line = 64 / 4
	f := make([]float32, n+line-1)
	if len(f) == 0 {
		return f
	}
	skip := int(-uintptr(unsafe.Pointer(&f[0]))%64) / 4
	return f[skip : skip+n : skip+n]
}

// floats checks that b is Float32 of n elements.
func floats(b kernels.Buffer, what string, n int) *buffer {
	return typed(b, what, kernels.Float32, n)
}

// ints checks that b is Int32 of n elements.
func ints(b kernels.Buffer, what string, n int) *buffer {
	return typed(b, what, kernels.Int32, n)
}

func typed(b kernels.Buffer, what string, t kernels.Type, n int) *buffer {
	if b == nil {
		panic(fmt.Sprintf("cpu: %s is nil", what))
	}
	if b.Type() != t || b.Len() != n {
		panic(fmt.Sprintf("cpu: %s is %d elements of %s, want %d of %s", what, b.Len(), b.Type(), n, t))
	}
	return b.(*buffer)
}

// divide returns total/part, the rows of a matrix, and panics where it is not
// whole.
func divide(total, part int, what string) int {
	if part <= 0 || total%part != 0 {
		panic(fmt.Sprintf("cpu: %s has %d elements, not whole rows of %d", what, total, part))
	}
	return total / part
}

// scratch hands out memory that is valid until reset.
type scratch struct {
	block      []float32
	used, peak int
}

func (s *scratch) reset() {
	if s.peak > len(s.block) {
		s.block = alignedFloats(s.peak)
	}
	s.used = 0
}

// take returns n elements of unknown contents.
func (s *scratch) take(n int) []float32 {
	from := s.used
	s.used += (n + 15) &^ 15
	s.peak = max(s.peak, s.used)
	if s.used > len(s.block) {
		return alignedFloats(n)
	}
	return s.block[from : from+n : s.used]
}

// release takes back what was handed out since used was as given.
func (s *scratch) release(used int) { s.used = used }
