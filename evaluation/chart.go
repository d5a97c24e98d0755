package evaluation

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// Series is one curve: points (X[i], Y[i]) in ascending X. A NaN or infinite Y
// leaves a gap.
type Series struct {
	Name string
	X, Y []float64
}

// Chart is a set of curves over the same axes.
type Chart struct {
	Title, XLabel, YLabel string // YLabel gives the unit
	Series                []Series
	Powers                bool // X holds exponents of 2, which the axis shows as powers
}

// The plot lies inside a drawing of these units, which the page scales.
const (
	chartWidth, chartHeight = 340, 204
	plotLeft, plotRight     = 44, 324
	plotTop, plotBottom     = 8, 164
	maxPoints               = 400 // of one curve drawn: more than pixels help nobody
	maxHovers               = 60  // of one curve that show their values
	seriesColors            = 6   // defined by the page's style
)

// svg returns the chart as an inline SVG element. Points show their values when
// the pointer rests on them.
func (c Chart) svg() string {
	x, y := c.scales()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, chartWidth, chartHeight, html.EscapeString(c.Title))
	for _, v := range y.ticks {
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, plotLeft, plotRight, y.at(v), y.at(v))
		fmt.Fprintf(&b, `<text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`, plotLeft-6, y.at(v)+4, y.label(v))
	}
	for _, v := range x.ticks {
		fmt.Fprintf(&b, `<text class="tick" x="%.1f" y="%d" text-anchor="middle">%s</text>`, x.at(v), plotBottom+16, c.xLabel(x, v))
	}
	fmt.Fprintf(&b, `<line class="axis" x1="%d" x2="%d" y1="%d" y2="%d"/>`, plotLeft, plotRight, plotBottom, plotBottom)
	fmt.Fprintf(&b, `<text class="tick" x="%d" y="%d" text-anchor="end">%s</text>`, plotRight, chartHeight-4, html.EscapeString(c.XLabel))
	for i, s := range c.Series {
		s.reduce(maxPoints).draw(&b, i, x, y, func(v float64) string {
			if c.Powers {
				return short(math.Exp2(v))
			}
			return short(v)
		})
	}
	b.WriteString("</svg>")
	return b.String()
}

// xLabel formats a tick of the x axis.
func (c Chart) xLabel(x scale, v float64) string {
	if c.Powers {
		return short(math.Exp2(v))
	}
	return x.label(v)
}

// scales returns the axes that hold every finite point.
func (c Chart) scales() (x, y scale) {
	x, y = scale{from: plotLeft, to: plotRight}, scale{from: plotBottom, to: plotTop}
	first := true
	for _, s := range c.Series {
		for i := range s.X {
			if !finite(s.Y[i]) {
				continue
			}
			if first {
				x.low, x.high, y.low, y.high = s.X[i], s.X[i], s.Y[i], s.Y[i]
				first = false
			}
			x.low, x.high = min(x.low, s.X[i]), max(x.high, s.X[i])
			y.low, y.high = min(y.low, s.Y[i]), max(y.high, s.Y[i])
		}
	}
	// A y axis that almost reaches zero begins there: lengths and rates are read
	// against it.
	if y.low > 0 && y.low < y.high/3 {
		y.low = 0
	}
	if y.low == 0 && y.high == 0 {
		y.high = 1
	}
	x.choose(6, false)
	y.choose(5, true)
	return x, y
}

// draw writes the curve and what it shows on hovering.
func (s Series) draw(b *strings.Builder, index int, x, y scale, shown func(x float64) string) {
	color := index % seriesColors
	var path strings.Builder
	command := "M"
	for i := range s.X {
		if !finite(s.Y[i]) {
			command = "M"
			continue
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", command, x.at(s.X[i]), y.at(s.Y[i]))
		command = "L"
	}
	fmt.Fprintf(b, `<path class="curve s%d" d="%s"/>`, color, path.String())
	every := max(1, (len(s.X)+maxHovers-1)/maxHovers)
	for i := range s.X {
		if !finite(s.Y[i]) || (i%every != 0 && i != len(s.X)-1) {
			continue
		}
		fmt.Fprintf(b, `<circle class="point s%d" cx="%.1f" cy="%.1f" r="5"><title>%s: %s at %s</title></circle>`,
			color, x.at(s.X[i]), y.at(s.Y[i]), html.EscapeString(s.Name), short(s.Y[i]), shown(s.X[i]))
	}
}

// reduce returns the curve with at most n points, each the mean of neighbors.
func (s Series) reduce(n int) Series {
	if len(s.X) <= n {
		return s
	}
	r := Series{Name: s.Name}
	for i := range n {
		from, to := i*len(s.X)/n, (i+1)*len(s.X)/n
		r.X = append(r.X, mean(s.X[from:to]))
		r.Y = append(r.Y, mean(s.Y[from:to]))
	}
	return r
}

// mean returns the mean of the finite values, or NaN without any.
func mean(values []float64) float64 {
	sum, n := 0.0, 0
	for _, v := range values {
		if finite(v) {
			sum += v
			n++
		}
	}
	return sum / float64(n)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// scale maps values low … high to drawing units from … to.
type scale struct {
	low, high, from, to float64
	ticks               []float64
	step                float64
}

func (s scale) at(v float64) float64 {
	return s.from + (v-s.low)/(s.high-s.low)*(s.to-s.from)
}

// choose sets about n ticks at multiples of 1, 2 or 5 times a power of ten.
// With outward the axis grows to whole steps.
func (s *scale) choose(n int, outward bool) {
	if s.high == s.low {
		margin := max(math.Abs(s.low)/2, 1e-12)
		if s.low == 0 {
			margin = 1
		}
		s.low, s.high = s.low-margin, s.high+margin
	}
	s.step = niceStep((s.high - s.low) / float64(n))
	first, last := math.Ceil(s.low/s.step-1e-9), math.Floor(s.high/s.step+1e-9)
	if outward {
		first, last = math.Floor(s.low/s.step+1e-9), math.Ceil(s.high/s.step-1e-9)
		s.low, s.high = first*s.step, last*s.step
	}
	for i := first; i <= last; i++ {
		s.ticks = append(s.ticks, i*s.step+0) // +0 turns -0 into 0
	}
}

// niceStep returns the smallest of 1, 2 and 5 times a power of ten that is at
// least rough.
func niceStep(rough float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= rough*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// label formats a tick with the digits that its step needs.
func (s scale) label(v float64) string {
	switch largest := max(math.Abs(s.low), math.Abs(s.high)); {
	case v == 0 && (largest >= 1e4 || largest < 1e-2):
		return "0"
	case largest >= 1e6:
		return trimZeros(v/1e6) + "M"
	case largest >= 1e4:
		return trimZeros(v/1e3) + "k"
	case largest < 1e-2:
		return trimExponent(strconv.FormatFloat(math.Round(v/s.step)*s.step, 'e', 1, 64))
	}
	decimals := max(0, int(math.Ceil(-math.Log10(s.step)-1e-9)))
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

func trimZeros(v float64) string { return strconv.FormatFloat(math.Round(v*1e4)/1e4, 'g', -1, 64) }

// short formats a value to four significant digits.
func short(v float64) string {
	if math.Abs(v) >= 1e4 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return trimExponent(strconv.FormatFloat(v, 'g', 4, 64))
}

// trimExponent turns 1.0e-05 into 1e-5.
func trimExponent(s string) string {
	s = strings.Replace(s, ".0e", "e", 1)
	return strings.Replace(s, "e-0", "e-", 1)
}
