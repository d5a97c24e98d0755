package evaluation

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestScaleTicks(t *testing.T) {
	tests := []struct {
		low, high float64
		n         int
		outward   bool
		labels    []string
	}{
		{0, 1, 5, true, []string{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"}},
		{0.13, 0.37, 5, true, []string{"0.10", "0.15", "0.20", "0.25", "0.30", "0.35", "0.40"}},
		{1, 200, 6, false, []string{"50", "100", "150", "200"}},
		{0, 149, 6, false, []string{"0", "50", "100"}},
		{-1, 1, 5, true, []string{"-1.0", "-0.5", "0.0", "0.5", "1.0"}},
		{0, 40000, 5, true, []string{"0", "10k", "20k", "30k", "40k"}},
		{0, 2.5e6, 5, true, []string{"0", "0.5M", "1M", "1.5M", "2M", "2.5M"}},
		{0, 4e-4, 4, true, []string{"0", "1e-4", "2e-4", "3e-4", "4e-4"}},
		{3, 3, 3, true, []string{"1", "2", "3", "4", "5"}},
		{0, 0, 2, true, []string{"-1", "0", "1"}},
	}
	for _, test := range tests {
		s := scale{low: test.low, high: test.high}
		s.choose(test.n, test.outward)
		var labels []string
		for _, v := range s.ticks {
			labels = append(labels, s.label(v))
		}
		if !slices.Equal(labels, test.labels) {
			t.Errorf("ticks of [%v, %v] are %q, want %q", test.low, test.high, labels, test.labels)
		}
	}
}

// Two points in the corners of the plot, a gap between them.
func TestChartDrawsPointsAndGaps(t *testing.T) {
	c := Chart{Title: `a "title" <b>`, Series: []Series{{Name: "<reward>", X: []float64{0, 5, 10}, Y: []float64{0, math.NaN(), 1}}}}
	svg := c.svg()
	for _, want := range []string{
		`d="M44.0 164.0M324.0 8.0"`,
		`<title>&lt;reward&gt;: 1 at 10</title>`,
		`aria-label="a &#34;title&#34; &lt;b&gt;"`,
	} {
		if !strings.Contains(svg, want) {
			t.Errorf("drawing lacks %s:\n%s", want, svg)
		}
	}
	if strings.Contains(svg, "NaN") {
		t.Error("a gap was drawn")
	}
}

func TestReduceKeepsMeans(t *testing.T) {
	var s Series
	for i := range 1000 {
		s.X, s.Y = append(s.X, float64(i)), append(s.Y, float64(i%2))
	}
	r := s.reduce(100)
	if len(r.X) != 100 || r.X[0] != 4.5 || r.X[99] != 994.5 {
		t.Errorf("reduced to %d points from %v to %v, want 100 from 4.5 to 994.5", len(r.X), r.X[0], r.X[99])
	}
	for _, y := range r.Y {
		if y != 0.5 {
			t.Fatalf("a mean of five zeros and five ones is %v", y)
		}
	}
}
