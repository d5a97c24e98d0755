package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/octorl/octorl/actors"
	"github.com/octorl/octorl/corpus"
	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/evaluation/benchmark"
	"github.com/octorl/octorl/evaluation/exam"
	"github.com/octorl/octorl/policy"
)

// evalVerb measures checkpoints with benchmarks.
type evalVerb struct {
	deviceFlag
	Folders []string `arg:"" optional:"" help:"Folders for --compare, or corpora for --contamination."`

	Model      string   `help:"Checkpoint folder." placeholder:"DIR"`
	Benchmarks []string `help:"Built-in ones by name (see --list), or YAML files of your own." placeholder:"NAME,…"`
	List       bool     `help:"List the built-in benchmarks."`
	Data       string   `help:"Folder with the problems that the binary does not carry." placeholder:"DIR"`
	Out        string   `help:"Folder for results; default evaluations/<checkpoint>." placeholder:"DIR"`
	Compare    bool     `help:"Compare finished evaluations, folders of --out, instead."`
	Readiness  string   `help:"Judge instead whether RL can improve the base model in this folder." placeholder:"DIR"`

	Contamination bool `help:"Look for the benchmarks' questions in corpora instead; with --out also into a JSON file."`
	Window        int  `default:"13" help:"Words in a row that make a trace; default 13." placeholder:"N"`

	Shots       string   `default:"published" help:"Demonstrations before a question: published, or a number; default published." placeholder:"N"`
	Template    string   `help:"Ask without demonstrations by a template: simple, complex or dialogue." placeholder:"NAME"`
	Grading     string   `help:"published, strict or boxed; default boxed with --template, else published." placeholder:"WAY"`
	N           int      `help:"Completions of a problem; default the largest --k, or 1." placeholder:"N"`
	K           []int    `help:"Sizes for pass@k and maj@k; default the powers of 4 up to --n." placeholder:"K,…"`
	Temperature *float32 `help:"0 takes the likeliest token; default 0 for one completion, else 1." placeholder:"T"`
	MaxTokens   int      `help:"Longest completion, in tokens; default the benchmark's, 1024 for built-in ones." placeholder:"N"`
	Stop        []string `sep:"none" help:"Further text that ends a completion; may be given several times." placeholder:"TEXT"`
	Seed        uint64   `help:"Names the draws; default 0." placeholder:"N"`
	Limit       int      `help:"Ask only the first N problems of each; default all." placeholder:"N"`
}

// Help implements kong's help of a verb.
func (v *evalVerb) Help() string {
	return `Base models are asked as published: with demonstrations, the benchmark's own stop texts and comparison. Models
trained by RL are asked with --template complex (or that of their training), which looks for a boxed answer.
Ctrl-C stops; the same command goes on with what is missing and asks nothing twice. Results are JSON, a table, and
report.html, where every item can be read.`
}

// maxSamples bounds --n, so that pass@k and maj@k stay exact.
const maxSamples = 1000

// Run implements the verb.
func (v *evalVerb) Run(ctx context.Context) error {
	switch {
	case v.List:
		return listBenchmarks(os.Stdout)
	case v.Compare:
		return compareEvaluations(v.Folders, v.Out, os.Stdout)
	case v.Contamination:
		return v.contamination(ctx, os.Stdout)
	case v.Readiness != "":
		return v.readiness(ctx)
	case len(v.Folders) > 0:
		return fmt.Errorf("what to do with %s? give --compare or --contamination, or a checkpoint with --model", strings.Join(v.Folders, " "))
	}
	if err := v.settle(); err != nil {
		return err
	}
	return v.evaluate(ctx)
}

// settle fills what the flags left out, and checks them.
func (v *evalVerb) settle() error {
	if v.Model == "" || len(v.Benchmarks) == 0 {
		return errors.New("what to evaluate? give --model DIR and --benchmarks NAME,…; --list shows the built-in ones")
	}
	if v.N == 0 {
		v.N = max(1, slices.Max(append(v.K, 1)))
	}
	if v.K == nil {
		for k := 1; k <= v.N; k *= 4 {
			v.K = append(v.K, k)
		}
	}
	if v.Temperature == nil {
		t := float32(0)
		if v.N > 1 {
			t = 1
		}
		v.Temperature = &t
	}
	if v.Out == "" {
		v.Out = filepath.Join("evaluations", nameOfCheckpoint(v.Model))
	}
	if v.Grading == "" {
		v.Grading = string(benchmark.GradingPublished)
		if v.Template != "" {
			v.Grading = string(benchmark.GradingBoxed)
		}
	}
	return v.check()
}

