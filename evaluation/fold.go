package evaluation

import "unicode/utf8"

// terminalColumns is the width that a table for a terminal keeps to.
const terminalColumns = 80

// fold cuts t into tables of at most so many columns of text, each with the first
// column of t; a single further column may exceed them.
func (t table) fold(columns int) []table {
	var parts []table
	part, used := []int{0}, t.width(0)
	for i := 1; i < len(t.Header); i++ {
		if w := t.width(i) + 2; used+w < columns || len(part) == 1 {
			part, used = append(part, i), used+w
			continue
		}
		parts = append(parts, t.columns(part))
		part, used = []int{0, i}, t.width(0)+2+t.width(i)
	}
	return append(parts, t.columns(part))
}

// width returns the width of column i.
func (t table) width(i int) int {
	w := utf8.RuneCountInString(t.Header[i])
	for _, row := range t.Rows {
		w = max(w, utf8.RuneCountInString(row[i]))
	}
	return w
}

// columns returns a table of some columns of t.
func (t table) columns(which []int) table {
	pick := func(cells []string) []string {
		out := make([]string, len(which))
		for i, c := range which {
			out[i] = cells[c]
		}
		return out
	}
	out := table{Header: pick(t.Header)}
	for _, row := range t.Rows {
		out.Rows = append(out.Rows, pick(row))
	}
	return out
}
