package actors

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/evaluation/exam"
	"github.com/octorl/octorl/internal/config"
)

// Results are what a run directory says of a finished run.
type Results struct {
	Recipe      *config.Recipe
	Stages      []evaluation.StageRow   // a row a stage and benchmark
	Comparisons []evaluation.Comparison // of the two stages that the recipe compares, by benchmark
	Digests     map[string]string       // of final weights, by stage
	Report      string                  // path of the report
}

// ReadResults reads the results of a run directory. Stages that were not
// evaluated yet are left out.
func ReadResults(root string) (*Results, error) {
	d := &directory{root: root}
	r, err := config.ParseFile(d.recipe())
	if err != nil {
		return nil, err
	}
	out := &Results{Recipe: r, Digests: map[string]string{}, Report: d.report()}
	for _, stage := range r.Stages {
		result, err := d.result(stage.Name)
		if err != nil {
			return nil, err
		}
		if result == nil {
			continue
		}
		out.Stages = append(out.Stages, evaluation.StageRows(stage.Name, *result)...)
		p, err := readPosition(d.final(stage.Name))
		if err != nil {
			return nil, err
		}
		out.Digests[stage.Name] = p.Digest
	}
	if r.Compare != nil {
		out.Comparisons, err = d.compare(*r.Compare, r.Seed)
	}
	return out, err
}

// result reads the results of a stage's evaluation; it returns nil where there are
// none yet.
func (d *directory) result(stage string) (*evaluation.Result, error) {
	if evaluated, err := d.evaluated(stage); !evaluated {
		return nil, err
	}
	r, err := evaluation.ReadResult(d.evaluation(stage))
	if err != nil {
		return nil, fmt.Errorf("%w; delete it to have it made again", err)
	}
	return &r, nil
}

// evaluated reports whether a stage's evaluation is done.
func (d *directory) evaluated(stage string) (bool, error) {
	_, err := os.Stat(filepath.Join(d.evaluation(stage), evaluation.ResultsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// compare compares the greedy accuracies of two stages on the benchmarks that both were
// asked, unless one is not evaluated yet.
func (d *directory) compare(c config.Compare, seed uint64) ([]evaluation.Comparison, error) {
	var items [2]map[string][]evaluation.Item
	for i, stage := range []string{c.First, c.Second} {
		result, err := d.result(stage)
		if err != nil || result == nil {
			return nil, err
		}
		if items[i], err = d.greedy(stage, *result); err != nil {
			return nil, err
		}
	}
	var all []evaluation.Comparison
	for _, name := range slices.Sorted(maps.Keys(items[0])) {
		if items[1][name] == nil {
			continue
		}
		one, err := evaluation.Compare(c.First, items[0][name], c.Second, items[1][name], seed)
		if err != nil {
			return nil, err
		}
		one.On = name
		all = append(all, one)
	}
	return all, nil
}

// greedy reads the items of a stage that were asked greedily, by benchmark.
func (d *directory) greedy(stage string, r evaluation.Result) (map[string][]evaluation.Item, error) {
	out := map[string][]evaluation.Item{}
	for _, b := range r.Benchmarks {
		if b.Settings.Temperature > 0 {
			continue
		}
		items, _, err := exam.ReadItems(d.evaluation(stage), b)
		if err != nil {
			return nil, fmt.Errorf("%w; or delete %s to have the stage evaluated again", err, d.evaluation(stage))
		}
		out[b.Settings.Benchmark] = items
	}
	return out, nil
}

// Write prints the results for a person.
func (r *Results) Write(w io.Writer) error {
	if err := evaluation.WriteTable(w, r.Stages); err != nil {
		return err
	}
	if r.Recipe.Note != "" {
		fmt.Fprintf(w, "\n%s\n", r.Recipe.Note)
	}
	for _, c := range r.Comparisons {
		fmt.Fprintf(w, "\n%s\n", c)
	}
	fmt.Fprintln(w, "\nweights digests:")
	for _, s := range r.Recipe.Stages {
		if digest := r.Digests[s.Name]; digest != "" {
			fmt.Fprintf(w, "  %-16s %.16s\n", s.Name, digest)
		}
	}
	_, err := fmt.Fprintf(w, "\nreport: %s\n", r.Report)
	return err
}

// reached returns the step of a stage's newest sound checkpoint.
func (d *directory) reached(stage string) int {
	path, _ := d.latest(stage)
	if path == "" {
		return 0
	}
	p, err := readPosition(path)
	if err != nil {
		return 0
	}
	return p.Step
}
