// Package cuda implements kernels.Device on an NVIDIA GPU: bfloat16 weights and
// activations, Float32 sums, gradients and optimizer state.
//
// Buffers and operations enter through kernels.Device; the same leave. The
// package knows nothing of networks. It is built with -tags cuda (make cuda);
// without that tag, Open says so. Read device.go for the queue, launch.go for
// how an operation reaches its kernel, then one operation beside its .cu file.
//
// The kernels are compiled ahead of time (make cubins) and embedded, so that
// running needs the driver alone. The driver itself is opened when the first
// device is: a program with this package starts on any machine.
package cuda

import (
	"errors"

	"github.com/octorl/octorl/kernels"
)

// ErrUnavailable is returned by Open and Devices where there is no CUDA: the
// program was built without it, or the machine has no driver or no device. The
// message that wraps it says what to do.
var ErrUnavailable = errors.New("no CUDA device")

// ContextBytes is what the driver takes of an H100's memory for a context, these
// kernels and the device's own few buffers, before anything is allocated: as
// octorl doctor measured it, with driver 580.
const ContextBytes = 563 << 20

// Config configures Open.
type Config struct {
	// Ordinal is the number of the device, from 0.
	Ordinal int
	// Portable takes the kernels for any card also where there are some for this
	// one.
	Portable bool
}

// Planner is a device that computes nothing and counts what the same calls would
// take of a GPU's memory. See Plan.
type Planner interface {
	kernels.Device
	// Memory returns the bytes that buffers, caches and workspace occupy now, and
	// the most they ever did.
	Memory() (used, peak int64)
	// Workspace returns the bytes that the most demanding operation so far needed
	// besides its buffers.
	Workspace() int64
	// Reserve sees to so many bytes of workspace at once, as a run does.
	Reserve(bytes int64) error
}

// Description is what a machine says of one of its devices.
type Description struct {
	Ordinal        int
	Name           string
	Capability     string // e.g. "9.0"
	Multiprocessor int    // number of them
	Memory         int64  // bytes
	Driver         string // highest CUDA version that the driver serves, e.g. "13.0"
	Peers          []int  // ordinals of devices whose memory it reaches
	Supported      bool   // the embedded kernels run on it
	Native         bool   // some are made for it; others are those for any card, and slower
}
