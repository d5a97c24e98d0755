package cpu

import (
	"math/rand/v2"
	"testing"
)

// TestGradientWithoutEntropy is why logits need not be kept where entropy has no
// coefficient: what multiplies by the coefficient alone is what multiplies by
// a polynomial whose other term is zero.
func TestGradientWithoutEntropy(t *testing.T) {
	const vocabulary, target = 77, 5
	r := rand.New(rand.NewPCG(3, 4))
	for _, coef := range []float32{0, 0.25, -1.5} {
		z := make([]float32, vocabulary)
		for j := range z {
			z[j] = float32(r.NormFloat64()) * 20
		}
		want := make([]float32, vocabulary)
		dist := newDistribution(want, z, 0.8)
		share := dist.scale / dist.sum
		logitGradRow(want, z, dist.scale, dist.top, share*(0*(dist.dot/dist.sum)-coef), -share*0)
		want[target] += coef * dist.scale

		dist = newDistribution(z, z, 0.8)
		dist.gradient(z, nil, target, coef, 0)
		for j, v := range z {
			if v != want[j] { // zeros of either sign are equal, and sums from zero on do not tell them apart
				t.Fatalf("coefficient %g: derivative %d is %g, want %g", coef, j, v, want[j])
			}
		}
	}
}
