package exam

import (
	"fmt"
	"path/filepath"

	"github.com/octorl/octorl/evaluation"
)

// Result summarizes what the journal has of the paper, with pass@k and maj@k for
// ks.
func (p *Paper) Result(j *Journal, ks []int) evaluation.BenchmarkResult {
	items := j.Items(p)
	return evaluation.BenchmarkResult{
		Title: p.Spec.Title, Settings: p.Settings, Asked: len(items), Rows: p.Rows, TooLong: p.TooLong(), Seconds: j.Seconds,
		Summary: evaluation.Summarize(items, ks...), Items: filepath.Base(j.path),
	}
}

// ReadItems reads the items of a finished evaluation: those of result r in the
// folder dir, in the order in which they were finished, with the demonstrations
// that were shown.
func ReadItems(dir string, r evaluation.BenchmarkResult) (items []evaluation.Item, preamble string, err error) {
	j, err := ReadJournal(filepath.Join(dir, r.Items))
	if err != nil {
		return nil, "", err
	}
	if name, was, is := firstDifference(j.Head.Settings, r.Settings); name != "" {
		return nil, "", fmt.Errorf("%w: %s has %s %v and %s has %v; run octorl eval there again", ErrOtherSettings, r.Items, name, was, evaluation.ResultsFile, is)
	}
	for _, id := range j.order {
		items = append(items, j.items[id])
	}
	return items, j.Head.Preamble, nil
}
