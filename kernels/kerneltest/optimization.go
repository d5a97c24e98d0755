package kerneltest

import (
	"math"

	"github.com/octorl/octorl/kernels"
)

// policyGradient compares coefficients with differences of the loss, away from
// its kinks, and the statistics with their definitions.
func (s *suite) policyGradient() {
	const n = 60
	a := kernels.PolicyGradientArgs{ClipLow: 0.2, ClipHigh: 0.3, DualClip: 3, KL: 0.05}
	var logProb, behavior, reference, advantage []float64
	a.LogProb, logProb = s.input(kernels.Float32, n)
	a.Behavior, behavior = s.input(kernels.Float32, n)
	a.Reference, reference = s.input(kernels.Float32, n)
	a.Advantage, advantage = s.input(kernels.Float32, n)
	weights := make([]float32, n)
	for p := range weights {
		weights[p] = float32(p%4) / n
	}
	a.Weight, _ = s.floats(kernels.Float32, weights)
	a.Coef, a.Stats = s.output(kernels.Float32, n), s.output(kernels.Float32, kernels.NumPolicyStats)
	s.dev.PolicyGradient(a)

	want := make([]float64, kernels.NumPolicyStats)
	want[kernels.StatRatioMin] = math.Inf(1)
	coef := s.read(a.Coef)
	for p, w := range weights {
		loss := func(x float64) float64 {
			return float64(w) * surrogateOf(a, x, behavior[p], reference[p], advantage[p])
		}
		const h = 1e-6
		left, right := (loss(logProb[p])-loss(logProb[p]-h))/h, (loss(logProb[p]+h)-loss(logProb[p]))/h
		if math.Abs(left-right) < 1e-3 && !(math.Abs(float64(coef[p])-left) <= 1e-3*math.Abs(left)+1e-5) {
			s.Fatalf("coefficient %d is %g, want %g", p, coef[p], left)
		}
		if w == 0 {
			continue
		}
		r := math.Exp(logProb[p] - behavior[p])
		d := reference[p] - logProb[p]
		want[kernels.StatLoss] += loss(logProb[p])
		want[kernels.StatRatioMin] = min(want[kernels.StatRatioMin], r)
		want[kernels.StatRatioMax] = max(want[kernels.StatRatioMax], r)
		if A := advantage[p]; A > 0 && r > 1.3 || A < 0 && (r < 0.8 || r > 3) {
			want[kernels.StatClipped] += float64(w)
		}
		want[kernels.StatKLBehavior] += float64(w) * (r - 1 - math.Log(r))
		want[kernels.StatKLReference] += float64(w) * (math.Exp(d) - d - 1)
		want[kernels.StatMaxDeviation] = max(want[kernels.StatMaxDeviation], math.Abs(math.Log(r)))
	}
	for i, got := range s.read(a.Stats) {
		if !(math.Abs(float64(got)-want[i]) <= 1e-4*(1+math.Abs(want[i]))) {
			s.Errorf("statistic %d is %g, want %g", i, got, want[i])
		}
	}
	s.onPolicy(a)
}

// onPolicy checks that equal logprobs give a ratio of exactly 1.
func (s *suite) onPolicy(a kernels.PolicyGradientArgs) {
	a.Behavior = a.LogProb
	s.dev.PolicyGradient(a)
	stats := s.read(a.Stats)
	if stats[kernels.StatRatioMin] != 1 || stats[kernels.StatRatioMax] != 1 || stats[kernels.StatMaxDeviation] != 0 {
		s.Errorf("statistics on policy: %v", stats)
	}
}

func (s *suite) squaredNorm() {
	for _, n := range []int{1, 15, 4097, 30_001} {
		x, of := s.input(kernels.Float32, n)
		out := s.output(kernels.Float32, 1)
		s.dev.SquaredNorm(out, x)
		s.near("SquaredNorm", out, []float64{dot(of, of)})
	}
}

// adamCase is an AdamW call with its inputs in float64.
type adamCase struct {
	kernels.AdamWArgs
	w, g, m, v []float64
}

