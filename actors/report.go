package actors

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/evaluation/exam"
	"github.com/octorl/octorl/internal/config"
)

// Charts of a report, by kind of stage: the metrics drawn together, and the
// unit on their axis.
var reportCharts = []struct {
	kind, title, unit string
	metrics           []string
}{
	{kindRL, "reward", "", []string{"reward"}},
	{kindRL, "accuracy", "share", []string{"accuracy", "heldout_accuracy", "format_rate"}},
	{kindRL, "completion length", "tokens", []string{"length", "length_right"}},
	{kindRL, "entropy", "nats", []string{"entropy"}},
	{kindRL, "truncation", "share", []string{"truncation"}},
	{kindRL, "critic: loss of values", "", []string{"value_loss"}},
	{kindRL, "critic: explained variance", "share", []string{"explained_variance"}},
	{kindRL, "critic: values and returns", "reward", []string{"value_mean", "return_mean"}},
	{kindTrain, "loss", "nats", []string{"loss"}},
	{kindTrain, "accuracy", "share", []string{"heldout_accuracy"}},
	{kindRL, "learning rate", "", []string{"lr"}},
	{kindTrain, "learning rate", "", []string{"lr"}},
	{kindRL, "speed", "tokens/s", []string{"tokens_per_second"}},
	{kindTrain, "speed", "tokens/s", []string{"tokens_per_second"}},
}

// writeReport writes the page about a run from its records.
func writeReport(d *directory, r *config.Recipe) error {
	results, err := ReadResults(d.root)
	if err != nil {
		return err
	}
	page := evaluation.Report{
		Run: r.Name, Recipe: filepath.Base(d.recipe()), Seed: r.Seed, Finished: time.Now(), Stages: results.Stages,
		Comparisons: results.Comparisons,
	}
	if r.Note != "" {
		page.Notes = []string{r.Note}
	}
	for _, stage := range r.Stages {
		if _, err := os.Stat(filepath.Join(d.evaluation(stage.Name), exam.Page)); err == nil {
			page.Items = append(page.Items, evaluation.Link{Text: stage.Name, Path: path.Join("evaluation", stage.Name, exam.Page)})
		}
	}
	if page.Curves, err = readCurves(d, r); err != nil {
		return err
	}
	if page.Samples, err = readSamples(d, r); err != nil {
		return err
	}
	var out bytes.Buffer
	if err := evaluation.WriteReport(&out, page); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return writeFile(d.report(), out.Bytes())
}

// readCurves reads the metrics of every stage.
func readCurves(d *directory, r *config.Recipe) ([]evaluation.ChartGroup, error) {
	series := map[string]map[string]*evaluation.Series{} // by stage and metric
	err := readRecord(d.metrics(), func(line []byte) error {
		var m message.MetricsReported
		if err := json.Unmarshal(line, &m); err != nil {
			return fmt.Errorf("read record %s: %w", d.metrics(), err)
		}
		if series[m.Stage] == nil {
			series[m.Stage] = map[string]*evaluation.Series{}
		}
		for name, v := range m.Values {
			s := series[m.Stage][name]
			if s == nil {
				s = &evaluation.Series{Name: name}
				series[m.Stage][name] = s
			}
			s.X, s.Y = append(s.X, float64(m.Step)), append(s.Y, v)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var groups []evaluation.ChartGroup
	for _, stage := range r.Stages {
		groups = append(groups, chartsOf(&stage, series[stage.Name]))
	}
	return groups, nil
}

func chartsOf(stage *config.Stage, series map[string]*evaluation.Series) evaluation.ChartGroup {
	kind := kindTrain
	if stage.RL != nil {
		kind = kindRL
	}
	group := evaluation.ChartGroup{Title: stage.Name}
	for _, c := range reportCharts {
		if c.kind != kind {
			continue
		}
		chart := evaluation.Chart{Title: c.title, XLabel: "step", YLabel: c.unit}
		for _, metric := range c.metrics {
			for _, name := range slices.Sorted(maps.Keys(series)) { // each benchmark's after their mean
				if name == metric || strings.HasPrefix(name, metric+"/") {
					chart.Series = append(chart.Series, *series[name])
				}
			}
		}
		if slices.ContainsFunc(chart.Series, func(s evaluation.Series) bool { return len(s.X) > 1 }) {
			group.Charts = append(group.Charts, chart)
		}
	}
	return group
}

// samplesShown is how many greedy completions of each stage a report has.
const samplesShown = 4

// readSamples picks greedy completions of every stage on the same problems of its first
// benchmark.
func readSamples(d *directory, r *config.Recipe) ([]evaluation.Sample, error) {
	var out []evaluation.Sample
	chosen := map[string][]string{} // problems by benchmark
	for _, stage := range r.Stages {
		result, err := d.result(stage.Name)
		if err != nil {
			return nil, err
		}
		if result == nil {
			continue
		}
		items, err := d.greedy(stage.Name, *result)
		if err != nil {
			return nil, err
		}
		first := result.Benchmarks[0].Settings.Benchmark
		byID := map[string]evaluation.Item{}
		for _, item := range items[first] {
			byID[item.Problem.ID] = item
		}
		if chosen[first] == nil {
			ids := slices.Sorted(maps.Keys(byID))
			chosen[first] = ids[:min(samplesShown, len(ids))]
		}
		for _, id := range chosen[first] {
			if item, asked := byID[id]; asked {
				out = append(out, sampleShown(stage.Name, item))
			}
		}
	}
	return out, nil
}

func sampleShown(stage string, item evaluation.Item) evaluation.Sample {
	c := item.Completions[0]
	return evaluation.Sample{
		Stage: stage, Problem: item.Problem.Question, Reference: item.Problem.Answer, Completion: c.Text,
		Verdict: c.Verdict.String(), Tokens: c.Tokens, Finish: string(c.Finish),
	}
}
