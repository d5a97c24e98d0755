package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/policy/tokenizer"
)

// exportVerb copies a run's policy to where others find it.
type exportVerb struct {
	Source string `arg:"" name:"run" help:"Run directory, or the name of one below runs; @STAGE picks a stage, default the one that no other starts from."`
	Out    string `arg:"" help:"Folder to make."`
}

// Help implements kong's help of a verb.
func (v *exportVerb) Help() string {
	return "The folder loads in transformers with AutoModelForCausalLM and AutoTokenizer, and here wherever a checkpoint is asked for."
}

// Run implements the verb.
func (v *exportVerb) Run() error {
	stage, err := export(v.Source, v.Out)
	if err != nil {
		return err
	}
	fmt.Printf("exported stage %s to %s\n", stage, v.Out)
	return nil
}

// export copies the final checkpoint of a stage to the new folder out, and
// returns the stage.
func export(source, out string) (stage string, err error) {
	run, stage, r, err := openRun(source)
	if err != nil {
		return "", err
	}
	if stage == "" {
		ends := endStages(r)
		if len(ends) > 1 {
			return "", fmt.Errorf("%s ends in the stages %s: choose one with %s@STAGE", run, strings.Join(ends, ", "), run)
		}
		stage = ends[0]
	}
	from := finalCheckpoint(run, stage)
	if !isDir(from) {
		return "", fmt.Errorf("stage %q of %s has no final checkpoint; finished are: %s; name one with %s@STAGE, or finish the run with octorl run",
			stage, run, finishedStages(run, r), run)
	}
	if _, err := os.Lstat(out); !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("export to %s: it exists already; choose another folder or delete it", out)
	}
	return stage, policy.WriteDir(out, func(tmp string) error {
		if err := policy.CopyHubFiles(tmp, from); err != nil {
			return err
		}
		return describeTokens(tmp)
	})
}

// endStages lists the stages that no other starts from: where a recipe branches
// there are several.
func endStages(r *config.Recipe) []string {
	var ends []string
	for _, s := range r.Stages {
		if !slices.ContainsFunc(r.Stages, func(other config.Stage) bool { return other.From == s.Name }) {
			ends = append(ends, s.Name)
		}
	}
	return ends
}

// openRun finds the run directory that source names, its stage, or "", and its
// recipe.
func openRun(source string) (run, stage string, r *config.Recipe, err error) {
	run = source
	if at := strings.LastIndexByte(source, '@'); at >= 0 && !isDir(source) {
		run, stage = source[:at], source[at+1:]
	}
	if below := filepath.Join("runs", run); !isDir(run) && isDir(below) {
		run = below
	}
	recipe := filepath.Join(run, "recipe.resolved.yaml")
	if _, err := os.Stat(recipe); err != nil {
		return "", "", nil, fmt.Errorf("%s is no run directory: %w; give one that octorl run made", run, err)
	}
	r, err = config.ParseFile(recipe)
	return run, stage, r, err
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// finalCheckpoint is where a run keeps what a stage ended with.
func finalCheckpoint(run, stage string) string {
	return filepath.Join(run, "checkpoints", stage, "final")
}

func finishedStages(run string, r *config.Recipe) string {
	var names []string
	for _, s := range r.Stages {
		if isDir(finalCheckpoint(run, s.Name)) {
			names = append(names, s.Name)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// describeTokens adds what AutoTokenizer needs to a checkpoint that lacks it.
func describeTokens(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, policy.TokenizerConfigFile)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c, err := policy.ReadConfig(filepath.Join(dir, policy.ConfigFile))
	if err != nil {
		return err
	}
	t, err := tokenizer.Load(dir)
	if err != nil {
		return err
	}
	end := ""
	if len(c.EOS) > 0 {
		end = t.Token(c.EOS[0])
	}
	return policy.WriteTokenizerConfig(dir, end)
}
