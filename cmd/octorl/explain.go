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
	Steps  *int   `help:"As of octorl run: shorten every stage to at most N steps." placeholder:"N"`
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
	return explain(os.Stdout, r)
}

// explain writes the counts and the estimated memory of a run in plain text.
func explain(w io.Writer, r *config.Recipe) error {
	shape, err := shapeOf(r)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(cells ...string) { fmt.Fprintln(t, strings.Join(cells, "\t")) }
	fmt.Fprintf(t, "run %s, seed %d\n\n", r.Name, r.Seed)
	explainStages(line, r)
	explainRL(line, r)
	explainVerifiers(line, r)
	explainPolicy(line, r, shape)
	explainEvaluation(line, r)
	explainCheckpoints(line, r, shape)
	explainMemory(line, r, shape)
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
		line(s.Name, strconv.Itoa(s.RL.GroupsPerStep), strconv.Itoa(s.RL.GroupsPerStep*s.RL.Samples), strconv.Itoa(s.RL.UpdatesPerStep),
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

// stateBytes is a checkpoint's size a parameter: weights and two moments.
const stateBytes = 12

func explainCheckpoints(line writeLine, r *config.Recipe, c policy.Config) {
	size := stateBytes * c.NumParameters()
	line("checkpoints", fmt.Sprintf("every %d steps and at the end of each stage; the newest %d of an unfinished stage stay", r.Checkpoint.EverySteps, r.Checkpoint.Keep))
	line("their disk", fmt.Sprintf("%s each, %s for the %d finished stages", formatBytes(size), formatBytes(size*len(r.Stages)), len(r.Stages)))
	line()
}

// explainMemory estimates the head's memory from shapes, for a device that
// computes in float32. Arrays of one number a token, scratch memory of kernels
// and the program itself are left out.
func explainMemory(line writeLine, r *config.Recipe, c policy.Config) {
	parameters := c.NumParameters()
	matrices := parameters - c.Hidden*(2*c.Layers+1) // less the gains; biases are too few to matter
	blocks := c.Heads.QKV() + c.Heads.Out() + 2*c.FFN
	layer, shared, backward := 2*c.Hidden+c.Heads.Query+blocks, 4*c.Hidden+c.FFN, 2*c.Hidden+blocks
	batch, completions := microbatch(r, c), decoded(r)
	rows := max(c.MaxPositions, completions)
	positions := completions * actors.PageTokens * (ceil(c.MaxPositions, actors.PageTokens) + 1)
	rollouts := r.Scale.Rollouts

	total := 0
	row := func(name string, numbers int, how string) {
		total += numbers
		line(name, formatBytes(4*numbers), how)
	}
	line("memory, estimated", "", "numbers of 4 bytes")
	row("weights", parameters, "parameters")
	row("weights for products", 2*matrices, "2 · matrices, copied into the device's layout")
	row("gradients", parameters, "parameters")
	row("moments", 2*parameters, "2 · parameters")
	row("activations, training", batch*(c.Layers*layer+shared+backward),
		fmt.Sprintf("%d tokens of a microbatch · (%d layers · %d + %d + %d backward)", batch, c.Layers, layer, shared, backward))
	if needsReference(r) {
		row("reference policy", parameters+matrices+batch*(layer+shared), "parameters + matrices + microbatch without backward")
	}
	row("activations, sampling", rollouts*rows*(layer+shared),
		fmt.Sprintf("rollouts %d · %d tokens · (%d + %d)", rollouts, rows, layer, shared))
	row("key/value cache", rollouts*positions*c.Layers*2*c.Heads.KeyValue*c.Heads.Width,
		fmt.Sprintf("rollouts %d · %d positions of %d completions · %d layers · 2 · %d heads · %d", rollouts, positions, completions,
			c.Layers, c.Heads.KeyValue, c.Heads.Width))
	row("evaluator's policy", parameters+matrices, "parameters + matrices")
	held := r.Evaluation.Backlog + 1
	row("evaluator's versions", held*parameters, fmt.Sprintf("at most %d versions held · parameters", held))
	examRows, examPositions := max(c.MaxPositions, actors.ExamRows), actors.ExamRows*(positions/completions)
	row("evaluator's sampling", examRows*(layer+shared)+examPositions*c.Layers*2*c.Heads.KeyValue*c.Heads.Width,
		fmt.Sprintf("%d tokens · (%d + %d) + %d positions of %d completions", examRows, layer, shared, examPositions, actors.ExamRows))
	line("together", formatBytes(4*total))
}

// microbatch returns the most packed tokens of one pass of training.
func microbatch(r *config.Recipe, c policy.Config) int {
	most := 0
	for _, s := range r.Stages {
		if s.RL != nil {
			most = max(most, actors.MicrobatchTokens, c.MaxPositions)
		} else {
			most = max(most, min(s.Train.BatchTokens, actors.MicrobatchTokens), s.Train.MaxDocumentTokens)
		}
	}
	return most
}

// decoded returns the completions that a rollout decodes together.
func decoded(r *config.Recipe) int {
	samples := 1
	for _, s := range r.Stages {
		if s.RL != nil {
			samples = max(samples, s.RL.Samples)
		}
	}
	return samples * actors.GroupsHeld
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
