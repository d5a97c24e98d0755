package main

import (
	"errors"
	"io"
	"path/filepath"

	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/evaluation/exam"
)

// compareEvaluations prints how the evaluations in folders differ.
func compareEvaluations(folders []string, w io.Writer) error {
	if len(folders) < 2 {
		return errors.New("what to compare? give two or more folders of octorl eval --out")
	}
	var all []evaluation.Compared
	for _, folder := range folders {
		c, err := readCompared(folder)
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	contest, err := evaluation.NewContest(all)
	if err != nil {
		return err
	}
	return contest.WriteTable(w)
}

// readCompared reads a finished evaluation.
func readCompared(folder string) (evaluation.Compared, error) {
	r, err := evaluation.ReadResult(folder)
	if err != nil {
		return evaluation.Compared{}, err
	}
	c := evaluation.Compared{Name: filepath.Base(filepath.Clean(folder)), Result: r, Items: map[string][]evaluation.Item{}}
	for _, b := range r.Benchmarks {
		if c.Items[b.Settings.Benchmark], _, err = exam.ReadItems(folder, b); err != nil {
			return c, err
		}
	}
	return c, nil
}
