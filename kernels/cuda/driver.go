//go:build cuda

package cuda

/*
#cgo CFLAGS: -I${SRCDIR}/include
#cgo LDFLAGS: -L${SRCDIR}/lib -ldl
#include "driver.h"
*/
import "C"

import (
	"fmt"
	"sync"
	"unsafe"

	"gorgonia.org/cu"
)

// Built says whether this program holds the CUDA device.
const Built = true

// devicePointer is an address in a device's memory.
type devicePointer = cu.DevicePtr

// driverError is a CUresult that is not success.
type driverError C.int

const (
	outOfMemory driverError = C.CUDA_ERROR_OUT_OF_MEMORY
	notReady    driverError = C.CUDA_ERROR_NOT_READY
)

// ofKernels says whether e is what a kernel did, or the card while it ran.
func (e driverError) ofKernels() bool {
	return e >= C.CUDA_ERROR_ILLEGAL_ADDRESS || e == C.CUDA_ERROR_ECC_UNCORRECTABLE
}

// Error returns the driver's name and description of e.
func (e driverError) Error() string {
	return C.GoString(C.octorl_error_name(C.int(e))) + ": " + C.GoString(C.octorl_error_text(C.int(e)))
}

// status is nil for a success.
func status(code C.int) error {
	if code == 0 {
		return nil
	}
	return driverError(code)
}

// loadDriver opens the driver once.
var loadDriver = sync.OnceValue(func() error {
	var why *C.char
	switch code := C.octorl_load(&why); {
	case code == -1:
		return fmt.Errorf("%w: the NVIDIA driver is not installed (%s); --device cpu runs without", ErrUnavailable, C.GoString(why))
	case code != 0:
		return fmt.Errorf("%w: the NVIDIA driver does not start: %w; try nvidia-smi, or --device cpu", ErrUnavailable, driverError(code))
	}
	return nil
})

// Devices describes the devices of this machine, in the order of their
// ordinals. It returns ErrUnavailable where there is none.
func Devices() ([]Description, error) {
	if err := loadDriver(); err != nil {
		return nil, err
	}
	n, err := cu.NumDevices()
	if err != nil {
		return nil, fmt.Errorf("count the CUDA devices: %w", err)
	}
	if n == 0 {
		return nil, fmt.Errorf("%w: the driver is there but lists no device; see CUDA_VISIBLE_DEVICES and nvidia-smi", ErrUnavailable)
	}
	all := make([]Description, n)
	for i := range all {
		if all[i], err = describe(i, n); err != nil {
			return nil, fmt.Errorf("describe CUDA device %d: %w", i, err)
		}
	}
	return all, nil
}

func describe(ordinal, count int) (Description, error) {
	d := Description{Ordinal: ordinal, Driver: fmt.Sprintf("%d.%d", cu.Version()/1000, cu.Version()%1000/10)}
	dev, err := cu.GetDevice(ordinal)
	if err != nil {
		return d, err
	}
	if d.Name, err = dev.Name(); err != nil {
		return d, err
	}
	if d.Memory, err = dev.TotalMem(); err != nil {
		return d, err
	}
	numbers, err := dev.Attributes(cu.ComputeCapabilityMajor, cu.ComputeCapabilityMinor, cu.MultiprocessorCount)
	if err != nil {
		return d, err
	}
	d.Capability = fmt.Sprintf("%d.%d", numbers[0], numbers[1])
	d.Multiprocessor = numbers[2]
	d.Native = d.Capability == nativeCapability
	d.Supported = numbers[0] >= leastCapability
	for j := range count {
		if other, err := cu.GetDevice(j); err == nil && j != ordinal {
			if ok, err := dev.CanAccessPeer(other); err == nil && ok != 0 {
				d.Peers = append(d.Peers, j)
			}
		}
	}
	return d, nil
}

// handle returns what a struct of one driver handle holds.
func handle[H, S any](s S) H { return *(*H)(unsafe.Pointer(&s)) }

// pointer returns the address of b's first byte, for the driver.
func pointer(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }
