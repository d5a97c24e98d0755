//go:build cuda

package cuda

// #include "driver.h"
import "C"

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/octorl/octorl/kernels"
)

// Upload copies src, a []float32 or an []int32, to the start of dst.
func (d *Device) Upload(dst kernels.Buffer, src any) {
	d.enter("Upload")
	defer d.leave()
	d.refuseCapture()
	b := dst.(*buffer)
	switch s := src.(type) {
	case []float32:
		if b.kind == kernels.Int32 || len(s) > b.n {
			panic(fmt.Sprintf("cuda: upload of %d float32 to %d elements of %s", len(s), b.n, b.kind))
		}
		if b.kind == kernels.BFloat16 {
			d.stage(b.at, len(s), 2, func(to []byte, from, n int) { roundAll(words[uint16](to), s[from:from+n]) })
			return
		}
		d.stage(b.at, len(s), 4, func(to []byte, from, n int) { copy(words[float32](to), s[from:from+n]) })
	case []int32:
		if b.kind != kernels.Int32 || len(s) > b.n {
			panic(fmt.Sprintf("cuda: upload of %d int32 to %d elements of %s", len(s), b.n, b.kind))
		}
		d.stage(b.at, len(s), 4, func(to []byte, from, n int) { copy(words[int32](to), s[from:from+n]) })
	default:
		panic(fmt.Sprintf("cuda: upload of %T, want []float32 or []int32", src))
	}
}

// Download copies src to dst, which is valid after a Wait for a later Mark.
func (d *Device) Download(dst any, src kernels.Buffer) {
	d.enter("Download")
	defer d.leave()
	d.refuseCapture()
	b := src.(*buffer)
	switch s := dst.(type) {
	case []float32:
		if b.kind == kernels.Int32 || len(s) != b.n {
			panic(fmt.Sprintf("cuda: download of %d elements of %s to %d float32", b.n, b.kind, len(s)))
		}
		if b.kind == kernels.BFloat16 {
			d.fetch(b, func(from []byte, at int) { widenAll(s[at:], words[uint16](from)) })
			return
		}
		d.fetch(b, func(from []byte, at int) { copy(s[at:], words[float32](from)) })
	case []int32:
		if b.kind != kernels.Int32 || len(s) != b.n {
			panic(fmt.Sprintf("cuda: download of %d elements of %s to %d int32", b.n, b.kind, len(s)))
		}
		d.fetch(b, func(from []byte, at int) { copy(s[at:], words[int32](from)) })
	default:
		panic(fmt.Sprintf("cuda: download to %T, want []float32 or []int32", dst))
	}
}

// Copy copies src to dst of the same length, converting between Float32 and
// BFloat16.
func (d *Device) Copy(dst, src kernels.Buffer) {
	to, from := dst.(*buffer), src.(*buffer)
	if to.n != from.n || (to.kind == kernels.Int32) != (from.kind == kernels.Int32) {
		panic(fmt.Sprintf("cuda: copy of %d elements of %s to %d of %s", from.n, from.kind, to.n, to.kind))
	}
	d.enter("Copy")
	defer d.leave()
	if d.idle() || to.n == 0 {
		return
	}
	switch {
	case to.kind == from.kind:
		d.try("copy", status(C.octorl_copy(d.context, d.cStream(), C.CUdeviceptr(to.at), C.CUdeviceptr(from.at), C.size_t(to.bytes()))))
	case to.kind == kernels.BFloat16:
		d.launch("transfer.round_bf16", d.flat(to.n, 8), to, from, int64(to.n))
	default:
		d.launch("transfer.widen_bf16", d.flat(to.n, 8), to, from, int64(to.n))
	}
}

// flat is a grid of 256 threads over n elements, of which a thread takes per at
// a time.
func (d *Device) flat(n, per int) grid {
	const threads = 256
	return grid{x: min((n+threads*per-1)/(threads*per), 16*d.sms), threads: threads}
}

// Fill sets every element of dst to v.
func (d *Device) Fill(dst kernels.Buffer, v float32) {
	b := dst.(*buffer)
	bits, width := math.Float32bits(v), 4
	switch b.kind {
	case kernels.Int32:
		bits = uint32(int32(v))
	case kernels.BFloat16:
		bits, width = uint32(roundBFloat16(v)), 2
	}
	d.enter("Fill")
	defer d.leave()
	if !d.idle() && b.n > 0 {
		d.try("fill", status(C.octorl_set(d.context, d.cStream(), C.CUdeviceptr(b.at), C.uint32_t(bits), C.int(width), C.size_t(b.n))))
	}
}

// words views bytes as elements of another type.
func words[T any](b []byte) []T {
	var t T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(t)))
}

// roundBFloat16 rounds to nearest even; a NaN stays one.
func roundBFloat16(v float32) uint16 {
	u := math.Float32bits(v)
	if v != v {
		return uint16(u>>16) | 0x40
	}
	return uint16((u + 0x7FFF + u>>16&1) >> 16)
}

func roundAll(to []uint16, from []float32) {
	to = to[:len(from)]
	for i, v := range from {
		to[i] = roundBFloat16(v)
	}
}

func widenAll(to []float32, from []uint16) {
	to = to[:len(from)]
	for i, h := range from {
		to[i] = math.Float32frombits(uint32(h) << 16)
	}
}

// clear sets b to zeros, within a public method.
func (d *Device) clear(b *buffer) {
	if !d.idle() && b.n > 0 {
		d.try("clear", status(C.octorl_set(d.context, d.cStream(), C.CUdeviceptr(b.at), 0, C.int(b.kind.Size()), C.size_t(b.n))))
	}
}
