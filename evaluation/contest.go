package evaluation

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Compared is a finished evaluation with its items by benchmark.
type Compared struct {
	Name   string // for people; unique in a contest
	Result Result
	Items  map[string][]Item // by BenchmarkResult.Name
}

// Contest is a comparison of evaluations on the benchmarks that all of them have.
type Contest struct {
	Entries    []Compared
	Benchmarks []string // by BenchmarkResult.Name
	// Pairs has, by benchmark, each later entry against each earlier one: A is the
	// later.
	Pairs map[string][]Comparison
}

// contestSeed is of the resampling, so that a comparison repeats.
const contestSeed = 1

// NewContest compares entries. It returns an error where names repeat, or no
// benchmark is common to all.
func NewContest(entries []Compared) (Contest, error) {
	c := Contest{Entries: entries, Pairs: map[string][]Comparison{}}
	names := map[string]bool{}
	for _, e := range entries {
		if names[e.Name] {
			return c, fmt.Errorf("compare evaluations: two folders are named %s; rename one", e.Name)
		}
		names[e.Name] = true
	}
	for _, b := range entries[0].Result.Benchmarks {
		name := b.Name()
		if !c.common(name) {
			continue
		}
		c.Benchmarks = append(c.Benchmarks, name)
		for i, a := range entries {
			for _, b := range entries[:i] {
				pair, err := Compare(a.Name, a.Items[name], b.Name, b.Items[name], contestSeed)
				if err != nil {
					return c, fmt.Errorf("benchmark %s: %w", name, err)
				}
				c.Pairs[name] = append(c.Pairs[name], pair)
			}
		}
	}
	if len(c.Benchmarks) == 0 {
		return c, fmt.Errorf("compare evaluations: no benchmark is common to all of %s", strings.Join(c.names(), ", "))
	}
	return c, nil
}

func (c Contest) names() []string {
	var names []string
	for _, e := range c.Entries {
		names = append(names, e.Name)
	}
	return names
}

// common reports whether all entries have a benchmark.
func (c Contest) common(benchmark string) bool {
	for _, e := range c.Entries {
		if e.of(benchmark) == nil {
			return false
		}
	}
	return true
}

// of returns the result of a benchmark, or nil.
func (e Compared) of(benchmark string) *BenchmarkResult {
	for i, b := range e.Result.Benchmarks {
		if b.Name() == benchmark {
			return &e.Result.Benchmarks[i]
		}
	}
	return nil
}

// accuracyTable has a row a benchmark and a column an entry.
func (c Contest) accuracyTable() table {
	t := table{Header: append([]string{"accuracy"}, c.names()...)}
	for _, name := range c.Benchmarks {
		row := []string{name}
		for _, e := range c.Entries {
			s := e.of(name).Summary
			row = append(row, fmt.Sprintf("%s ± %.1f", percent(s.Accuracy), 50*(s.Interval.High-s.Interval.Low)))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// pairTable has a row a benchmark and pair.
func (c Contest) pairTable() table {
	t := table{Header: []string{"difference", "problems", "points", "95% interval", "verdict"}}
	for _, name := range c.Benchmarks {
		for _, p := range c.Pairs[name] {
			t.Rows = append(t.Rows, []string{
				fmt.Sprintf("%s: %s − %s", name, p.A, p.B), strconv.Itoa(p.Problems), points(p.Difference),
				points(p.Interval.Low) + " to " + points(p.Interval.High), p.verdict(),
			})
		}
	}
	return t
}

// verdict says whether the interval leaves out no difference.
func (c Comparison) verdict() string {
	switch {
	case c.Interval.Low > 0:
		return "better"
	case c.Interval.High < 0:
		return "worse"
	}
	return "undecided"
}

// lengthTable has what else changed: form and length.
func (c Contest) lengthTable() table {
	t := table{Header: []string{"format, truncated, tokens"}}
	t.Header = append(t.Header, c.names()...)
	for _, name := range c.Benchmarks {
		row := []string{name}
		for _, e := range c.Entries {
			s := e.of(name).Summary
			row = append(row, fmt.Sprintf("%s, %s, %s", percent(s.FormatRate), percent(s.TruncationRate), tokens(s.MeanTokensAll)))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// WriteTable writes the contest for a terminal: how each was asked, accuracies,
// form and length, and paired differences with their intervals.
func (c Contest) WriteTable(w io.Writer) error {
	for _, e := range c.Entries {
		if _, err := fmt.Fprintf(w, "%s: %s, %s\n", e.Name, e.Result.Model, e.Result.Label()); err != nil {
			return fmt.Errorf("write table: %w", err)
		}
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return writeTables(w, c.accuracyTable(), c.lengthTable(), c.pairTable())
}
