package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/evaluation/exam"
)

// compareEvaluations prints how the evaluations in folders differ, and writes a page
// about it into the folder out.
func compareEvaluations(folders []string, out string, w io.Writer) error {
	if len(folders) < 2 {
		return errors.New("what to compare? give two or more folders of octorl eval --out, or stages of runs as RUN@STAGE")
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
	page := filepath.Join(out, "comparison.html")
	if err := evaluation.WriteFile(page, contest.WritePage); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "\nplots: %s\n", page)
	return err
}

// readCompared reads a finished evaluation: a folder, or that of a stage of a run.
func readCompared(source string) (evaluation.Compared, error) {
	c := evaluation.Compared{Name: filepath.Base(filepath.Clean(source)), Items: map[string][]evaluation.Item{}}
	folder := source
	if strings.Contains(source, "@") && !isDir(source) {
		run, stage, r, err := openRun(source)
		if err != nil {
			return c, err
		}
		folder = evaluationOf(run, stage)
		if !isDir(folder) {
			return c, fmt.Errorf("stage %q of %s is not evaluated; finished are: %s", stage, run, finishedStages(run, r))
		}
	}
	var err error
	if c.Result, err = evaluation.ReadResult(folder); err != nil {
		return c, err
	}
	for _, b := range c.Result.Benchmarks {
		if c.Items[b.Name()], _, err = exam.ReadItems(folder, b); err != nil {
			return c, err
		}
	}
	return c, nil
}

// evaluationOf is where a run keeps the evaluation of a finished stage.
func evaluationOf(run, stage string) string { return filepath.Join(run, "evaluation", stage) }
