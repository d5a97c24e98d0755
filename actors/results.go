package actors

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/internal/config"
)

// Results are what a run directory says of a finished run.
type Results struct {
	Recipe     *config.Recipe
	Stages     []evaluation.StageRow
	Comparison *evaluation.Comparison // of the two stages that the recipe compares, or nil
	Digests    map[string]string      // of final weights, by stage
	Report     string                 // path of the report
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
	items := map[string][]evaluation.Item{}
	for _, stage := range r.Stages {
		res, err := readResult(d.evaluation(stage.Name))
		if err != nil {
			return nil, err
		}
		if res == nil {
			continue
		}
		out.Stages = append(out.Stages, evaluation.StageRow{Stage: stage.Name, Summary: res.Summary})
		items[stage.Name] = res.Greedy
		p, err := readPosition(d.final(stage.Name))
		if err != nil {
			return nil, err
		}
		out.Digests[stage.Name] = p.Digest
	}
	if c := r.Compare; c != nil && len(items[c.First]) > 0 && len(items[c.Second]) > 0 {
		compared, err := evaluation.Compare(c.First, items[c.First], c.Second, items[c.Second], r.Seed)
		if err != nil {
			return nil, err
		}
		out.Comparison = &compared
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
	if r.Comparison != nil {
		fmt.Fprintf(w, "\n%s\n", r.Comparison)
	}
	fmt.Fprintln(w, "\nweights digests:")
	for _, s := range r.Stages {
		fmt.Fprintf(w, "  %-16s %.16s\n", s.Stage, r.Digests[s.Stage])
	}
	_, err := fmt.Fprintf(w, "\nreport: %s\n", r.Report)
	return err
}

// summarize scores an examination: greedy accuracy, and pass@k from samples.
func (s *scribe) summarize(m examined) evaluation.Summary {
	summary := evaluation.Summarize(m.greedy)
	if len(m.sampled) > 0 {
		summary.PassAt = evaluation.Summarize(m.sampled, s.recipe.Evaluation.PassAtK...).PassAt
	}
	return summary
}

func summaryValues(s evaluation.Summary) map[string]float64 {
	values := map[string]float64{
		"heldout_accuracy": s.Accuracy, "heldout_format_rate": s.FormatRate, "heldout_truncation": s.TruncationRate,
		"heldout_length": s.MeanTokensAll, "heldout_length_right": s.MeanTokensRight, "heldout_verifier_failed": float64(s.Failed),
	}
	for k, p := range s.PassAt {
		values[fmt.Sprintf("heldout_pass_at_%d", k)] = p
	}
	return values
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
	}
	if r.Note != "" {
		page.Notes = []string{r.Note}
	}
	if results.Comparison != nil {
		page.Comparisons = []evaluation.Comparison{*results.Comparison}
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
	series := map[[2]string]*evaluation.Series{}
	err := readRecord(d.metrics(), func(line []byte) error {
		var m message.MetricsReported
		if err := json.Unmarshal(line, &m); err != nil {
			return fmt.Errorf("read record %s: %w", d.metrics(), err)
		}
		for name, v := range m.Values {
			s := series[[2]string{m.Stage, name}]
			if s == nil {
				s = &evaluation.Series{Name: name}
				series[[2]string{m.Stage, name}] = s
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
		groups = append(groups, chartsOf(&stage, func(metric string) *evaluation.Series { return series[[2]string{stage.Name, metric}] }))
	}
	return groups, nil
}

func chartsOf(stage *config.Stage, series func(metric string) *evaluation.Series) evaluation.ChartGroup {
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
			if s := series(metric); s != nil {
				chart.Series = append(chart.Series, *s)
			}
		}
		if len(chart.Series) > 0 {
			group.Charts = append(group.Charts, chart)
		}
	}
	return group
}

// samplesShown is how many greedy completions of each stage a report has.
const samplesShown = 4

// readSamples picks greedy completions of every stage on the same problems.
func readSamples(d *directory, r *config.Recipe) ([]evaluation.Sample, error) {
	var out []evaluation.Sample
	for _, stage := range r.Stages {
		res, err := readResult(d.evaluation(stage.Name))
		if err != nil {
			return nil, err
		}
		if res == nil {
			continue
		}
		for _, item := range res.Greedy[:min(samplesShown, len(res.Greedy))] {
			c := item.Completions[0]
			out = append(out, evaluation.Sample{
				Stage: stage.Name, Problem: item.Problem.Question, Reference: item.Problem.Answer, Completion: c.Text,
				Verdict: c.Verdict.String(), Tokens: c.Tokens, Finish: string(c.Finish),
			})
		}
	}
	return out, nil
}
