package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/octorl/octorl/actors"
	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/policy/tokenizer"
)

// explainVerb says what a recipe would do.
type explainVerb struct {
	Recipe string `arg:"" help:"A YAML file, or the name of a built-in recipe."`
	deviceFlag
	Steps *int `help:"As of octorl run: shorten every stage to at most N steps." placeholder:"N"`
}

// Help implements kong's help of a verb.
func (v *explainVerb) Help() string {
	return "With --device h100 or h200 the memory is that of a run on such a card, which need not be here; the program must be built with make cuda."
}

// Run implements the verb.
func (v *explainVerb) Run() error {
	r, err := openRecipe(v.Recipe)
	if err != nil {
		return err
	}
	flags := runFlags{Steps: v.Steps}
	if err := flags.apply(r); err != nil {
		return err
	}
	info, err := v.info()
	if err != nil {
		return err
	}
	return explain(os.Stdout, r, info)
}

// cards are GPUs that a run can be planned for where there are none, with the
// bytes that the driver says they have.
var cards = map[string]int64{"h100": 79*1<<30 + 1<<27, "h200": 139*1<<30 + 1<<29}

// info describes the device that the run is explained for.
func (v *explainVerb) info() (kernels.Info, error) {
	if memory, ok := cards[v.Device]; ok {
		return kernels.Info{Name: v.Device, Kind: "cuda", Compute: kernels.BFloat16, Memory: memory}, nil
	}
	dev, err := v.open()
	if err != nil {
		return kernels.Info{}, err
	}
	defer dev.Close()
	return dev.Info(), nil
}

// explain writes the counts and the estimated memory of a run on a device in
// plain text.
func explain(w io.Writer, r *config.Recipe, info kernels.Info) error {
	shape, err := shapeOf(r)
	if err != nil {
		return err
	}
	sizes, err := actors.ExamSizes(r)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(cells ...string) { fmt.Fprintln(t, strings.Join(cells, "\t")) }
	fmt.Fprintf(t, "run %s, seed %d\n\n", r.Name, r.Seed)
	explainStages(line, r)
	explainRL(line, r)
	explainCritics(line, r, shape)
	explainVerifiers(line, r)
	explainPolicy(line, r, shape)
	explainEvaluation(line, r, sizes)
	explainCheckpoints(line, r, shape, info)
	if err := explainMemory(line, r, shape, info); err != nil {
		return fmt.Errorf("explain recipe %s: %w", r.Name, err)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("explain recipe %s: %w", r.Name, err)
	}
	return nil
}

// shapeOf returns the sizes of the recipe's policy.
func shapeOf(r *config.Recipe) (policy.Config, error) {
	if dir := r.Policy.Checkpoint; dir != "" {
		return policy.ReadConfig(filepath.Join(dir, policy.ConfigFile))
	}
	vocab := r.Tokenizer.Vocab
	if r.Tokenizer.Path != "" {
		t, err := tokenizer.Load(r.Tokenizer.Path)
		if err != nil {
			return policy.Config{}, err
		}
		vocab = t.VocabSize()
	}
	s := r.Policy.Shape
	return policy.Config{
		Architecture: policy.Llama, Vocab: vocab, Hidden: s.Hidden, Layers: s.Layers, FFN: s.FFN, MaxPositions: s.MaxPositions,
		Heads:   kernels.Heads{Query: s.Heads, KeyValue: s.KVHeads, Width: s.HeadWidth},
		NormEps: 1e-5, Rope: policy.Rope{Theta: s.RopeTheta}, TieEmbeddings: s.TieEmbeddings,
	}, nil
}

// writeLine writes one line of tab-separated cells.
type writeLine func(cells ...string)

func explainStages(line writeLine, r *config.Recipe) {
	line("stage", "from", "kind", "steps", "tokens a batch", "tokens", "learning rate")
	for _, s := range r.Stages {
		kind, batch, tokens := "rl", "-", "-"
		if s.Train != nil {
			kind, batch, tokens = "text", strconv.Itoa(s.Train.BatchTokens), decimal(s.NumTrainTokens())
		}
		from := s.From
		if from == "" {
			from = "-"
		}
		rate := fmt.Sprintf("%g %s", s.Optimizer.LR, s.Optimizer.Schedule)
		line(s.Name, from, kind, strconv.Itoa(s.NumSteps()), batch, tokens, rate)
	}
	line("all", "", "", "", "", decimal(r.NumTrainTokens()))
	line()
}

