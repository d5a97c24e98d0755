package reward

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
)

// alikeShare returns at what share of n points, those of other seeds, two
// expressions look alike.
func alikeShare(t *testing.T, x, y string, n uint64) float64 {
	t.Helper()
	var formulas [2]*node
	for i, text := range []string{x, y} {
		f, err := parse(text, false, newBudget(context.Background()))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		formulas[i] = f
	}
	alikes := 0
	for i := range n {
		p := point{budget: newBudget(context.Background()), index: 1000 + i, integers: formulas[0].contains(isDiscrete)}
		a, okA := p.evaluate(formulas[0])
		b, okB := p.evaluate(formulas[1])
		if okA && okB && compareNumbers(a, b) == alike {
			alikes++
		}
	}
	return float64(alikes) / float64(n)
}

// TestFalseEqualIsAsRareAsStated compares expressions that differ at points of many
// seeds with what docs/algorithm.md says: a power in a sum is marked where it is
// too small, sums that cancel to a zero of order d look alike on about 2^(−230/d)
// of the points, and differences of whole numbers on the share of their zeros.
func TestFalseEqualIsAsRareAsStated(t *testing.T) {
	for _, d := range []int{1, 8, 64, 1000} {
		if share := alikeShare(t, fmt.Sprintf(`1+\sin^{%d} x`, d), "1", 200); share > 0 {
			t.Errorf("a power %d in a sum is not seen at %.3f of the points", d, share)
		}
	}
	// (x−1)^d, multiplied out so that terms of about the same size cancel; the
	// chance that |x−1|^d < 2^−230 · Σ terms, over x in (−3, 3).
	for _, d := range []int{4, 11, 24} {
		var terms []string
		for k, c := 0, 1.0; k <= d; k++ {
			terms = append(terms, fmt.Sprintf("%+.0fx^{%d}", c*math.Pow(-1, float64(k)), d-k))
			c = math.Round(c * float64(d-k) / float64(k+1))
		}
		bound := 2 * math.Pow(2, (-230+float64(2*d))/float64(d)) / 6
		if share := alikeShare(t, "1+"+strings.Join(terms, ""), "1", 3000); share > bound+3*math.Sqrt(bound/3000) {
			t.Errorf("a zero of order %d is not seen at %.4f of the points, want at most %.4f", d, share, bound)
		}
	}
	if share := alikeShare(t, "n!", "n!+(n-1)(n-2)(n-3)(n-4)", 3000); math.Abs(share-4.0/maxInteger) > 0.015 {
		t.Errorf("four zeros among %d are met at %.4f of the points, want %.4f", maxInteger, share, 4.0/maxInteger)
	}
}

// TestNumbersThatNearlyAgreeDiffer has pairs closer than any decimals show.
func TestNumbersThatNearlyAgreeDiffer(t *testing.T) {
	for _, c := range [][2]string{
		{"42", "42+e^{-1000}"}, {"42", `42+\sin^{1000} x`}, {"1", `\tanh(100)`}, {"1", `\cos(10^{-40}x)`}, {"1", `\cos(10^{-40})`},
		{`\frac{\pi}{2}`, `\arctan(10^{80})`}, {`\frac{\pi}{2}`, `\arctan(10^{30})`}, {"1", "e^{10^{-100}}"}, {"1", `(1+10^{-90})^{3}`},
		{`\sqrt{2}`, `\sqrt{2+10^{-100}}`}, {"0", "e^{-1000}"}, {"0", `\sin^{1000} x`}, {"x", `x+\frac{\sin x}{10^{90}}`},
		{"262537412640768744", `e^{\pi\sqrt{163}}`}, {"0", `\sin(10^{-90})`}, {"1", `\frac{\sinh 200}{\cosh 200}`}, {"3", `3+\frac{1}{9^{9^{9}}}`},
		{"2", `2+\ln(1+10^{-100})`}, {"2", `2\cosh(10^{-60})`}, {"|x|", `\sqrt{x^2+10^{-100}}`}, {"1", `\lceil e^{-1000} \rceil + 1`},
		{"1", "x^{10^{-90}}"}, {"0", `\arctan(10^{-90})`}, {"0", `\sinh(10^{-90})`}, {"0", `\ln(1+10^{-72})`}, {"0", `\tan(10^{-90})`}, {"1", `\sec(10^{-60})`},
	} {
		if decideBare(c[0], c[1]) || decideBare(c[1], c[0]) {
			t.Errorf("%s counts as equal to %s", c[1], c[0])
		}
	}
}
