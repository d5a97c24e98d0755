package policy

import (
	"errors"
	"runtime/debug"
)

// errCutShort is returned when a file of tensors has become shorter than it was
// when it was opened.
var errCutShort = errors.New("the file was cut short, or its disk failed, while it was read: copy it here again")

// readMapped calls read, which reads mapped memory. A page of it that the file
// does not reach any more, or that the disk does not give, raises a fault; it is
// returned as errCutShort instead of ending the process.
func readMapped(read func()) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }:
			err = errCutShort
		default:
			panic(fault)
		}
	}()
	read()
	return nil
}
