// Package devicetest opens the device that tests of packages over
// kernels.Device run on: the CPU's, or the one that OCTORL_TEST_DEVICE names. It
// knows nothing of what is tested.
package devicetest

import (
	"os"
	"testing"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/kernels/cpu"
	"github.com/octorl/octorl/kernels/cuda"
)

// Open returns a device that is closed when the test ends: two threads of the
// CPU, or GPU 0 where OCTORL_TEST_DEVICE is cuda. The test fails where that
// cannot be opened.
func Open(t testing.TB) kernels.Device {
	t.Helper()
	var dev kernels.Device = cpu.Open(cpu.Config{Threads: 2})
	switch name := os.Getenv("OCTORL_TEST_DEVICE"); name {
	case "", "cpu":
	case "cuda":
		var err error
		if dev, err = cuda.Open(cuda.Config{}); err != nil {
			t.Fatal(err)
		}
	default:
		t.Fatalf("OCTORL_TEST_DEVICE is %q: use cpu or cuda", name)
	}
	t.Cleanup(func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	return dev
}

// Tolerance returns the one that holds for what dev computes in: Float32 or
// BFloat16.
func Tolerance(dev kernels.Device, float32s, bfloat16s float64) float64 {
	if dev.Info().Compute == kernels.BFloat16 {
		return bfloat16s
	}
	return float32s
}
