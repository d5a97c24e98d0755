package kerneltest

import (
	"math"

	"github.com/octorl/octorl/kernels"
)

// valueHead compares values with products in float64, and gradients with what
// they are of a linear function. Several predictions read one row.
func (s *suite) valueHead() {
	for _, shape := range []struct{ rows, channels, predictions int }{
		{2, 1, 3}, {6, 10, 40}, {6, 264, 40}, {300, 96, 1100}, {70, 2048, 90},
	} {
		s.valueHeadOf(shape.rows, shape.channels, shape.predictions)
	}
}

func (s *suite) valueHeadOf(n, c, predictions int) {
	a := kernels.ValueHeadArgs{}
	var hidden, weight, coef, dWeight []float64
	a.Hidden, hidden = s.input(s.compute, n*c)
	a.Weight, weight = s.input(s.compute, c)
	a.Coef, coef = s.input(kernels.Float32, predictions)
	a.DWeight, dWeight = s.input(kernels.Float32, c)
	rows := s.below(predictions, n-1) // the last row is not read
	a.Rows, a.Value, a.DHidden = s.ints(rows), s.output(kernels.Float32, predictions), s.output(s.compute, n*c)
	s.dev.ValueHead(a)

	values, dHidden := make([]float64, predictions), make([]float64, n*c)
	for p, row := range rows {
		x := hidden[int(row)*c : (int(row)+1)*c]
		values[p] = dot(x, weight)
		for i := range c {
			dHidden[int(row)*c+i] += coef[p] * weight[i]
			dWeight[i] += coef[p] * x[i]
		}
	}
	s.near("Value", a.Value, values)
	s.near("DHidden", a.DHidden, dHidden)
	s.near("DWeight", a.DWeight, dWeight)

	// Fewer predictions, no gradients: the same values.
	few := predictions/2 + 1
	a.Rows, a.Coef, a.Value = a.Rows.Slice(0, few), nil, s.output(kernels.Float32, few)
	before := s.read(a.DHidden)
	s.dev.ValueHead(a)
	s.same("values among fewer", s.read(a.Value), s.valuesOf(a, rows))
	s.same("DHidden without coefficients", s.read(a.DHidden), before)
}

// valuesOf computes the values of a's first predictions one by one.
func (s *suite) valuesOf(a kernels.ValueHeadArgs, rows []int32) []float32 {
	var values []float32
	for _, row := range rows[:a.Value.Len()] {
		a.Rows, a.Value = s.ints([]int32{row}), s.output(kernels.Float32, 1)
		s.dev.ValueHead(a)
		values = append(values, s.read(a.Value)...)
	}
	return values
}

// advantage compares with the sum that the recursion of advantages unrolls to.
func (s *suite) advantage() {
	for _, whiten := range []bool{false, true} {
		for _, lengths := range [][]int{{1}, {5}, {3, 1, 700, 40}, {33, 32, 31, 64, 65, 2, 9, 8, 7}} {
			s.advantageOf(lengths, 0.1, whiten)
			s.advantageOf(lengths, 0, whiten)
		}
	}
}

func (s *suite) advantageOf(lengths []int, kl float64, whiten bool) {
	starts := []int32{0}
	for _, n := range lengths {
		starts = append(starts, starts[len(starts)-1]+int32(n))
	}
	n := int(starts[len(lengths)])
	a := kernels.AdvantageArgs{Starts: s.ints(starts), Gamma: 0.97, Lambda: 0.9, KL: float32(kl), Whiten: whiten}
	var reward, value, behavior, reference []float64
	a.Reward, reward = s.input(kernels.Float32, len(lengths))
	a.Value, value = s.input(kernels.Float32, n)
	a.Behavior, behavior = s.input(kernels.Float32, n)
	a.Reference, reference = s.input(kernels.Float32, n)
	if kl == 0 {
		a.Behavior, a.Reference = nil, nil
	}
	a.Advantage, a.Return = s.output(kernels.Float32, n), s.output(kernels.Float32, n)
	s.dev.Advantage(a)

	advantages, returns := make([]float64, n), make([]float64, n)
	for c := range lengths {
		from, to := int(starts[c]), int(starts[c+1])
		for p := from; p < to; p++ {
			for q := to - 1; q >= p; q-- {
				delta := -kl*(behavior[q]-reference[q]) - value[q]
				if q == to-1 {
					delta += reward[c]
				} else {
					delta += 0.97 * value[q+1]
				}
				advantages[p] += math.Pow(0.97*0.9, float64(q-p)) * delta
			}
			returns[p] = advantages[p] + value[p]
		}
	}
	if whiten {
		whitenOf(advantages)
	}
	s.near("Advantage", a.Advantage, advantages)
	s.near("Return", a.Return, returns)
}

func whitenOf(x []float64) {
	mean, variance := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(max(len(x)-1, 1))
	}
	for i := range x {
		x[i] = (x[i] - mean) / math.Sqrt(variance+1e-8)
	}
}

// valueLoss compares coefficients with differences of the loss, away from its
// kinks, and the statistics with their definitions.
func (s *suite) valueLoss() {
	s.valueLossOf(300, 0.3)
	s.valueLossOf(300, 0)
	s.valueLossOf(40_000, 0.3)
}

func (s *suite) valueLossOf(n int, clip float64) {
	a := kernels.ValueLossArgs{Clip: float32(clip)}
	var value, old, returns []float64
	a.Value, value = s.input(kernels.Float32, n)
	a.Old, old = s.input(kernels.Float32, n)
	a.Return, returns = s.input(kernels.Float32, n)
	weights := make([]float32, n)
	for p := range weights {
		weights[p] = float32(p%4) / float32(n)
	}
	a.Weight, _ = s.floats(kernels.Float32, weights)
	a.Coef, a.Stats = s.output(kernels.Float32, n), s.output(kernels.Float32, kernels.NumValueStats)
	s.dev.ValueLoss(a)

	want := make([]float64, kernels.NumValueStats)
	coef := s.read(a.Coef)
	for p, w := range weights {
		clipped := func(v float64) float64 {
			if clip == 0 {
				return v
			}
			return min(max(v, old[p]-clip), old[p]+clip)
		}
		loss := func(v float64) float64 {
			return float64(w) / 2 * max(math.Pow(v-returns[p], 2), math.Pow(clipped(v)-returns[p], 2))
		}
		const h = 1e-5
		left, right := (loss(value[p])-loss(value[p]-h))/h, (loss(value[p]+h)-loss(value[p]))/h
		if math.Abs(left-right) < 1e-3*float64(w) && !(math.Abs(float64(coef[p])-left) <= 1e-3*float64(w)) {
			s.Fatalf("coefficient %d is %g, want %g", p, coef[p], left)
		}
		if w == 0 && coef[p] != 0 {
			s.Fatalf("coefficient %d is %g without weight", p, coef[p])
		}
		e := value[p] - returns[p]
		want[kernels.StatValueLoss] += loss(value[p])
		if math.Abs(clipped(value[p])-returns[p]) > math.Abs(e) {
			want[kernels.StatValueClipped] += float64(w)
		}
		want[kernels.StatReturn] += float64(w) * returns[p]
		want[kernels.StatReturnSquare] += float64(w) * returns[p] * returns[p]
		want[kernels.StatError] += float64(w) * e
		want[kernels.StatErrorSquare] += float64(w) * e * e
	}
	s.within("Stats", a.Stats, want, 1e-4)
}
