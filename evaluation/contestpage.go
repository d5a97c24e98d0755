package evaluation

import (
	"fmt"
	"io"
)

// contestPage is what the template shows.
type contestPage struct {
	Contest
	Tables  []table
	Forests []Forest
	Charts  []Chart
}

var contestTemplate = pageTemplate("contest.html.tmpl")

// WritePage writes the contest as one HTML page that needs nothing else: tables,
// accuracies and paired differences with their intervals, and pass@k where all have
// it. The error is the writer's.
func (c Contest) WritePage(w io.Writer) error {
	page := contestPage{
		Contest: c, Tables: []table{c.accuracyTable(), c.lengthTable(), c.pairTable()},
		Forests: append(c.accuracyForests(), c.differenceForests()...), Charts: c.passCharts(),
	}
	if err := contestTemplate.ExecuteTemplate(w, "contest.html.tmpl", page); err != nil {
		return fmt.Errorf("write comparison: %w", err)
	}
	return nil
}

// accuracyForests draws the accuracies of all entries, a plot a benchmark.
func (c Contest) accuracyForests() []Forest {
	var forests []Forest
	for _, name := range c.Benchmarks {
		f := Forest{Title: c.Entries[0].of(name).heading() + ": accuracy", Unit: "%"}
		for i, e := range c.Entries {
			s := e.of(name).Summary
			row := estimate(e.Name, s.Accuracy, s.Problems)
			row.Series = i
			f.Rows = append(f.Rows, row)
		}
		forests = append(forests, f)
	}
	return forests
}

// differenceForests draws the paired differences, a plot a benchmark.
func (c Contest) differenceForests() []Forest {
	var forests []Forest
	for _, name := range c.Benchmarks {
		f := Forest{Title: c.Entries[0].of(name).heading() + ": difference", Unit: "points", Zero: true}
		for _, p := range c.Pairs[name] {
			f.Rows = append(f.Rows, Estimate{
				Name: p.A + " − " + p.B, Value: 100 * p.Difference, Interval: Interval{100 * p.Interval.Low, 100 * p.Interval.High}, Series: 3,
			})
		}
		forests = append(forests, f)
	}
	return forests
}

// passCharts draws pass@k of the entries that have more than one k, a chart a
// benchmark.
func (c Contest) passCharts() []Chart {
	var charts []Chart
	for _, name := range c.Benchmarks {
		chart := Chart{Title: c.Entries[0].of(name).heading() + ": pass@k", XLabel: "k", YLabel: "share", Powers: true}
		for _, e := range c.Entries {
			if pass := e.of(name).Summary.PassAt; len(pass) > 1 {
				chart.Series = append(chart.Series, seriesAtK(e.Name, pass))
			}
		}
		if len(chart.Series) > 0 {
			charts = append(charts, chart)
		}
	}
	return charts
}
