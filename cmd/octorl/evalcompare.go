package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/evaluation/exam"
)

// compareEvaluations prints how the evaluations in folders differ, and writes a page
// about it into the folder out.
func compareEvaluations(folders []string, out string, w io.Writer) error {
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
	if err := contest.WriteTable(w); err != nil {
		return err
	}
	if out == "" {
		out = "evaluations"
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("write comparison: %w; choose another folder with --out", err)
	}
	page, err := writePage(filepath.Join(out, "comparison.html"), contest.WritePage)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "\nplots: %s\n", page)
	return err
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
