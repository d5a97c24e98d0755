//go:build cuda

package cuda

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/octorl/octorl/kernels"
)

// TestTransfersOfManyPieces moves more than staging memory holds, both ways,
// in both types.
func TestTransfersOfManyPieces(t *testing.T) {
	d := open(t)
	r := rand.New(rand.NewPCG(1, 2))
	n := (downloadBytes+slotBytes)/4 + 12345
	src := make([]float32, n)
	for i := range src {
		src[i] = float32(r.NormFloat64())
	}
	for _, kind := range []kernels.Type{kernels.Float32, kernels.BFloat16} {
		b, err := d.Alloc(kind, n)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float32, n)
		d.Upload(b, src)
		d.Download(got, b)
		if err := d.Wait(d.Mark()); err != nil {
			t.Fatal(err)
		}
		for i, v := range src {
			if kind == kernels.BFloat16 {
				v = math.Float32frombits(uint32(roundBFloat16(v)) << 16)
			}
			if got[i] != v {
				t.Fatalf("%s element %d: %v, want %v", kind, i, got[i], v)
			}
		}
		d.Free(b)
	}
}

// TestConversionsRoundAsOnTheHost compares the kernels of Copy with the host's
// conversions at odd offsets.
func TestConversionsRoundAsOnTheHost(t *testing.T) {
	d := open(t)
	r := rand.New(rand.NewPCG(3, 4))
	const n = 100_003
	src := make([]float32, n)
	for i := range src {
		src[i] = math.Float32frombits(r.Uint32())
		if src[i] != src[i] {
			src[i] = 1
		}
	}
	alloc := func(kind kernels.Type) kernels.Buffer {
		b, err := d.Alloc(kind, n)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	wide, half, back := alloc(kernels.Float32), alloc(kernels.BFloat16), alloc(kernels.Float32)
	d.Upload(wide, src)
	for _, from := range []int{0, 1, 8} {
		d.Fill(half, -7)
		d.Fill(back, -7)
		d.Copy(half.Slice(from, n), wide.Slice(from, n))
		d.Copy(back.Slice(from, n), half.Slice(from, n))
		got := make([]float32, n)
		d.Download(got, back)
		if err := d.Wait(d.Mark()); err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			want := float32(-7)
			if i >= from {
				want = math.Float32frombits(uint32(roundBFloat16(src[i])) << 16)
			}
			if v != want {
				t.Fatalf("from %d, element %d: %v, want %v", from, i, v, want)
			}
		}
	}
}

// TestGraphReplays records a copy and replays it on other contents.
func TestGraphReplays(t *testing.T) {
	d := open(t)
	a, err := d.Alloc(kernels.Float32, 3)
	if err != nil {
		t.Fatal(err)
	}
	b, err := d.Alloc(kernels.BFloat16, 3)
	if err != nil {
		t.Fatal(err)
	}
	g, err := d.Capture(func() {
		d.Copy(b, a)
		d.Fill(a, 9)
	})
	if err != nil {
		t.Fatal(err)
	}
	if g.NumOps() != 2 {
		t.Errorf("%d operations recorded", g.NumOps())
	}
	got := make([]float32, 6)
	d.Upload(a, []float32{1, 2, 3})
	d.Replay(g)
	d.Download(got[:3], b)
	d.Replay(g)
	d.Download(got[3:], b)
	if err := d.Wait(d.Mark()); err != nil {
		t.Fatal(err)
	}
	for i, want := range []float32{1, 2, 3, 9, 9, 9} {
		if got[i] != want {
			t.Fatalf("%v", got)
		}
	}
}
