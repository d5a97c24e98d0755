//go:build cuda

package cuda

import "github.com/octorl/octorl/kernels"

// advantageBlocks bounds the blocks that share a sum, whatever the card: the
// order of summation follows from it. It is maxBlocks of advantage.cu.
const (
	advantageBlocks  = 132
	advantageThreads = 256
)

// Advantage turns rewards and values into advantages and returns. Sums are in
// double precision, those of a completion in order.
func (d *Device) Advantage(a kernels.AdvantageArgs) {
	n, completions := a.Value.Len(), a.Reward.Len()
	starts := ints(a.Starts, "Advantage Starts", completions+1)
	reward, value := floats(a.Reward, "Advantage Reward", completions), floats(a.Value, "Advantage Value", n)
	advantage, returns := floats(a.Advantage, "Advantage Advantage", n), floats(a.Return, "Advantage Return", n)
	var behavior, reference *buffer
	if a.KL != 0 {
		behavior, reference = floats(a.Behavior, "Advantage Behavior", n), floats(a.Reference, "Advantage Reference", n)
	}
	d.enter("Advantage")
	defer d.leave()
	d.launch("advantage.advantages", grid{x: blocksFor(completions, advantageThreads/warp), threads: advantageThreads},
		advantage, returns, starts, reward, value, behavior, reference, int32(completions), a.Gamma, a.Lambda, a.KL)
	if a.Whiten {
		d.whiten(advantage)
	}
}

// whiten gives x mean 0 and variance 1.
func (d *Device) whiten(x *buffer) {
	blocks := min(blocksFor(x.n, advantageThreads), advantageBlocks)
	partials, mean, variance := d.scratch(8*advantageBlocks), d.scratch(8), d.scratch(8)
	many, one := grid{x: blocks, threads: advantageThreads}, grid{x: 1, threads: advantageThreads}
	d.launch("advantage.moments", many, partials, x, nil, int64(x.n))
	d.launch("advantage.moment", one, mean, partials, int32(blocks), int64(max(x.n, 1)))
	d.launch("advantage.moments", many, partials, x, mean, int64(x.n))
	d.launch("advantage.moment", one, variance, partials, int32(blocks), int64(max(x.n-1, 1)))
	d.launch("advantage.whiten", grid{x: blocksFor(x.n, advantageThreads), threads: advantageThreads},
		x, mean, variance, int64(x.n))
}

// ValueLoss turns values and returns into per-token coefficients for ValueHead.
// Terms are computed and summed in double precision.
func (d *Device) ValueLoss(a kernels.ValueLossArgs) {
	n := a.Value.Len()
	value, old := floats(a.Value, "ValueLoss Value", n), floats(a.Old, "ValueLoss Old", n)
	returns, weight := floats(a.Return, "ValueLoss Return", n), floats(a.Weight, "ValueLoss Weight", n)
	coef, stats := floats(a.Coef, "ValueLoss Coef", n), floats(a.Stats, "ValueLoss Stats", kernels.NumValueStats)
	blocks := min(blocksFor(n, advantageThreads), advantageBlocks)
	d.enter("ValueLoss")
	defer d.leave()
	partials := d.scratch(8 * advantageBlocks * kernels.NumValueStats)
	d.launch("advantage.value_loss", grid{x: blocks, threads: advantageThreads},
		coef, partials, value, old, returns, weight, int32(n), a.Clip)
	d.launch("advantage.value_statistics", grid{x: 1, threads: advantageThreads}, stats, partials, int32(blocks))
}
