//go:build cuda

package cuda

import "github.com/octorl/octorl/kernels"

// Sample draws one token a row. Logits are those of Head, and so is everything
// that is computed from them.
func (d *Device) Sample(a kernels.SampleArgs) {
	n := a.Rows.Len()
	p := d.newProjection("Sample", a.Channels, a.Hidden, a.Weight, a.Rows)
	temperatures, keys := floats(a.Temperatures, "Sample Temperatures", n), ints(a.Keys, "Sample Keys", 2*n)
	positions, tokens := ints(a.Positions, "Sample Positions", n), ints(a.Tokens, "Sample Tokens", n)
	logProb, entropy := floats(a.LogProb, "Sample LogProb", n), floats(a.Entropy, "Sample Entropy", n)
	d.enter("Sample")
	defer d.leave()
	rows := chunk(n, 4*p.stride, logitBytes)
	z, x := d.scratch(4*p.stride*rows), d.scratch(2*p.channels*rows)
	for from := 0; from < n; from += rows {
		count := min(rows, n-from)
		d.logits(&p, z, x, from, count)
		at := func(b *buffer) devicePointer { return b.at + devicePointer(4*from) }
		d.launch(p.kernel("sample.sample"), d.grid(p.rowShare, count),
			at(tokens), at(logProb), at(entropy), z, at(p.rows), at(temperatures),
			keys.at+devicePointer(8*from), at(positions), a.Seed, int32(p.size), int32(p.stride))
	}
}
