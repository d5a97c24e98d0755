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
	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/evaluation/benchmark"
	"github.com/octorl/octorl/evaluation/exam"
	"github.com/octorl/octorl/policy"
)

// evalVerb measures checkpoints with benchmarks.
type evalVerb struct {
	deviceFlag
	Folders []string `arg:"" optional:"" help:"Folders for --compare, or corpora for --contamination."`

	Model      string   `help:"Checkpoint folder, or RUN@STAGE." placeholder:"DIR"`
	Benchmarks []string `help:"Built-in ones by name (see --list), or YAML files of your own." placeholder:"NAME,…"`
	List       bool     `help:"List the built-in benchmarks."`
	Data       string   `help:"Folder with the problems that the binary does not carry." placeholder:"DIR"`
	Out        string   `help:"Folder for results; default evaluations/<checkpoint>." placeholder:"DIR"`
	Compare    bool     `help:"Compare finished evaluations, folders of --out or RUN@STAGE, instead."`
	Readiness  string   `help:"Judge instead whether RL can improve the base model in this folder, or RUN@STAGE." placeholder:"DIR"`

	Contamination bool `help:"Look for the benchmarks' questions in corpora instead; with --out also into a JSON file."`
	Window        int  `default:"13" help:"Words in a row that make a trace; default 13." placeholder:"N"`

	Shots       string   `default:"published" help:"Demonstrations before a question: published, or a number; default published." placeholder:"N"`
	Template    string   `help:"Ask without demonstrations by a template: simple, complex or dialogue." placeholder:"NAME"`
	Grading     string   `help:"published, strict or boxed; default boxed with --template, else published." placeholder:"HOW"`
	Greedy      bool     `negatable:"" default:"true" help:"Ask for the likeliest completion of each problem, beside samples; default yes."`
	N           int      `help:"Samples of a problem; default the largest --k, or none." placeholder:"N"`
	K           []int    `help:"Sizes for pass@k and maj@k of samples; default the powers of 4 up to --n." placeholder:"K,…"`
	Temperature *float32 `help:"Divides the logits of samples; default 1." placeholder:"T"`
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
	if v.Model == "" {
		return errors.New("what to evaluate? give --model DIR, a checkpoint or RUN@STAGE, and --benchmarks NAME,…")
	}
	if len(v.Benchmarks) == 0 {
		return errors.New("on what? give --benchmarks NAME,…; --list shows the built-in ones")
	}
	var err error
	if v.Model, err = checkpointOf(v.Model); err != nil {
		return err
	}
	if v.N == 0 {
		v.N = slices.Max(append(v.K, 0))
	}
	if v.N == 0 && v.Temperature != nil {
		v.N = 1
	}
	if v.K == nil {
		for k := 1; k <= max(v.N, 1); k *= 4 {
			v.K = append(v.K, k)
		}
	}
	if v.Temperature == nil {
		v.Temperature = new(float32)
		*v.Temperature = 1
	}
	if v.Out == "" {
		v.Out = filepath.Join("evaluations", nameOfCheckpoint(v.Model))
	}
	return v.check()
}

func (v *evalVerb) check() error {
	if v.N < 0 || v.N > maxSamples {
		return fmt.Errorf("--n %d: ask for at most %d", v.N, maxSamples)
	}
	if v.N == 0 && !v.Greedy {
		return errors.New("--no-greedy leaves nothing to ask: give --n or --k for samples")
	}
	for _, k := range v.K {
		if k < 1 || k > max(v.N, 1) {
			return fmt.Errorf("--k %d: want 1 to --n, which is %d", k, v.N)
		}
	}
	if t := *v.Temperature; !(t > 0 && t <= policy.MaxTemperature) {
		return fmt.Errorf("--temperature %g: use a number over 0, up to %d; the likeliest completion is asked for without samples, so leave out --n and --k", t, policy.MaxTemperature)
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
	if v.Shots == "published" {
		return o, nil
	}
	n, err := strconv.Atoi(v.Shots)
	if err != nil || n < 0 {
		return o, fmt.Errorf("--shots %s: want published, or a number from 0", v.Shots)
	}
	o.Shots = n
	return o, nil
}

// ways are the ways in which the flags ask each benchmark.
func (v *evalVerb) ways() ([]exam.Way, error) {
	o, err := v.options()
	var ways []exam.Way
	if v.Greedy {
		ways = append(ways, o.Greedy())
	}
	if v.N > 0 {
		ways = append(ways, o.Sampled())
	}
	return ways, err
}

// evaluate asks all benchmarks, and writes what they say.
func (v *evalVerb) evaluate(ctx context.Context) error {
	ways, err := v.ways()
	if err != nil {
		return err
	}
	sets, err := v.sets()
	if err != nil {
		return err
	}
	e, err := openEvaluation(v.Model, v.Out, v.deviceFlag)
	if err != nil {
		return err
	}
	defer e.close()
	for _, set := range sets {
		for _, way := range ways {
			if err := e.sitting.Add(set, way); err != nil {
				return err
			}
		}
	}
	return v.finish(ctx, e)
}

// sets reads the benchmarks, before a policy is loaded.
func (v *evalVerb) sets() ([]exam.Set, error) {
	var sets []exam.Set
	for _, name := range v.Benchmarks {
		set, err := exam.OpenSet(name, v.Data)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(sets, func(s exam.Set) bool { return s.Spec.Name == set.Spec.Name }) {
			return nil, fmt.Errorf("--benchmarks has %s twice", set.Spec.Name)
		}
		sets = append(sets, set)
	}
	return sets, nil
}

// finish asks what is left, and writes and prints what it says.
func (v *evalVerb) finish(ctx context.Context, e *evaluationRun) error {
	if err := e.run(ctx); errors.Is(err, context.Canceled) {
		return actors.ErrStopped
	} else if err != nil {
		return err
	}
	return v.publish(e)
}

// publish writes results.json and the page, and prints the table.
func (v *evalVerb) publish(e *evaluationRun) error {
	r := evaluation.Result{
		Version: evaluation.ResultVersion, Model: v.Model, Digest: e.sitting.Model, Finished: time.Now().UTC(), Benchmarks: e.sitting.Results(v.K),
	}
	if v.Readiness != "" {
		readiness := evaluation.Assess(r.Benchmarks)
		r.Readiness = &readiness
	}
	if err := evaluation.WriteResult(v.Out, r); err != nil {
		return err
	}
	page, err := e.sitting.WritePage(r)
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