func (v *evalVerb) check() error {
	if v.N < 1 || v.N > maxSamples {
		return fmt.Errorf("--n %d: ask for 1 to %d", v.N, maxSamples)
	}
	for _, k := range v.K {
		if k < 1 || k > v.N {
			return fmt.Errorf("--k %d: want 1 to --n, which is %d", k, v.N)
		}
	}
	t := *v.Temperature
	if !(t >= 0 && t <= policy.MaxTemperature) {
		return fmt.Errorf("--temperature %g: use 0 for the likeliest token, or a number up to %d", t, policy.MaxTemperature)
	}
	if v.N > 1 && t == 0 {
		return fmt.Errorf("--n %d at temperature 0 would give equal completions: set --temperature", v.N)
	}
	if v.MaxTokens < 0 || v.Limit < 0 {
		return fmt.Errorf("--max-tokens %d, --limit %d: neither may be negative", v.MaxTokens, v.Limit)
	}
	_, err := v.options()
	return err
}

// options are how the flags ask.
func (v *evalVerb) options() (exam.Options, error) {
	o := exam.Options{
		Shots: exam.Published, Template: v.Template, Grading: benchmark.Grading(v.Grading), Samples: v.N,
		Temperature: *v.Temperature, MaxTokens: v.MaxTokens, Stops: v.Stop, Seed: v.Seed, Limit: v.Limit,
	}
	if v.Shots != "published" {
		n, err := strconv.Atoi(v.Shots)
		if err != nil || n < 0 {
			return o, fmt.Errorf("--shots %s: want published, or a number from 0", v.Shots)
		}
		o.Shots = n
	}
	if v.Template == "" {
		return o, nil
	}
	return withTemplate(o, v.Template)
}

// templateStops end completions of prompts by a template, as published
// (arXiv:2506.20512, rl/scripts of its repository).
var templateStops = []string{"User:", "Assistant:", "Question:", "Answer:"}

// withTemplate makes o ask by a template, without demonstrations unless some were
// asked for by number.
func withTemplate(o exam.Options, name string) (exam.Options, error) {
	if _, err := corpus.Render(corpus.Template(name), ""); err != nil {
		return o, err
	}
	if o.Shots == exam.Published {
		o.Shots = 0
	}
	o.Template = name
	o.Stops = append(slices.Clone(templateStops), o.Stops...)
	o.Render = func(question string) string {
		text, err := corpus.Render(corpus.Template(name), question)
		if err != nil {
			panic(err) // it was checked
		}
		return text
	}
	return o, nil
}

// evaluate asks all benchmarks, and writes what they say.
func (v *evalVerb) evaluate(ctx context.Context) error {
	o, err := v.options()
	if err != nil {
		return err
	}
	e, err := openEvaluation(v.Model, v.Out, v.deviceFlag)
	if err != nil {
		return err
	}
	defer e.close()
	for _, name := range v.Benchmarks {
		s, problems, err := e.problems(name, v.Data)
		if err != nil {
			return err
		}
		if err := e.add(s, problems, o, s.Name); err != nil {
			return err
		}
	}
	if err := e.run(ctx); errors.Is(err, context.Canceled) {
		return actors.ErrStopped
	} else if err != nil {
		return err
	}
	return v.publish(e)
}

// publish writes results.json and the page, and prints the table.
func (v *evalVerb) publish(e *evaluationRun) error {
	r := evaluation.Result{Version: evaluation.ResultVersion, Model: v.Model, Digest: e.digest, Finished: time.Now().UTC()}
	for i, p := range e.papers {
		r.Benchmarks = append(r.Benchmarks, p.Result(e.journals[i], v.K))
	}
	if v.Readiness != "" {
		readiness := evaluation.Assess(r.Benchmarks)
		r.Readiness = &readiness
	}
	if err := evaluation.WriteResult(v.Out, r); err != nil {
		return err
	}
	page, err := e.writePage(r)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %s\n\n", v.Model, r.Label())
	if err := evaluation.WriteResultTable(os.Stdout, r); err != nil {
		return err
	}
	_, err = fmt.Printf("\nresults: %s, %s\n", filepath.Join(v.Out, evaluation.ResultsFile), page)
	return err
}

// nameOfCheckpoint makes a folder's name of a checkpoint's path: of those of a run
// the run and the stage.
func nameOfCheckpoint(dir string) string {
	var parts []string
	if full, err := filepath.Abs(dir); err == nil {
		dir = full
	}
	for _, part := range strings.Split(filepath.ToSlash(dir), "/") {
		if part != "" && part != "checkpoints" && part != "final" && part != "runs" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts[max(0, len(parts)-2):], "-")
}