func (s *suite) adamCase(n int, norm float32) *adamCase {
	a := &adamCase{AdamWArgs: kernels.AdamWArgs{MaxNorm: 0.5, Beta1: 0.9, Beta2: 0.95, Eps: 1e-6, Decay: 0.1}}
	a.Master, a.w = s.input(kernels.Float32, n)
	a.Grads, a.g = s.input(kernels.Float32, n)
	a.M, a.m = s.input(kernels.Float32, n)
	squares := make([]float32, n)
	for i := range squares {
		squares[i] = float32(math.Abs(s.rng.NormFloat64()))
	}
	a.V, a.v = s.floats(kernels.Float32, squares)
	a.Weights = a.Master
	if s.compute != kernels.Float32 {
		a.Weights = s.output(s.compute, n)
	}
	a.Norm, _ = s.floats(kernels.Float32, []float32{norm})
	a.Hyper, _ = s.floats(kernels.Float32, []float32{0.01, 1 / (1 - 0.81), 1 / (1 - 0.9025)}) // the second step
	return a
}

func (s *suite) adamW() {
	for _, norm := range []float32{0.04, 16} {
		for _, n := range []int{1, 37, 9000} {
			a := s.adamCase(n, norm)
			s.dev.AdamW(a.AdamWArgs)
			clip := min(1, 0.5/math.Sqrt(float64(norm)))
			for i := range a.w {
				g := a.g[i] * clip
				a.m[i] = 0.9*a.m[i] + 0.1*g
				a.v[i] = 0.95*a.v[i] + 0.05*g*g
				a.w[i] -= 0.01 * (a.m[i]/(1-0.81)/(math.Sqrt(a.v[i]/(1-0.9025))+1e-6) + 0.1*a.w[i])
			}
			s.within("Master", a.Master, a.w, 2e-5)
			s.within("M", a.M, a.m, 2e-5)
			s.within("V", a.V, a.v, 2e-5)
			s.near("Weights", a.Weights, a.w)
		}
	}
	s.adamWBefore()
	for _, norm := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		a := s.adamCase(20, norm)
		s.dev.AdamW(a.AdamWArgs)
		s.within("Master without a step", a.Master, a.w, 0)
		s.within("M without a step", a.M, a.m, 0)
	}
}

// adamWBefore makes the third update after two of unknown outcome: whichever were
// made, the result is that of corrections for their number.
func (s *suite) adamWBefore() {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, tt := range []struct {
		before []float32
		made   int
	}{{[]float32{1}, 1}, {[]float32{nan}, 0}, {[]float32{0, 4}, 2}, {[]float32{inf, 4}, 1}, {[]float32{9, nan}, 1}, {[]float32{inf, nan}, 0}} {
		a := s.adamCase(50, 0.04)
		plain := a.AdamWArgs
		plain.Master, plain.M, plain.V = s.copyOf(a.Master), s.copyOf(a.M), s.copyOf(a.V)
		plain.Weights = plain.Master
		if s.compute != kernels.Float32 {
			plain.Weights = s.output(s.compute, 50)
		}
		hyper := []float32{0.02}
		for i := range len(tt.before) + 1 {
			t := float64(i + 1)
			hyper = append(hyper, float32(1/(1-math.Pow(0.9, t))), float32(1/(1-math.Pow(0.95, t))))
		}
		a.Before, _ = s.floats(kernels.Float32, tt.before)
		a.Hyper, _ = s.floats(kernels.Float32, hyper)
		plain.Hyper, _ = s.floats(kernels.Float32, []float32{0.02, hyper[1+2*tt.made], hyper[2+2*tt.made]})
		s.dev.AdamW(a.AdamWArgs)
		s.dev.AdamW(plain)
		s.same("Master after updates of unknown outcome", s.read(a.Master), s.read(plain.Master))
		s.same("Weights after updates of unknown outcome", s.read(a.Weights), s.read(plain.Weights))
	}
}

// copyOf returns other memory with the contents of b.
func (s *suite) copyOf(b kernels.Buffer) kernels.Buffer {
	c := s.buffer(b.Type(), b.Len())
	s.dev.Copy(c, b)
	return c
}
