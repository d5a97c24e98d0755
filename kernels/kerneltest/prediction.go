package kerneltest

import (
	"fmt"
	"math"

	"github.com/octorl/octorl/kernels"
)

// headCase is a Head call with its inputs in float64.
type headCase struct {
	kernels.HeadArgs
	hidden, weight, coef, eCoef []float64
	rows, targets               []int32
	temperature                 float64
}

func (s *suite) headCase(n, c, v, predictions int, temperature float32) *headCase {
	h := &headCase{rows: s.below(predictions, n), targets: s.below(predictions, v)}
	h.Channels, h.Temperature = c, temperature
	h.temperature = float64(temperature)
	h.Hidden, h.hidden = s.input(s.compute, n*c)
	h.Weight, h.weight = s.input(s.compute, v*c)
	h.Rows, h.Targets = s.ints(h.rows), s.ints(h.targets)
	h.LogProb, h.Entropy = s.output(kernels.Float32, predictions), s.output(kernels.Float32, predictions)
	return h
}

func (h *headCase) want() (logProb, entropy []float64) {
	return predictionsOf(h.Channels, h.hidden, h.weight, h.rows, h.targets, h.temperature)
}

func (s *suite) head() {
	for _, v := range []int{1, 7, 64, 1000} {
		for _, predictions := range []int{1, 6, 205} {
			h := s.headCase(9, 24, v, predictions, 0.7)
			s.dev.Head(h.HeadArgs)
			logProb, entropy := h.want()
			s.near(fmt.Sprintf("LogProb, %d of %d", predictions, v), h.LogProb, logProb)
			s.near(fmt.Sprintf("Entropy, %d of %d", predictions, v), h.Entropy, entropy)
		}
	}
}

func (s *suite) headGrad() {
	for _, v := range []int{5, 33} {
		for _, withEntropy := range []bool{false, true} {
			const n, c, predictions = 4, 10, 7
			h := s.headCase(n, c, v, predictions, 1.3)
			h.Coef, h.coef = s.input(kernels.Float32, predictions)
			h.eCoef = make([]float64, predictions)
			if withEntropy {
				h.EntropyCoef, h.eCoef = s.input(kernels.Float32, predictions)
			}
			h.DHidden = s.output(s.compute, n*c)
			var before []float64
			h.DWeight, before = s.input(kernels.Float32, v*c)
			s.dev.Head(h.HeadArgs)
			loss := func() float64 {
				logProb, entropy := h.want()
				return dot(logProb, h.coef) + dot(entropy, h.eCoef)
			}
			s.near("DHidden", h.DHidden, slope(h.hidden, loss))
			s.rounded("DWeight", h.DWeight, plus(before, slope(h.weight, loss)))
			logProb, entropy := h.want()
			s.near("LogProb beside gradients", h.LogProb, logProb)
			s.near("Entropy beside gradients", h.Entropy, entropy)
		}
	}
}

// headLarge has vocabularies whose rows several threads, or several groups of
// them, share.
func (s *suite) headLarge() {
	for _, v := range []int{3000, 9001, 40_013, 130_003} {
		const n, c, predictions = 3, 8, 5
		h := s.headCase(n, c, v, predictions, 0.8)
		h.Coef, h.coef = s.input(kernels.Float32, predictions)
		h.EntropyCoef, h.eCoef = s.input(kernels.Float32, predictions)
		h.DHidden = s.output(s.compute, n*c)
		var dWeight []float64
		h.DWeight, dWeight = s.input(kernels.Float32, v*c)
		s.dev.Head(h.HeadArgs)
		logProb, entropy := h.want()
		// One sum of so many terms rounds thousands of times; it was off by 1.2e-5 once.
		long := max(s.tolerance, 4e-5)
		s.within(fmt.Sprintf("LogProb of %d", v), h.LogProb, logProb, long)
		s.within(fmt.Sprintf("Entropy of %d", v), h.Entropy, entropy, long)
		dHidden := make([]float64, n*c)
		for p, row := range h.rows {
			x := h.hidden[int(row)*c : int(row+1)*c]
			probs := softmaxOf(linearOf(kernels.LinearShape{Rows: 1, In: c, Out: v}, x, h.weight, nil), h.temperature)
			for j, q := range probs {
				dz := -q * (h.coef[p] + h.eCoef[p]*(math.Log(q)+entropy[p]))
				if j == int(h.targets[p]) {
					dz += h.coef[p]
				}
				for i := range c {
					dHidden[int(row)*c+i] += dz / h.temperature * h.weight[j*c+i]
					dWeight[j*c+i] += dz / h.temperature * x[i]
				}
			}
		}
		// Sums over a vocabulary of terms of either sign lose digits.
		tolerance := max(s.tolerance, 5e-4)
		s.within(fmt.Sprintf("DHidden of %d", v), h.DHidden, dHidden, tolerance)
		s.within(fmt.Sprintf("DWeight of %d", v), h.DWeight, dWeight, tolerance)
	}
}

// sampleCase is a Sample call with its inputs.
type sampleCase struct {
	kernels.SampleArgs
	hidden, weight, temperatures []float64
	rows, keys, positions        []int32
}

