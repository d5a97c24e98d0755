//go:build cuda

package cuda

import (
	"testing"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/kernels/kerneltest"
)

func TestConformance(t *testing.T) {
	d := open(t)
	kerneltest.Run(t, func() kernels.Device { return d })
}

// TestPortableConformance runs the kernels for any card, which the driver
// compiles for this one.
func TestPortableConformance(t *testing.T) {
	d := openWith(t, Config{Portable: true})
	kerneltest.Run(t, func() kernels.Device { return d })
}
