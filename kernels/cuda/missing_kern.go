//go:build cuda

package cuda

import "github.com/octorl/octorl/kernels"

// The methods of the other operations.

// Embed is not there yet.
func (d *Device) Embed(out, table, ids kernels.Buffer) { panic("cuda: Embed") }

// EmbedGrad is not there yet.
func (d *Device) EmbedGrad(dTable, dOut, ids kernels.Buffer) { panic("cuda: EmbedGrad") }

// SwiGLU is not there yet.
func (d *Device) SwiGLU(out, gateUp kernels.Buffer, width int) { panic("cuda: SwiGLU") }

// Head is not there yet.
func (d *Device) Head(a kernels.HeadArgs) { panic("cuda: Head") }

// Sample is not there yet.
func (d *Device) Sample(a kernels.SampleArgs) { panic("cuda: Sample") }

// PolicyGradient is not there yet.
func (d *Device) PolicyGradient(a kernels.PolicyGradientArgs) { panic("cuda: PolicyGradient") }

// SquaredNorm is not there yet.
func (d *Device) SquaredNorm(out, x kernels.Buffer) { panic("cuda: SquaredNorm") }

// AdamW is not there yet.
func (d *Device) AdamW(a kernels.AdamWArgs) { panic("cuda: AdamW") }

// HeadNorm is not there yet.
func (d *Device) HeadNorm(a kernels.HeadNormArgs) { panic("cuda: HeadNorm") }

// SwiGLUGrad is not there yet.
func (d *Device) SwiGLUGrad(dGateUp, dOut, gateUp kernels.Buffer, width int) {
	panic("cuda: SwiGLUGrad")
}

// AddNorm is not there yet.
func (d *Device) AddNorm(sum, out, rstd, x, y, gain kernels.Buffer, eps float32) {
	panic("cuda: AddNorm")
}

// AddNormGrad is not there yet.
func (d *Device) AddNormGrad(dx, dGain, dOut, sum, gain, rstd kernels.Buffer) {
	panic("cuda: AddNormGrad")
}

// Rope is not there yet.
func (d *Device) Rope(h kernels.Heads, qkv, positions, frequencies kernels.Buffer, inverse bool) {
	panic("cuda: Rope")
}