func (s *suite) sampleCase(n, c, v, draws int) *sampleCase {
	a := &sampleCase{rows: s.below(draws, n), keys: s.below(2*draws, 1<<30), positions: s.below(draws, 4000)}
	a.Channels, a.Seed = c, s.rng.Uint64()
	a.Hidden, a.hidden = s.input(s.compute, n*c)
	a.Weight, a.weight = s.input(s.compute, v*c)
	temperatures := make([]float32, draws)
	for b := range temperatures {
		temperatures[b] = float32(s.rng.IntN(3)) * 0.6
	}
	a.Temperatures, a.temperatures = s.floats(kernels.Float32, temperatures)
	a.rows[draws/2] = -1
	a.Rows, a.Keys, a.Positions = s.ints(a.rows), s.ints(a.keys), s.ints(a.positions)
	a.Tokens = s.ints(make([]int32, draws))
	s.dev.Fill(a.Tokens, -7)
	a.LogProb, a.Entropy = s.output(kernels.Float32, draws), s.output(kernels.Float32, draws)
	return a
}

// sample checks each token against the interval of the distribution function
// that its random number lies in.
func (s *suite) sample() {
	for _, v := range []int{1, 30, 517, 5003, 40_013, 130_003} {
		const c = 8
		a := s.sampleCase(6, c, v, 111)
		s.dev.Sample(a.SampleArgs)
		tokens, logProb := s.readInts(a.Tokens), s.read(a.LogProb)
		for b, row := range a.rows {
			if row < 0 {
				if tokens[b] != -7 || !math.IsNaN(float64(logProb[b])) {
					s.Fatalf("row %d is skipped, yet written", b)
				}
				continue
			}
			z := linearOf(kernels.LinearShape{Rows: 1, In: c, Out: v}, a.hidden[int(row)*c:int(row+1)*c], a.weight, nil)
			s.checkDraw(a, b, z, int(tokens[b]), float64(logProb[b]))
		}
	}
}

func (s *suite) checkDraw(a *sampleCase, b int, z []float64, token int, logProb float64) {
	s.Helper()
	t := a.temperatures[b]
	p := softmaxOf(z, max(t, 0)+b2f(t == 0))
	tolerance := tolerances[kernels.Float32].element
	if d := math.Abs(math.Log(p[token]) - logProb); !(d < 100*tolerance) {
		s.Fatalf("row %d: logprob of token %d is %g, want %g", b, token, logProb, math.Log(p[token]))
	}
	if t == 0 {
		for j, v := range z {
			if v > z[token]+tolerance*10 {
				s.Fatalf("row %d: greedy token %d has logit %g, token %d %g", b, token, z[token], j, v)
			}
		}
		return
	}
	u := float64(kernels.Uniform(a.Seed, a.keys[2*b], a.keys[2*b+1], a.positions[b]))
	before := 0.0
	for _, v := range p[:token] {
		before += v
	}
	if u < before-tolerance || u > before+p[token]+tolerance {
		s.Fatalf("row %d: token %d covers [%g, %g), the number drawn is %g", b, token, before, before+p[token], u)
	}
}

func b2f(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// sampleFrequencies draws often from one distribution: the chi-square statistic of v−1
// degrees of freedom exceeds 60 once in 10⁹ for v = 8.
func (s *suite) sampleFrequencies() {
	const v, draws = 8, 4000
	hidden, _ := s.floats(s.compute, []float32{1})
	weights := []float32{0, 0.25, 0.5, 0.75, 1, -0.25, -0.5, 1.5}
	weight, weightOf := s.floats(s.compute, weights)
	keys := make([]int32, 2*draws)
	for b := range draws {
		keys[2*b] = int32(b)
	}
	temperatures := s.buffer(kernels.Float32, draws)
	s.dev.Fill(temperatures, 1)
	zeros := s.ints(make([]int32, draws))
	tokens := s.ints(make([]int32, draws))
	s.dev.Sample(kernels.SampleArgs{
		Channels: 1, Hidden: hidden, Weight: weight, Rows: zeros, Temperatures: temperatures,
		Keys: s.ints(keys), Positions: zeros, Seed: s.rng.Uint64(),
		Tokens: tokens, LogProb: s.output(kernels.Float32, draws), Entropy: s.output(kernels.Float32, draws),
	})
	counts := make([]float64, v)
	for _, t := range s.readInts(tokens) {
		counts[t]++
	}
	chi := 0.0
	for i, p := range softmaxOf(weightOf, 1) {
		chi += (counts[i] - draws*p) * (counts[i] - draws*p) / (draws * p)
	}
	if chi > 60 {
		s.Errorf("chi-square statistic %.1f of counts %v", chi, counts)
	}
}

// sampledEqualsScored draws tokens and lets Head score them.
func (s *suite) sampledEqualsScored() {
	for _, v := range []int{30, 1003, 20_011} {
		const c, draws = 48, 70
		a := s.sampleCase(9, c, v, draws)
		temperatures := make([]float32, draws)
		for b := range temperatures {
			a.rows[b], temperatures[b] = max(a.rows[b], 0), 0.83
		}
		s.dev.Upload(a.Rows, a.rows)
		s.dev.Upload(a.Temperatures, temperatures)
		s.dev.Sample(a.SampleArgs)
		h := kernels.HeadArgs{
			Channels: c, Hidden: a.Hidden, Weight: a.Weight, Rows: a.Rows, Targets: a.Tokens, Temperature: 0.83,
			LogProb: s.output(kernels.Float32, draws), Entropy: s.output(kernels.Float32, draws),
		}
		s.dev.Head(h)
		s.same("logprob scored", s.read(h.LogProb), s.read(a.LogProb))
		s.same("entropy scored", s.read(h.Entropy), s.read(a.Entropy))
		h.Coef = s.buffer(kernels.Float32, draws)
		h.DHidden, h.DWeight = s.output(s.compute, a.Hidden.Len()), s.buffer(kernels.Float32, v*c)
		s.dev.Head(h)
		s.same("logprob in training", s.read(h.LogProb), s.read(a.LogProb))
	}
}
