package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
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
	dev, err := v.open()
	if err != nil {
		return err
	}
	defer dev.Close()
	return explain(os.Stdout, r, dev.Info())
}

// explain writes the counts and the estimated memory of a run on a device in
// plain text.
func explain(w io.Writer, r *config.Recipe, info kernels.Info) error {
	shape, err := shapeOf(r)
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
	explainEvaluation(line, r)
	explainCheckpoints(line, r, shape, info)
	explainMemory(line, r, shape, info)
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
		Vocab: vocab, Hidden: s.Hidden, Layers: s.Layers, FFN: s.FFN, MaxPositions: s.MaxPositions,
		Heads:         kernels.Heads{Query: s.Heads, KeyValue: s.KVHeads, Width: s.HeadWidth},
		TieEmbeddings: s.TieEmbeddings,
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
	line("verifier of", "mode", "deadline", "right, wrong, unparsable", "reward shape")
	for _, s := range r.Stages {
		if s.RL == nil {
			continue
		}
		right, wrong, unparsable := s.RL.Reward.Amounts()
		line(s.Name, verifierName(s.RL.Verifier), s.RL.Verifier.Deadline().String(), fmt.Sprintf("%g, %g, %g", right, wrong, unparsable), s.RL.Reward.Shape)
	}
	line("evaluation", verifierName(r.Evaluation.Verifier), r.Evaluation.Verifier.Deadline().String(), "-", "-")
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

func explainEvaluation(line writeLine, r *config.Recipe) {
	e := r.Evaluation
	line("evaluation", fmt.Sprintf("of each stage: %d problems greedily, %d problems by %d completions; at most %d tokens each",
		e.Count, e.SampledProblems, e.Samples, e.MaxTokens))
	probes, quarter := 0, ceil(e.Count, 4)
	for _, s := range r.Stages {
		if every := s.EvaluateEvery(); every > 0 {
			probes += ceil(s.NumSteps(), every)
		}
	}
	line("probes", fmt.Sprintf("%d inside stages, beside the training: %d problems greedily each", probes, quarter))
	line("their completions", decimal(int64(len(r.Stages)*(e.Count+e.SampledProblems*e.Samples)+probes*quarter)))
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

// explainMemory estimates what the head process allocates on its device. The
// program itself is left out, and on the CPU so is scratch memory of kernels.
func explainMemory(line writeLine, r *config.Recipe, c policy.Config, info kernels.Info) {
	compute, parameters := info.Compute, c.NumParameters()
	sizes := actors.SizesOn(info, c, actors.NeedsOf(r))
	batch, rollouts := microbatch(r, c, sizes), r.Scale.Rollouts
	completions := actors.NeedsOf(r).Samples * sizes.Groups
	prefill := max(sizes.PromptTokens, completions)
	positions := completions * actors.PageTokens * (ceil(c.MaxPositions, actors.PageTokens) + 1)

	total := 0
	row := func(name string, bytes int, how string) {
		total += bytes
		line(name, formatBytes(bytes), how)
	}
	line("memory, estimated", "", fmt.Sprintf("in %s, on a device like %s", compute, info.Name))
	row("weights", c.WeightBytes(compute), fmt.Sprintf("%d bytes a parameter", compute.Size()))
	copied := 0
	if info.Memory == 0 {
		copied = 4 * (parameters - c.Hidden*(2*c.Layers+1)) // less the gains; biases are too few to matter
		row("weights for products", 2*copied, "2 · matrices, copied into the device's layout")
	}
	row("training state", actors.StateBytes(compute)*parameters, fmt.Sprintf("%d bytes a parameter: gradient, moments%s",
		actors.StateBytes(compute), map[bool]string{true: ", master weights"}[compute != kernels.Float32]))
	row("activations, training", batch*c.RowBytes(compute, true), fmt.Sprintf("%d tokens of a microbatch · %d bytes", batch, c.RowBytes(compute, true)))
	if numCritics(r) > 0 {
		explainCriticMemory(row, r, c, info, batch)
	}
	scoring := c.RowBytes(compute, false)
	if needsReference(r) {
		row("reference policy", c.WeightBytes(compute)+copied+batch*scoring, fmt.Sprintf("weights and %d tokens · %d bytes", batch, scoring))
	}
	row("activations, sampling", rollouts*prefill*scoring, fmt.Sprintf("rollouts %d · %d tokens · %d bytes", rollouts, prefill, scoring))
	row("key/value cache", rollouts*c.CacheBytes(compute, positions),
		fmt.Sprintf("rollouts %d · %d positions of %d completions · %d bytes", rollouts, positions, completions, c.CacheBytes(compute, 1)))
	row("evaluator's policy", c.WeightBytes(compute)+copied, "weights")
	if held := r.Evaluation.Backlog + 1; info.Memory == 0 {
		row("evaluator's versions", 4*held*parameters, fmt.Sprintf("at most %d versions held · 4 bytes a parameter", held))
	}
	examRows, examPositions := max(c.MaxPositions, actors.ExamRows), actors.ExamRows*(positions/completions)
	row("evaluator's sampling", examRows*scoring+c.CacheBytes(compute, examPositions),
		fmt.Sprintf("%d tokens · %d bytes + %d positions of %d completions", examRows, scoring, examPositions, actors.ExamRows))
	line("together", formatBytes(total))
}

// microbatch returns the most packed tokens of one pass of training.
func microbatch(r *config.Recipe, c policy.Config, sizes actors.Sizes) int {
	most := 0
	for _, s := range r.Stages {
		if s.RL != nil {
			most = max(most, sizes.MicrobatchTokens, c.MaxPositions)
		} else {
			most = max(most, min(s.Train.BatchTokens, sizes.MicrobatchTokens), s.Train.MaxDocumentTokens)
		}
	}
	return most
}

// needsReference reports whether a stage keeps the policy that it started from.
func needsReference(r *config.Recipe) bool {
	return slices.ContainsFunc(r.Stages, func(s config.Stage) bool { return s.RL != nil && s.RL.KL != 0 })
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
