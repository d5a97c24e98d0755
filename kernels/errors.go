package kernels

import "errors"

// ErrNoMemory is returned when device memory cannot be had. The message that
// wraps it names the device and the bytes asked for.
var ErrNoMemory = errors.New("not enough device memory")
