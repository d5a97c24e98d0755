//go:build cuda

package cuda

import "github.com/octorl/octorl/kernels"

// policyBlocks bounds the blocks of PolicyGradient, whatever the card: the
// statistics' order of summation follows from it.
const (
	policyBlocks  = 132
	policyThreads = 256
)

// PolicyGradient turns logprobs and advantages into per-token coefficients for
// Head. Terms are computed and summed in double precision. Without a prediction
// of nonzero weight the ratios are 1 and the rest 0.
func (d *Device) PolicyGradient(a kernels.PolicyGradientArgs) {
	n := a.LogProb.Len()
	logProb, behavior := floats(a.LogProb, "PolicyGradient LogProb", n), floats(a.Behavior, "PolicyGradient Behavior", n)
	advantage, weight := floats(a.Advantage, "PolicyGradient Advantage", n), floats(a.Weight, "PolicyGradient Weight", n)
	coef := floats(a.Coef, "PolicyGradient Coef", n)
	stats := floats(a.Stats, "PolicyGradient Stats", kernels.NumPolicyStats)
	var reference *buffer
	if a.Reference != nil {
		reference = floats(a.Reference, "PolicyGradient Reference", n)
	} else if a.KL != 0 {
		panic("cuda: PolicyGradient with KL but no Reference")
	}
	blocks := min(blocksFor(n, policyThreads), policyBlocks)
	d.enter("PolicyGradient")
	defer d.leave()
	partials := d.scratch(8 * policyBlocks * kernels.NumPolicyStats)
	d.launch("policygradient.policy_gradient", grid{x: blocks, threads: policyThreads},
		coef, partials, logProb, behavior, reference, advantage, weight, int32(n),
		a.ClipLow, a.ClipHigh, a.DualClip, a.KL)
	d.launch("policygradient.policy_statistics", grid{x: 1, threads: policyThreads}, stats, partials, int32(blocks))
}
