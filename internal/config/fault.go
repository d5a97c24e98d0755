package config

import (
	"fmt"
	"strings"
)

// Fault is one thing wrong with a recipe.
type Fault struct {
	// Path says where in the recipe, as in stages[2].rl.samples; "" is the
	// whole.
	Path string
	// Line and Column say where in the file, from 1; 0 where the value comes
	// from a default or a flag.
	Line, Column int
	// Text says what is wrong and what would be right.
	Text string
}

// String returns the fault with its place in the recipe.
func (f Fault) String() string {
	if f.Path == "" {
		return f.Text
	}
	return f.Path + ": " + f.Text
}

// InvalidError is returned when a recipe has faults.
type InvalidError struct {
	// File names the file, or is "".
	File string
	// Faults are all that was found, in the order of the recipe's keys.
	Faults []Fault
}

// Error returns one line a fault, each with file, line and column as far as
// they are known.
func (e *InvalidError) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		switch {
		case f.Line > 0:
			lines[i] = fmt.Sprintf("%s:%d:%d: %s", e.File, f.Line, f.Column, f)
		case e.File != "":
			lines[i] = fmt.Sprintf("%s: %s", e.File, f)
		default:
			lines[i] = f.String()
		}
	}
	return strings.Join(lines, "\n")
}

func newFault(path, format string, args ...any) Fault {
	return Fault{Path: path, Text: fmt.Sprintf(format, args...)}
}

// join appends a key to a path.
func join(path, key string) string {
	if path == "" || key == "" {
		return path + key
	}
	return path + "." + key
}

// index appends an index to a path.
func index(path string, i int) string {
	return fmt.Sprintf("%s[%d]", path, i)
}

// suggest returns ` (did you mean "x"?)` for the option nearest to a misspelled
// word, or "" where none is near.
func suggest(word string, options []string) string {
	best, least := "", len(word)/2+1
	for _, o := range options {
		if d := distance(strings.ToLower(word), strings.ToLower(o)); d < least {
			best, least = o, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// distance returns the number of bytes to insert, delete or replace to turn a
// into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
