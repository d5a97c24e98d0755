package cpu

import (
	"testing"

	"github.com/octorl/octorl/kernels"
)

// TestLinear multiplies 2×2 matrices that can be checked by hand.
func TestLinear(t *testing.T) {
	d := Open(Config{Threads: 2})
	defer d.Close()
	upload := func(v ...float32) kernels.Buffer {
		b, err := d.Alloc(kernels.Float32, len(v))
		if err != nil {
			t.Fatal(err)
		}
		d.Upload(b, v)
		return b
	}
	out := upload(0, 0, 0, 0)
	d.Linear(kernels.LinearShape{Rows: 2, In: 2, Out: 2}, out, upload(1, 2, 3, 4), upload(5, 6, 7, 8), upload(100, 200))
	got := make([]float32, 4)
	d.Download(got, out)
	if err := d.Wait(d.Mark()); err != nil {
		t.Fatal(err)
	}
	for i, want := range []float32{117, 223, 139, 253} {
		if got[i] != want {
			t.Errorf("element %d is %g, want %g", i, got[i], want)
		}
	}
}
