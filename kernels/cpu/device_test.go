package cpu

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/kernels/kerneltest"
)

func TestConformance(t *testing.T) {
	d := Open(Config{Threads: 3})
	defer closeDevice(t, d)
	kerneltest.Run(t, func() kernels.Device { return d })
}

// TestResultsDoNotDependOnThreads is an invariant of the system.
func TestResultsDoNotDependOnThreads(t *testing.T) {
	const seed = 7
	var want []float32
	for threads := 1; threads <= 3; threads++ {
		d := Open(Config{Threads: threads})
		t.Cleanup(func() { closeDevice(t, d) })
		got := kerneltest.Fingerprint(t, d, seed)
		if want == nil {
			want = got
		}
		for i := range want {
			if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
				t.Fatalf("%d threads: result %d is %g, with one thread %g", threads, i, got[i], want[i])
			}
		}
	}
}

func closeDevice(t *testing.T, d *Device) {
	if err := d.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// TestFault reads outside a table: the device reports it now and ever after.
func TestFault(t *testing.T) {
	d := Open(Config{Threads: 2})
	alloc := func(typ kernels.Type, n int) kernels.Buffer {
		b, err := d.Alloc(typ, n)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	const n, c = 4000, 16 // work for several workers
	ids := alloc(kernels.Int32, n)
	d.Fill(ids, 5)
	d.Embed(alloc(kernels.Float32, n*c), alloc(kernels.Float32, 5*c), ids)
	for range 2 {
		if err := d.Wait(d.Mark()); err == nil || !strings.Contains(err.Error(), "out of range") {
			t.Errorf("fault is %v, want one of range", err)
		}
	}
	if d.Close() == nil {
		t.Error("Close after a fault returns nil")
	}
}

func TestShapesPanic(t *testing.T) {
	d := Open(Config{Threads: 1})
	defer d.Close()
	b, _ := d.Alloc(kernels.Float32, 6)
	defer func() {
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "Linear out is 6 elements of float32, want 4") {
			t.Errorf("panic is %v, want one that names the buffer", r)
		}
	}()
	d.Linear(kernels.LinearShape{Rows: 2, In: 3, Out: 2}, b, b, b, nil)
}

func TestCloseEndsGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 5 {
		closeDevice(t, Open(Config{Threads: 4}))
	}
	for range 1_000_000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}
