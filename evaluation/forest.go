package evaluation

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Estimate is a value with its interval, in the unit of its Forest.
type Estimate struct {
	Name     string
	Value    float64
	Interval Interval
	Series   int // which color
}

// Forest is a plot of estimates, one a line: a dot with a whisker for its interval.
type Forest struct {
	Title, Unit string
	Rows        []Estimate
	Zero        bool // draws a line at no difference
}

// A forest's lines are forestStep high; names have the left forestNames units.
const (
	forestStep  = 22
	forestNames = 206
	forestWidth = 480
)

// svg returns the plot as an inline SVG element.
func (f Forest) svg() string {
	x := f.scale()
	height := forestStep*len(f.Rows) + 36
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, forestWidth, height, html.EscapeString(f.Title))
	for _, v := range x.ticks {
		fmt.Fprintf(&b, `<line class="grid" x1="%.1f" x2="%.1f" y1="4" y2="%d"/>`, x.at(v), x.at(v), height-28)
		fmt.Fprintf(&b, `<text class="tick" x="%.1f" y="%d" text-anchor="middle">%s</text>`, x.at(v), height-12, x.label(v))
	}
	if f.Zero {
		fmt.Fprintf(&b, `<line class="zero" x1="%.1f" x2="%.1f" y1="4" y2="%d"/>`, x.at(0), x.at(0), height-28)
	}
	for i, e := range f.Rows {
		e.draw(&b, x, float64(i*forestStep+18), f.Unit)
	}
	b.WriteString("</svg>")
	return b.String()
}

func (e Estimate) draw(b *strings.Builder, x scale, y float64, unit string) {
	name := []rune(e.Name)
	if len(name) > 28 {
		name = append(name[:27], '…')
	}
	fmt.Fprintf(b, `<text class="name" x="%d" y="%.1f" text-anchor="end">%s</text>`, forestNames-8, y+4, html.EscapeString(string(name)))
	fmt.Fprintf(b, `<g class="s%d"><line class="whisker" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/><circle class="dot" cx="%.1f" cy="%.1f" r="5"/>`,
		e.Series%seriesColors, x.at(e.Interval.Low), x.at(e.Interval.High), y, y, x.at(e.Value), y)
	fmt.Fprintf(b, `<title>%s: %s %s, 95%% interval %s to %s</title></g>`,
		html.EscapeString(e.Name), short(e.Value), html.EscapeString(unit), short(e.Interval.Low), short(e.Interval.High))
}

// scale returns the axis that holds every interval, and no difference where that is
// drawn.
func (f Forest) scale() scale {
	x := scale{from: forestNames, to: forestWidth - 16, low: math.Inf(1), high: math.Inf(-1)}
	if f.Zero || len(f.Rows) == 0 {
		x.low, x.high = 0, 0
	}
	for _, e := range f.Rows {
		x.low, x.high = min(x.low, e.Interval.Low, e.Value), max(x.high, e.Interval.High, e.Value)
	}
	x.choose(6, true)
	return x
}
