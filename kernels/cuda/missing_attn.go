//go:build cuda

package cuda

import "github.com/octorl/octorl/kernels"

// The methods of attend.go.

// Attend is not there yet.
func (d *Device) Attend(h kernels.Heads, out, lse, qkv, segments kernels.Buffer) {
	panic("cuda: Attend")
}

// AttendGrad is not there yet.
func (d *Device) AttendGrad(h kernels.Heads, dqkv, dOut, out, lse, qkv, segments kernels.Buffer) {
	panic("cuda: AttendGrad")
}

// CacheStore is not there yet.
func (d *Device) CacheStore(c kernels.Cache, layer int, qkv, slots kernels.Buffer) {
	panic("cuda: CacheStore")
}

// AttendCached is not there yet.
func (d *Device) AttendCached(c kernels.Cache, layer int, out, qkv, table kernels.Buffer) {
	panic("cuda: AttendCached")
}
