package cpu

import "github.com/octorl/octorl/kernels"

// sampleCall is one call of Sample.
type sampleCall struct {
	vocabulary                     int
	seed                           uint64
	rows, keys, positions, tokens  *buffer
	temperatures, logProb, entropy *buffer
}

// Sample draws one token a row.
func (d *Device) Sample(a kernels.SampleArgs) {
	n := a.Rows.Len()
	hidden := floats(a.Hidden, "Sample Hidden", a.Channels*divide(a.Hidden.Len(), a.Channels, "Sample Hidden"))
	weight := floats(a.Weight, "Sample Weight", a.Weight.Len())
	s := &sampleCall{
		vocabulary:   divide(a.Weight.Len(), a.Channels, "Sample Weight"),
		seed:         a.Seed,
		rows:         ints(a.Rows, "Sample Rows", n),
		keys:         ints(a.Keys, "Sample Keys", 2*n),
		positions:    ints(a.Positions, "Sample Positions", n),
		tokens:       ints(a.Tokens, "Sample Tokens", n),
		temperatures: floats(a.Temperatures, "Sample Temperatures", n),
		logProb:      floats(a.LogProb, "Sample LogProb", n),
		entropy:      floats(a.Entropy, "Sample Entropy", n),
	}
	d.do(func() {
		rows := headRows(n, s.vocabulary)
		x := d.shared.take(rows * a.Channels)
		z := d.shared.take(rows * s.vocabulary)
		for from := 0; from < n; from += rows {
			chunk := s.rows.i[from:min(from+rows, n)]
			d.logits(output{z, s.vocabulary}, x, hidden.f, chunk, weight, a.Channels)
			d.pool.rows(len(chunk), 8*s.vocabulary, func(w *worker, b0, b1 int) {
				e := w.take(s.vocabulary)
				for b := b0; b < b1; b++ {
					if chunk[b] >= 0 {
						s.draw(e, z[b*s.vocabulary:(b+1)*s.vocabulary], from+b)
					}
				}
			})
		}
	}, s.tokens, s.logProb, s.entropy)
}

// draw writes token, logprob and entropy of row b from its logits.
func (s *sampleCall) draw(e, z []float32, b int) {
	scale := float32(1)
	if t := s.temperatures.f[b]; t > 0 {
		scale = 1 / t
	}
	dist := newDistribution(e, z, scale)
	token := 0
	if s.temperatures.f[b] > 0 {
		u := kernels.Uniform(s.seed, s.keys.i[2*b], s.keys.i[2*b+1], s.positions.i[b])
		token = quantile(e, float64(u))
	} else {
		top := maxRow(z)
		for z[token] != top && token < len(z)-1 {
			token++
		}
	}
	s.tokens.i[b] = int32(token)
	s.logProb.f[b] = dist.logProb(z[token])
	s.entropy.f[b] = dist.entropy()
}

// quantile returns the first index up to which e sums to more than a share u of
// its sum, or the last of nonzero e where rounding leaves none. Both sums are in
// double precision: over a large vocabulary single precision is off by more than
// the probability of a token.
func quantile(e []float32, u float64) int {
	target := 0.0
	for _, v := range e {
		target += float64(v)
	}
	target *= u
	sum, last := 0.0, 0
	for j, v := range e {
		if v == 0 {
			continue
		}
		sum += float64(v)
		last = j
		if sum > target {
			break
		}
	}
	return last
}
