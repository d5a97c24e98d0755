package cpu

import "github.com/octorl/octorl/kernels"

// ValueLoss turns values and returns into per-token coefficients for ValueHead.
// Statistics are summed in double precision, in order.
func (d *Device) ValueLoss(a kernels.ValueLossArgs) {
	n := a.Value.Len()
	value, old := floats(a.Value, "ValueLoss Value", n), floats(a.Old, "ValueLoss Old", n)
	returns, weight := floats(a.Return, "ValueLoss Return", n), floats(a.Weight, "ValueLoss Weight", n)
	coef, stats := floats(a.Coef, "ValueLoss Coef", n), floats(a.Stats, "ValueLoss Stats", kernels.NumValueStats)
	d.do(func() {
		var totals [kernels.NumValueStats]float64
		for p, w := range weight.f {
			coef.f[p] = 0
			if w == 0 {
				continue
			}
			w, r := float64(w), float64(returns.f[p])
			v := valueTerm(float64(value.f[p]), float64(old.f[p]), r, float64(a.Clip))
			coef.f[p] = float32(w * v.slope)
			totals[kernels.StatValueLoss] += w * v.loss
			if v.clipped {
				totals[kernels.StatValueClipped] += w
			}
			totals[kernels.StatReturn] += w * r
			totals[kernels.StatReturnSquare] += w * r * r
			totals[kernels.StatError] += w * v.err
			totals[kernels.StatErrorSquare] += w * v.err * v.err
		}
		for i, total := range totals {
			stats.f[i] = float32(total)
		}
	}, coef, stats)
}

// valueLoss is one prediction's share of the loss of values, before its weight.
type valueLoss struct {
	loss, slope float64 // slope is the derivative by value
	err         float64 // value − return
	clipped     bool
}

func valueTerm(value, old, returns, clip float64) valueLoss {
	e := value - returns
	v := valueLoss{loss: e * e / 2, slope: e, err: e}
	if clip == 0 {
		return v
	}
	bounded := min(max(value, old-clip), old+clip) - returns
	if bounded*bounded > e*e {
		v.loss, v.slope, v.clipped = bounded*bounded/2, 0, true
	}
	return v
}
