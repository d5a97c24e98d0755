package policy

import (
	"testing"

	"github.com/octorl/octorl/kernels"
)

// countingDevice counts the bytes that are allocated.
type countingDevice struct {
	kernels.Device
	bytes int
}

func (d *countingDevice) Alloc(t kernels.Type, n int) (kernels.Buffer, error) {
	d.bytes += n * t.Size()
	return d.Device.Alloc(t, n)
}

func (d *countingDevice) AllocCache(s kernels.CacheShape) (kernels.Cache, error) {
	c := Config{Layers: s.Layers, Heads: s.Heads}
	d.bytes += c.CacheBytes(d.Info().Compute, s.Pages*s.PageTokens)
	return d.Device.AllocCache(s)
}

// TestBytes compares what is foretold with what is allocated.
func TestBytes(t *testing.T) {
	critic := tinyConfig(Llama)
	critic.ValueHead = true
	for _, cfg := range append(tinyConfigs(), wideConfig(Qwen3, 64), critic) {
		for _, half := range []bool{false, true} {
			dev := &countingDevice{Device: openDevice(t)}
			if half {
				dev.Device = halfDevice{dev.Device}
			}
			compute := dev.Info().Compute
			p, err := New(dev, cfg)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := dev.bytes-4*cfg.Heads.Width/2, cfg.WeightBytes(compute); got != want {
				t.Errorf("%s: weights take %d bytes, foretold %d", cfg.Architecture, got, want)
			}
			const rows = 10
			for _, backward := range []bool{false, true} {
				before := dev.bytes
				newPass(t, p, PassLimits{Tokens: rows, Segments: rows, Predictions: rows, Backward: backward})
				if got, want := dev.bytes-before, rows*cfg.RowBytes(compute, backward); got != want {
					t.Errorf("%s in %s, backward %t: a pass takes %d bytes, foretold %d", cfg.Architecture, compute, backward, got, want)
				}
			}
		}
	}
}
