package progress

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"
)

// Number returns a metric shown with three significant digits.
func Number(name string, value float64) Metric {
	if math.Abs(value) >= 1000 {
		return Metric{Name: name, Text: fmt.Sprintf("%.0f", value)}
	}
	return Metric{Name: name, Text: fmt.Sprintf("%.3g", value)}
}

// Percent returns a metric that shows a share, from 0 to 1, in percent.
func Percent(name string, share float64) Metric {
	return Metric{Name: name, Text: fmt.Sprintf("%.1f %%", 100*share)}
}

// clock returns a duration as minutes and seconds, with hours where there are
// any.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// speed returns tokens a second in at most four characters and a unit.
func speed(perSecond float64) string {
	switch {
	case perSecond >= 999_500:
		return fmt.Sprintf("%.1fM tokens/s", perSecond/1e6)
	case perSecond >= 9_950:
		return fmt.Sprintf("%.0fk tokens/s", perSecond/1e3)
	case perSecond >= 999.5:
		return fmt.Sprintf("%.1fk tokens/s", perSecond/1e3)
	}
	return fmt.Sprintf("%.0f tokens/s", perSecond)
}

// metrics returns names and values in a row.
func metrics(ms []Metric) string {
	parts := make([]string, len(ms))
	for i, m := range ms {
		parts[i] = m.Name + " " + m.Text
	}
	return strings.Join(parts, "  ")
}

// oneLine returns text without line breaks and without characters that would
// move the cursor or have no width of one: a completion may hold anything.
func oneLine(text string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return '⏎'
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r) || unicode.Is(unicode.Mn, r):
			return '·'
		case r >= 0x1100 && isWide(r):
			return '·'
		}
		return r
	}, strings.TrimSpace(text))
	return strings.Join(strings.Fields(clean), " ")
}

// isWide reports whether a terminal may give two columns to a rune: East Asian
// scripts and pictographs.
func isWide(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) ||
		r >= 0x2E80 && r <= 0xA4CF || r >= 0xFE30 && r <= 0xFF60 || r >= 0xFFE0 && r <= 0xFFE6 || r >= 0x1F000
}

// cut returns at most columns runes of text, the last an ellipsis where some
// were cut off.
func cut(text string, columns int) string {
	runes := []rune(text)
	switch {
	case len(runes) <= columns:
		return text
	case columns < 1:
		return ""
	}
	return string(runes[:columns-1]) + "…"
}

// bar returns a bar of a number of columns, filled to a share.
func bar(share float64, columns int) string {
	filled := int(math.Round(share * float64(columns)))
	return strings.Repeat("█", filled) + strings.Repeat("░", columns-filled)
}
