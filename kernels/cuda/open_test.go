//go:build cuda

package cuda

import (
	"errors"
	"testing"
)

// open returns device 0 and skips the test where there is none.
func open(t testing.TB) *Device {
	t.Helper()
	return openWith(t, Config{})
}

// openWith returns the device of c and skips the test where there is none.
func openWith(t testing.TB, c Config) *Device {
	t.Helper()
	d, err := Open(c)
	if errors.Is(err, ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d.(*Device)
}
