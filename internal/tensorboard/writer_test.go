package tensorboard

import (
	"bytes"
	"errors"
	"math"
	"math/bits"
	"os"
	"strings"
	"testing"
	"time"
)

// at returns a moment of the test's file, in seconds since 1970.
func at(seconds float64) time.Time {
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*1e9))
}

// TestEqualsTensorBoard compares with what TensorBoard's own writer makes of the
// events of testdata/generate.py.
func TestEqualsTensorBoard(t *testing.T) {
	want, err := os.ReadFile("testdata/expected.tfevents")
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	w, err := NewWriter(&got, at(1700000000.25))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []struct {
		step   int
		time   float64
		values map[string]float64
	}{
		{0, 1700000001, map[string]float64{"evaluation/heldout_accuracy": 0}},
		{1, 1700000002.5, map[string]float64{"rl/loss": -0.125, "rl/reward": 1.5, "rl/größe": 3e38}},
		{300, 1700000003.75, map[string]float64{"rl/lr": 1e-7, "rl/tokens_per_second": 123456.789}},
		{1 << 31, 1700000004, map[string]float64{strings.Repeat("x", 200): math.Inf(1)}},
	} {
		if err := w.Scalars(e.step, at(e.time), e.values); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("wrote %d bytes\n%q\nwant %d\n%q", got.Len(), got.Bytes(), len(want), want)
	}
}

// TestMasked has the checksum that RFC 3720 (B.4) gives for 32 zero bytes,
// 0x8a9136aa, turned right by 15 bits, plus the constant.
func TestMasked(t *testing.T) {
	want := bits.RotateLeft32(0x8a9136aa, -15) + 0xa282ead8
	if got := masked(make([]byte, 32)); got != want {
		t.Errorf("%#x, want %#x", got, want)
	}
}

type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestErrorOfTheDisk(t *testing.T) {
	if _, err := NewWriter(full{}, at(1)); !errors.Is(err, errFull) {
		t.Errorf("NewWriter: %v", err)
	}
	if err := (&Writer{out: full{}}).Scalars(1, at(1), nil); !errors.Is(err, errFull) {
		t.Errorf("Scalars: %v", err)
	}
}
