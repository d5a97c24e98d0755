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
