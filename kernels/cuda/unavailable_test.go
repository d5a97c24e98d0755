package cuda

import (
	"errors"
	"testing"
)

// TestOpenSaysWhatIsMissing opens a device that no machine has.
func TestOpenSaysWhatIsMissing(t *testing.T) {
	d, err := Open(Config{Ordinal: 1 << 20})
	if !errors.Is(err, ErrUnavailable) || d != nil {
		t.Fatalf("got %v, %v", d, err)
	}
	if all, err := Devices(); err != nil && !errors.Is(err, ErrUnavailable) {
		t.Fatalf("devices %v: %v", all, err)
	}
	t.Log(err)
}
