package evaluation

import (
	"fmt"
	"io"
	"slices"
	"strconv"
)

// WriteResultTable writes a result for a terminal of 80 columns: a row a
// benchmark, then pass@k and maj@k where completions were sampled, then accuracy
// by level.
func WriteResultTable(w io.Writer, r Result) error {
	if err := writeTables(w, summaryTable(r.Benchmarks), atKTable(r.Benchmarks), resultLevels(r.Benchmarks)); err != nil {
		return err
	}
	if err := writeNotes(w, r); err != nil || r.Readiness == nil {
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return r.Readiness.Write(w)
}

// summaryTable has what every benchmark has.
func summaryTable(benchmarks []BenchmarkResult) table {
	t := table{Header: []string{"benchmark", "asked", "accuracy", "95% interval", "format", "truncated", "repeating", "tokens", "right", "wrong"}}
	for _, b := range benchmarks {
		s := b.Summary
		t.Rows = append(t.Rows, []string{
			b.Name(), strconv.Itoa(b.Asked), percent(s.Accuracy), percent(s.Interval.Low) + " – " + percent(s.Interval.High),
			percent(s.FormatRate), percent(s.TruncationRate), percent(s.RepetitionRate),
			tokens(s.MeanTokensAll), tokens(s.MeanTokensRight), tokens(s.MeanTokensWrong),
		})
	}
	return t
}

// atKTable has pass@k and maj@k of what was sampled.
func atKTable(benchmarks []BenchmarkResult) table {
	ks := map[int]bool{}
	for _, b := range benchmarks {
		if b.Settings.Samples > 1 {
			for k := range b.Summary.PassAt {
				ks[k] = true
			}
		}
	}
	t := table{Header: []string{"k"}}
	for _, k := range sortedKeys(ks) {
		t.Header = append(t.Header, strconv.Itoa(k))
	}
	for _, b := range benchmarks {
		if b.Settings.Samples <= 1 || len(ks) == 0 {
			continue
		}
		t.Rows = append(t.Rows,
			atKRow(b.Name()+" pass@k", b.Summary.PassAt, ks), atKRow(b.Name()+" maj@k", b.Summary.MajAt, ks))
	}
	return t
}

func atKRow(name string, shares map[int]float64, ks map[int]bool) []string {
	row := []string{name}
	for _, k := range sortedKeys(ks) {
		row = append(row, optional(shares, k))
	}
	return row
}

// resultLevels has the accuracy by level of the benchmarks that have levels.
func resultLevels(benchmarks []BenchmarkResult) table {
	var rows []StageRow
	for _, b := range benchmarks {
		if len(b.Summary.Levels) > 0 {
			rows = append(rows, StageRow{Stage: b.Name(), Summary: b.Summary})
		}
	}
	return levelTable(rows)
}

// writeNotes says what the numbers do not show.
func writeNotes(w io.Writer, r Result) error {
	for _, note := range r.notes(func(b BenchmarkResult) string { return b.Settings.Benchmark }) {
		if _, err := fmt.Fprintln(w, note); err != nil {
			return fmt.Errorf("write table: %w", err)
		}
	}
	return nil
}

// notes returns the notes about all benchmarks, each once, after their names.
func (r Result) notes(name func(BenchmarkResult) string) []string {
	var all []string
	for _, b := range r.Benchmarks {
		for _, note := range b.notes() {
			if text := name(b) + ": " + note; !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	return all
}

// notes are sentences about what a reader of the numbers must know.
func (b BenchmarkResult) notes() []string {
	var notes []string
	if b.Asked < b.Rows {
		notes = append(notes, fmt.Sprintf("only %d of %d problems were asked", b.Asked, b.Rows))
	}
	if b.TooLong > 0 {
		notes = append(notes, fmt.Sprintf("prompts that leave the policy no room for an answer: %d; they count as not solved", b.TooLong))
	}
	if b.Summary.Failed > 0 {
		notes = append(notes, fmt.Sprintf("completions on which the verifier failed: %d; they count neither way", b.Summary.Failed))
	}
	return notes
}
