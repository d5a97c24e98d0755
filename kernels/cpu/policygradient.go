package cpu

import (
	"math"

	"github.com/octorl/octorl/kernels"
)

// PolicyGradient turns logprobs and advantages into per-token coefficients for
// Head. Statistics are summed in double precision, in order. Without a
// prediction of nonzero weight the ratios are 1 and the rest 0.
func (d *Device) PolicyGradient(a kernels.PolicyGradientArgs) {
	n := a.LogProb.Len()
	logProb := floats(a.LogProb, "PolicyGradient LogProb", n)
	behavior := floats(a.Behavior, "PolicyGradient Behavior", n)
	advantage := floats(a.Advantage, "PolicyGradient Advantage", n)
	weight := floats(a.Weight, "PolicyGradient Weight", n)
	coef := floats(a.Coef, "PolicyGradient Coef", n)
	stats := floats(a.Stats, "PolicyGradient Stats", kernels.NumPolicyStats)
	var reference *buffer
	if a.Reference != nil {
		reference = floats(a.Reference, "PolicyGradient Reference", n)
	} else if a.KL != 0 {
		panic("cpu: PolicyGradient with KL but no Reference")
	}
	d.do(func() {
		t := newPolicyTotals()
		for p, w := range weight.f {
			coef.f[p] = 0
			if w == 0 {
				continue
			}
			u := surrogate(&a, logProb.f[p]-behavior.f[p], advantage.f[p])
			if reference != nil {
				u.addReference(a.KL, reference.f[p]-logProb.f[p])
			}
			coef.f[p] = float32(float64(w) * u.slope)
			t.add(float64(w), &u)
		}
		t.store(stats.f)
	}, coef, stats)
}

// policyTerm is one prediction's share of the loss, before its weight.
type policyTerm struct {
	loss, slope      float64 // slope is the derivative by logprob
	ratio, deviation float64 // deviation is logprob − behavior
	reference        float64 // exp(d) − d − 1
	clipped          bool
}

// surrogate is the clipped policy loss (arXiv:1707.06347 §3, arXiv:1912.09729 §3).
func surrogate(a *kernels.PolicyGradientArgs, deviation, advantage float32) policyTerm {
	adv := float64(advantage)
	u := policyTerm{ratio: math.Exp(float64(deviation)), deviation: float64(deviation)}
	bounded := min(max(u.ratio, 1-float64(a.ClipLow)), 1+float64(a.ClipHigh))
	u.loss, u.slope = -u.ratio*adv, -u.ratio*adv
	if bounded*adv < u.ratio*adv {
		u.loss, u.slope, u.clipped = -bounded*adv, 0, true
	}
	if most := -float64(a.DualClip) * adv; adv < 0 && a.DualClip > 0 && u.loss > most {
		u.loss, u.slope, u.clipped = most, 0, true
	}
	return u
}

// addReference adds the penalty for d = reference − logprob.
func (u *policyTerm) addReference(kl, d float32) {
	u.reference = math.Expm1(float64(d)) - float64(d)
	u.loss += float64(kl) * u.reference
	u.slope -= float64(kl) * math.Expm1(float64(d))
}

// policyTotals are the statistics of a call.
type policyTotals struct {
	loss, ratioMin, ratioMax, clipped, klBehavior, klReference, maxDeviation float64
}

func newPolicyTotals() policyTotals {
	return policyTotals{ratioMin: math.Inf(1), ratioMax: math.Inf(-1)}
}

func (t *policyTotals) add(w float64, u *policyTerm) {
	t.loss += w * u.loss
	t.ratioMin, t.ratioMax = min(t.ratioMin, u.ratio), max(t.ratioMax, u.ratio)
	if u.clipped {
		t.clipped += w
	}
	t.klBehavior += w * (math.Expm1(u.deviation) - u.deviation)
	t.klReference += w * u.reference
	t.maxDeviation = max(t.maxDeviation, math.Abs(u.deviation))
}

func (t *policyTotals) store(stats []float32) {
	if t.ratioMax < t.ratioMin {
		t.ratioMin, t.ratioMax = 1, 1
	}
	stats[kernels.StatLoss] = float32(t.loss)
	stats[kernels.StatRatioMin] = float32(t.ratioMin)
	stats[kernels.StatRatioMax] = float32(t.ratioMax)
	stats[kernels.StatClipped] = float32(t.clipped)
	stats[kernels.StatKLBehavior] = float32(t.klBehavior)
	stats[kernels.StatKLReference] = float32(t.klReference)
	stats[kernels.StatMaxDeviation] = float32(t.maxDeviation)
}
