//go:build !unix

package policy

import "os"

// mapFile returns nil: files are read, not mapped.
func mapFile(*os.File, int64) []byte { return nil }

func unmapFile([]byte) error { return nil }
