package evaluation

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// table is a header and rows of formatted cells; the first column is text, the
// others are numbers.
type table struct {
	Header []string
	Rows   [][]string
}

// stageTable returns the results of stages, one row each.
func stageTable(rows []StageRow) table {
	ks := map[int]bool{}
	for _, r := range rows {
		for k := range r.PassAt {
			ks[k] = true
		}
	}
	pass := slices.Sorted(maps.Keys(ks))
	t := table{Header: []string{"stage", "accuracy", "95% interval"}}
	for _, k := range pass {
		t.Header = append(t.Header, fmt.Sprintf("pass@%d", k))
	}
	t.Header = append(t.Header, "format", "truncated", "repeating", "tokens", "tokens right", "problems", "failed")
	for _, r := range rows {
		cells := []string{r.Stage, percent(r.Accuracy), percent(r.Interval.Low) + " – " + percent(r.Interval.High)}
		for _, k := range pass {
			cells = append(cells, optional(r.PassAt, k))
		}
		t.Rows = append(t.Rows, append(cells,
			percent(r.FormatRate), percent(r.TruncationRate), percent(r.RepetitionRate),
			tokens(r.MeanTokensAll), tokens(r.MeanTokensRight),
			strconv.Itoa(r.Problems), strconv.Itoa(r.Failed)))
	}
	return t
}

// levelTable returns the accuracy of stages by level, without rows where no
// problem has a level.
func levelTable(rows []StageRow) table {
	byStage := make([]map[int]float64, len(rows))
	problems := map[int]bool{}
	for i, r := range rows {
		byStage[i] = map[int]float64{}
		for _, l := range r.Levels {
			byStage[i][l.Level] = l.Accuracy
			problems[l.Level] = true
		}
	}
	t := table{Header: []string{"accuracy by level"}}
	if len(problems) == 0 {
		return t
	}
	levels := slices.Sorted(maps.Keys(problems))
	for _, level := range levels {
		t.Header = append(t.Header, strconv.Itoa(level))
	}
	for i, r := range rows {
		cells := []string{r.Stage}
		for _, level := range levels {
			cells = append(cells, optional(byStage[i], level))
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

// WriteTable writes the results of stages as aligned columns for a terminal of 80
// columns, in several tables where they need more, then their accuracy by level
// where problems have levels.
func WriteTable(w io.Writer, rows []StageRow) error {
	return writeTables(w, stageTable(rows), levelTable(rows))
}

// writeTables writes the tables that have rows, folded for a terminal.
func writeTables(w io.Writer, tables ...table) error {
	first := true
	for _, t := range tables {
		if len(t.Rows) == 0 {
			continue
		}
		for _, part := range t.fold(terminalColumns) {
			if !first {
				if _, err := fmt.Fprintln(w); err != nil {
					return fmt.Errorf("write table: %w", err)
				}
			}
			first = false
			if err := part.write(w); err != nil {
				return err
			}
		}
	}
	return nil
}

// write writes t with its first column flush left and the others flush right.
func (t table) write(w io.Writer) error {
	lines := append([][]string{t.Header}, t.Rows...)
	widths := make([]int, len(t.Header))
	for _, cells := range lines {
		for i, cell := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, cells := range lines {
		for i, cell := range cells {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				b.WriteString(cell + pad)
			} else {
				b.WriteString("  " + pad + cell)
			}
		}
		b.WriteByte('\n')
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

// percent formats a share.
func percent(share float64) string { return fmt.Sprintf("%.1f%%", 100*share) }

// tokens formats a mean length, which is 0 only where there is nothing.
func tokens(mean float64) string {
	if mean == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f", mean)
}

// optional formats the share of key, or a dash where there is none.
func optional(shares map[int]float64, key int) string {
	if share, ok := shares[key]; ok {
		return percent(share)
	}
	return "–"
}

// sortedKeys returns the keys of a map in ascending order.
func sortedKeys[V any](m map[int]V) []int { return slices.Sorted(maps.Keys(m)) }
