//go:build cuda

package cuda

import "github.com/octorl/octorl/kernels"

// The methods of the other operations.

// Head is not there yet.
func (d *Device) Head(a kernels.HeadArgs) { panic("cuda: Head") }

// Sample is not there yet.
func (d *Device) Sample(a kernels.SampleArgs) { panic("cuda: Sample") }
