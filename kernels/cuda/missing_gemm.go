//go:build cuda

package cuda

import "github.com/octorl/octorl/kernels"

// The methods of linear.go.

// Linear is not there yet.
func (d *Device) Linear(s kernels.LinearShape, out, x, w, bias kernels.Buffer) { panic("cuda: Linear") }

// LinearGradInput is not there yet.
func (d *Device) LinearGradInput(s kernels.LinearShape, dx, dy, w kernels.Buffer) {
	panic("cuda: LinearGradInput")
}

// LinearGradWeight is not there yet.
func (d *Device) LinearGradWeight(s kernels.LinearShape, dw, dBias, dy, x kernels.Buffer) {
	panic("cuda: LinearGradWeight")
}
