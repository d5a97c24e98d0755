//go:build !cuda

package cuda

import (
	"fmt"

	"github.com/octorl/octorl/kernels"
)

// Built says whether this program holds the CUDA device.
const Built = false

// Open returns ErrUnavailable: this program was built without CUDA.
func Open(Config) (kernels.Device, error) {
	return nil, fmt.Errorf("%w: this octorl was built without CUDA; build it with make cuda", ErrUnavailable)
}

// Devices returns ErrUnavailable: this program was built without CUDA.
func Devices() ([]Description, error) {
	_, err := Open(Config{})
	return nil, err
}

// Plan returns ErrUnavailable: this program was built without CUDA.
func Plan(kernels.Info) (Planner, error) {
	_, err := Open(Config{})
	return nil, err
}
