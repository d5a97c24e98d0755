package progress

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// line is one row of a frame: its text as printed, and the columns it covers.
type line struct {
	text    string
	columns int
}

// frame is the rows shown at a time, and the columns it was made for.
type frame struct {
	lines   []line
	columns int
}

// painter colors text; without color, or a code, it returns it as it is.
type painter bool

func (p painter) paint(code, text string) string {
	if !p || code == "" || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// The colors used, as codes of ECMA-48.
const (
	bold  = "1"
	faint = "2"
	green = "32"
	red   = "31"
	cyan  = "36"
)

// layout turns a run into frames.
type layout struct {
	run   *run
	now   time.Time
	paint painter
	max   int // columns of a line
}

// frame lays out the run in at most rows-1 rows of at most columns-1 columns, so
// that nothing wraps or scrolls. Where it is too tall the sample goes first,
// then all stages but the active one.
func (l layout) frame(columns, rows int) frame {
	l.max = max(columns-1, 1)
	header, active := []line{l.header()}, l.activeLines()
	lines := append(header, l.stageLines(active)...)
	if sample := l.sampleLines(); len(lines)+len(sample) < rows {
		lines = append(lines, sample...)
	}
	if len(lines) >= rows {
		lines = append(header, active...)
	}
	return frame{lines: lines[:min(len(lines), max(rows-1, 1))], columns: columns}
}

// row returns text cut to the width and colored.
func (l layout) row(code, text string) line {
	text = cut(text, l.max)
	return line{text: l.paint.paint(code, text), columns: utf8.RuneCountInString(text)}
}

func (l layout) header() line {
	text := fmt.Sprintf("%s  %s elapsed", l.run.title, clock(l.now.Sub(l.run.started)))
	if left := l.run.left(l.now); left > 0 {
		text += fmt.Sprintf(", about %s left", clock(left))
	}
	return l.row(bold, text)
}

// stageLines returns one line a stage, with the active one's own in its place.
func (l layout) stageLines(active []line) []line {
	var lines []line
	for i := range l.run.stages {
		s := &l.run.stages[i]
		switch {
		case s.finished && s.hasNews:
			lines = append(lines, l.row(green, fmt.Sprintf("  ✓ %s  %s  %s", l.name(s), clock(s.ended.Sub(s.started)), s.summary)))
		case s.finished:
			lines = append(lines, l.row(green, fmt.Sprintf("  ✓ %s  before  %s", l.name(s), s.summary)))
		case i == l.run.active:
			lines = append(lines, active...)
		default:
			lines = append(lines, l.row(faint, "  · "+s.Name))
		}
	}
	return lines
}

// name returns a stage's name, as wide as the widest.
func (l layout) name(s *stage) string {
	width := 0
	for _, other := range l.run.stages {
		width = max(width, utf8.RuneCountInString(other.Name))
	}
	return fmt.Sprintf("%-*s", width, s.Name)
}

// activeLines returns the bar of the active stage, its metrics and the latest
// held-out accuracy.
func (l layout) activeLines() []line {
	if l.run.active < 0 || l.run.stages[l.run.active].finished {
		return nil
	}
	s := &l.run.stages[l.run.active]
	after := fmt.Sprintf("  %d/%d", s.news.Step, s.news.NumSteps)
	if s.news.TokensPerSecond > 0 {
		after += "  " + speed(s.news.TokensPerSecond)
	}
	if left := s.left(l.now); left > 0 {
		after += fmt.Sprintf("  %s left", clock(left))
	}
	before := "  ▶ " + l.name(s) + "  "
	const narrow, wide = 8, 40
	width := min(l.max-utf8.RuneCountInString(before+after), wide)
	if width >= narrow {
		before += bar(s.fraction(), width)
	}
	lines := []line{l.row(cyan, before+after)}
	if len(s.news.Metrics) > 0 {
		lines = append(lines, l.row("", "      "+metrics(s.news.Metrics)))
	}
	if l.run.heldOut.stage == s.Name {
		lines = append(lines, l.row("", "      "+l.run.heldOut.String()))
	}
	return lines
}

func (l layout) sampleLines() []line {
	s := l.run.sample
	if s == (Sample{}) {
		return nil
	}
	code := red
	if s.Right {
		code = green
	}
	return []line{
		l.row(faint, "  "+strings.Repeat("─", max(min(l.max-2, 60), 0))),
		l.row(faint, "  "+oneLine(s.Question)),
		l.row("", "  "+oneLine(s.Completion)),
		l.row(code, "  "+s.verdict()),
	}
}
