//go:build unix

package policy

import (
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps the first size bytes of a file into memory, to be read from the
// beginning to the end. It returns nil where the file cannot be mapped: some
// file systems have no mappings, and address space may be short.
func mapFile(f *os.File, size int64) []byte {
	if size <= 0 || size > math.MaxInt {
		return nil
	}
	b, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil
	}
	_ = unix.Madvise(b, unix.MADV_SEQUENTIAL) // reading ahead is all that a refusal loses
	return b
}

func unmapFile(b []byte) error { return unix.Munmap(b) }