func explainRL(line writeLine, r *config.Recipe) {
	if r.NumTrajectories() == 0 {
		return
	}
	line("rl stage", "prompts (groups) a step", "trajectories a step", "updates a step", "trajectories", "completion tokens, at most", "cap of a completion, tokens")
	var most int64
	for _, s := range r.Stages {
		if s.RL == nil {
			continue
		}
		most += s.MaxCompletionTokens()
		line(s.Name, strconv.Itoa(s.RL.GroupsPerStep), strconv.Itoa(s.RL.GroupsPerStep*s.RL.Samples), strconv.Itoa(s.RL.UpdatesPerStep*s.RL.Epochs),
			decimal(s.NumTrajectories()), decimal(s.MaxCompletionTokens()), caps(s.RL))
	}
	line("all", "", "", "", decimal(r.NumTrajectories()), decimal(most))
	line()
}

// explainVerifiers names what judges completions, and what its verdicts earn.
func explainVerifiers(line writeLine, r *config.Recipe) {
	if r.NumTrajectories() == 0 {
		return
	}
	line("verifier of", "mode", "deadline", "right, wrong, unparsable", "reward shape")
	for _, s := range r.Stages {
		if s.RL == nil {
			continue
		}
		right, wrong, unparsable := s.RL.Reward.Amounts()
		line(s.Name, verifierName(s.RL.Verifier), s.RL.Verifier.Deadline().String(), fmt.Sprintf("%g, %g, %g", right, wrong, unparsable), s.RL.Reward.Shape)
	}
	line()
}

// verifierName describes a verifier in a few words.
func verifierName(v config.Verifier) string {
	switch v.Mode {
	case "strict":
		return "strict, answer from " + v.Extract
	case "program":
		return "program " + strings.Join(v.Program, " ")
	case "endpoint":
		return "endpoint " + v.URL
	}
	return v.Mode
}

// caps describes the length schedule as far as the stage gets in it.
func caps(rl *config.RL) string {
	var parts []string
	for _, c := range rl.MaxResponseTokens {
		switch {
		case c.FromStep == 0:
			parts = append(parts, strconv.Itoa(c.Tokens))
		case c.FromStep < rl.Steps:
			parts = append(parts, fmt.Sprintf("%d after %d steps", c.Tokens, c.FromStep))
		}
	}
	return strings.Join(parts, ", ")
}

func explainPolicy(line writeLine, r *config.Recipe, c policy.Config) {
	origin := "initialized"
	if r.Policy.Checkpoint != "" {
		origin = r.Policy.Checkpoint
	}
	line("policy", fmt.Sprintf("%s: %d layers, %d channels, %d heads and %d key/value heads of %d, feed-forward %d, %d positions",
		origin, c.Layers, c.Hidden, c.Heads.Query, c.Heads.KeyValue, c.Heads.Width, c.FFN, c.MaxPositions))
	line("parameters", decimal(int64(c.NumParameters())))
	switch {
	case r.Tokenizer.Path != "":
		line("tokenizer", fmt.Sprintf("%s, %d tokens", r.Tokenizer.Path, c.Vocab))
	case r.Policy.Checkpoint != "":
		line("tokenizer", "the checkpoint's")
	default:
		line("tokenizer", fmt.Sprintf("trained to %d tokens on %s bytes of the stages' text", c.Vocab, decimal(int64(r.Tokenizer.TrainBytes))))
	}
}

func explainCheckpoints(line writeLine, r *config.Recipe, c policy.Config, info kernels.Info) {
	size := checkpointBytes(c, info.Compute)
	all, with := size*len(r.Stages), ""
	if n := numCritics(r); n > 0 {
		critic := checkpointBytes(criticOf(c), info.Compute)
		all, with = all+critic*n, fmt.Sprintf(", %s with a critic", formatBytes(size+critic))
	}
	line("checkpoints", fmt.Sprintf("every %d steps and at the end of each stage; the newest %d of an unfinished stage stay", r.Checkpoint.EverySteps, r.Checkpoint.Keep))
	line("their disk", fmt.Sprintf("%s each%s, %s for the %d finished stages", formatBytes(size), with, formatBytes(all), len(r.Stages)))
	line()
}

// checkpointBytes returns the disk of weights, moments and master weights.
func checkpointBytes(c policy.Config, compute kernels.Type) int {
	size := c.WeightBytes(compute) + 8*c.NumParameters()
	if compute != kernels.Float32 {
		size += 4 * c.NumParameters() // master weights
	}
	return size
}

func ceil(n, parts int) int { return (n + parts - 1) / parts }

// decimal formats a count with commas between thousands.
func decimal(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// formatBytes formats a size with the unit that leaves one to four digits before the
// point.
func formatBytes(n int) string {
	size, units := float64(n)/1024, []string{"KiB", "MiB", "GiB", "TiB"}
	for len(units) > 1 && size >= 1024 {
		size, units = size/1024, units[1:]
	}
	return fmt.Sprintf("%.1f %s", size, units[0])
}
