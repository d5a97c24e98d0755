package cpu

import (
	"fmt"
	"math"

	"github.com/octorl/octorl/kernels"
)

// Upload copies src, a []float32 or an []int32, to the start of dst.
func (d *Device) Upload(dst kernels.Buffer, src any) {
	d.refuseRecording("Upload")
	b := dst.(*buffer)
	switch s := src.(type) {
	case []float32:
		if b.kind == kernels.Int32 || len(s) > b.Len() {
			panic(fmt.Sprintf("cpu: upload of %d float32 to %d elements of %s", len(s), b.Len(), b.kind))
		}
		from := &buffer{kind: kernels.Float32, f: append([]float32(nil), s...)}
		d.do(func() { convert(b, from) }, b)
	case []int32:
		if b.kind != kernels.Int32 || len(s) > b.Len() {
			panic(fmt.Sprintf("cpu: upload of %d int32 to %d elements of %s", len(s), b.Len(), b.kind))
		}
		from := append([]int32(nil), s...)
		d.do(func() { copy(b.i, from) }, b)
	default:
		panic(fmt.Sprintf("cpu: upload of %T, want []float32 or []int32", src))
	}
}

// Download copies src to dst, which is valid after a Wait for a later Mark.
func (d *Device) Download(dst any, src kernels.Buffer) {
	d.refuseRecording("Download")
	b := src.(*buffer)
	switch s := dst.(type) {
	case []float32:
		if b.kind == kernels.Int32 || len(s) != b.Len() {
			panic(fmt.Sprintf("cpu: download of %d elements of %s to %d float32", b.Len(), b.kind, len(s)))
		}
		d.do(func() { convert(&buffer{kind: kernels.Float32, f: s}, b) })
	case []int32:
		if b.kind != kernels.Int32 || len(s) != b.Len() {
			panic(fmt.Sprintf("cpu: download of %d elements of %s to %d int32", b.Len(), b.kind, len(s)))
		}
		d.do(func() { copy(s, b.i) })
	default:
		panic(fmt.Sprintf("cpu: download to %T, want []float32 or []int32", dst))
	}
}

// Copy copies src to dst of the same length, converting between Float32 and
// BFloat16.
func (d *Device) Copy(dst, src kernels.Buffer) {
	to, from := dst.(*buffer), src.(*buffer)
	if to.Len() != from.Len() || (to.kind == kernels.Int32) != (from.kind == kernels.Int32) {
		panic(fmt.Sprintf("cpu: copy of %d elements of %s to %d of %s", from.Len(), from.kind, to.Len(), to.kind))
	}
	d.do(func() { convert(to, from) }, to)
}

// convert copies src to the start of dst.
func convert(dst, src *buffer) {
	switch {
	case src.kind == kernels.Float32 && dst.kind == kernels.BFloat16:
		for i, v := range src.f {
			dst.h[i] = roundBFloat16(v)
		}
	case src.kind == kernels.BFloat16 && dst.kind == kernels.Float32:
		for i, h := range src.h {
			dst.f[i] = math.Float32frombits(uint32(h) << 16)
		}
	default:
		copy(dst.f, src.f)
		copy(dst.i, src.i)
		copy(dst.h, src.h)
	}
}

// roundBFloat16 rounds to nearest even; a NaN stays one.
func roundBFloat16(v float32) uint16 {
	u := math.Float32bits(v)
	if v != v {
		return uint16(u>>16) | 0x40
	}
	return uint16((u + 0x7FFF + u>>16&1) >> 16)
}

// Fill sets every element of dst to v.
func (d *Device) Fill(dst kernels.Buffer, v float32) {
	b := dst.(*buffer)
	d.do(func() {
		fill(b.f, v)
		fill(b.i, int32(v))
		fill(b.h, roundBFloat16(v))
	}, b)
}

func fill[T any](s []T, v T) {
	for i := range s {
		s[i] = v
	}
}
