package evaluation

import (
	"fmt"
	"io"
	"slices"
	"strconv"
)

// Contamination is what a corpus shares with benchmarks.
type Contamination struct {
	Window     int            `json:"window"` // words in a row that make an overlap
	Benchmarks []string       `json:"benchmarks"`
	Short      map[string]int `json:"short"` // questions of a benchmark that are too short to be found
	Files      []Contaminated `json:"files"`
}

// Contaminated is what one file shares with benchmarks.
type Contaminated struct {
	File      string         `json:"file"`
	Documents int            `json:"documents"`
	Hit       int            `json:"hit"`  // documents with an overlap
	Rows      map[string]int `json:"rows"` // problems found, by benchmark, each once a file
	Traces    []Trace        `json:"traces"`

	seen map[string]bool // IDs of the problems in Rows
}

// Trace is one problem in one document.
type Trace struct {
	Document  string `json:"document"`
	Benchmark string `json:"benchmark"`
	Problem   string `json:"problem"`
	Words     string `json:"words"` // the first that they share
}

// Add takes the traces of a document.
func (c *Contaminated) Add(traces []Trace) {
	c.Documents++
	if len(traces) > 0 {
		c.Hit++
	}
	for _, t := range traces {
		if c.seen == nil {
			c.seen, c.Rows = map[string]bool{}, map[string]int{}
		}
		if !c.seen[t.Problem] {
			c.Rows[t.Benchmark]++
		}
		c.seen[t.Problem] = true
		c.Traces = append(c.Traces, t)
	}
}

// Write writes the counts for a terminal: files by benchmarks, without those that
// have nothing.
func (c Contamination) Write(w io.Writer) error {
	var found []string
	for _, b := range c.Benchmarks {
		if slices.ContainsFunc(c.Files, func(f Contaminated) bool { return f.Rows[b] > 0 }) {
			found = append(found, b)
		}
	}
	t := table{Header: append([]string{"file", "documents", "hit"}, found...)}
	all := Contaminated{File: "together"}
	rows := map[string]map[string]bool{}
	for _, f := range c.Files {
		t.Rows = append(t.Rows, f.row(found))
		all.Documents, all.Hit = all.Documents+f.Documents, all.Hit+f.Hit
		for _, trace := range f.Traces {
			if rows[trace.Benchmark] == nil {
				rows[trace.Benchmark] = map[string]bool{}
			}
			rows[trace.Benchmark][trace.Problem] = true
		}
	}
	all.Rows = map[string]int{}
	for b, problems := range rows {
		all.Rows[b] = len(problems)
	}
	if len(c.Files) > 1 {
		t.Rows = append(t.Rows, all.row(found))
	}
	if err := t.write(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nProblems of which a document has %d words in a row, each once a file, and once in the row together; benchmarks without any are left out.\n", c.Window)
	if err != nil {
		return fmt.Errorf("write contamination: %w", err)
	}
	return c.writeShort(w)
}

func (f Contaminated) row(benchmarks []string) []string {
	row := []string{f.File, strconv.Itoa(f.Documents), strconv.Itoa(f.Hit)}
	for _, b := range benchmarks {
		row = append(row, strconv.Itoa(f.Rows[b]))
	}
	return row
}

// writeShort says which questions cannot be found this way.
func (c Contamination) writeShort(w io.Writer) error {
	for _, b := range c.Benchmarks {
		if c.Short[b] == 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s: questions of fewer words, which cannot be found this way: %d\n", b, c.Short[b]); err != nil {
			return fmt.Errorf("write contamination: %w", err)
		}
	}
	return nil
}
