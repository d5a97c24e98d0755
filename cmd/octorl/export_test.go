package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/octorl/octorl/policy"
)

const exportRecipe = `name: tiny
tokenizer: {vocab: 288}
policy: {shape: {layers: 1, hidden: 16, heads: 2, kvHeads: 1, headWidth: 8, ffn: 24, maxPositions: 96}}
stages:
  - name: first
    train: {maxDocumentTokens: 90, mixture: {prose: 1}}
  - name: second
    from: first
    train: {maxDocumentTokens: 90, mixture: {prose: 1}}
`

// makeRun makes a run directory whose named stages are finished.
func makeRun(t *testing.T, stages ...string) string {
	t.Helper()
	run := filepath.Join(t.TempDir(), "run")
	for _, stage := range stages {
		dir := finalCheckpoint(run, stage)
		saveModel(t, dir)
		saveCritic(t, dir)
		if err := os.WriteFile(filepath.Join(dir, "optimizer.safetensors"), []byte("moments"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(run, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(run, "recipe.resolved.yaml"), []byte(exportRecipe), 0o644); err != nil {
		t.Fatal(err)
	}
	return run
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestExport(t *testing.T) {
	run := makeRun(t, "first", "second")
	for source, want := range map[string]string{run: "second", run + "@first": "first"} {
		out := filepath.Join(t.TempDir(), "out")
		stage, err := export(source, out)
		if err != nil || stage != want {
			t.Errorf("%s: stage %q, %v; expected %q", source, stage, err, want)
			continue
		}
		files := []string{policy.ManifestFile, policy.ConfigFile, policy.GenerationFile, policy.WeightsFile, "tokenizer.json", policy.TokenizerConfigFile}
		if got := names(t, out); !slices.Equal(got, files) {
			t.Errorf("%s: exported %v, expected %v", source, got, files)
		}
		for _, name := range files[1:] {
			a, errA := os.ReadFile(filepath.Join(out, name))
			b, errB := os.ReadFile(filepath.Join(finalCheckpoint(run, want), name))
			if err := errors.Join(errA, errB); err != nil || !slices.Equal(a, b) {
				t.Errorf("%s: %s differs, %v", source, name, err)
			}
		}
		if err := policy.Inspect(out).Fault(); err != nil {
			t.Errorf("%s: %v", source, err)
		}
	}
}

// TestExportOfBranchesWantsAStage has two stages that nothing starts from.
func TestExportOfBranchesWantsAStage(t *testing.T) {
	run := makeRun(t, "first", "second", "third")
	branches := exportRecipe + "  - name: third\n    from: first\n    train: {maxDocumentTokens: 90, mixture: {prose: 1}}\n"
	if err := os.WriteFile(filepath.Join(run, "recipe.resolved.yaml"), []byte(branches), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	if _, err := export(run, out); err == nil || !strings.Contains(err.Error(), "ends in the stages second, third: choose one with "+run+"@STAGE") {
		t.Errorf("without a stage: %v", err)
	}
	if stage, err := export(run+"@third", out); err != nil || stage != "third" {
		t.Errorf("stage %q, %v", stage, err)
	}
}

func TestExportBelowRuns(t *testing.T) {
	run := makeRun(t, "second")
	t.Chdir(t.TempDir())
	if err := os.CopyFS(filepath.Join("runs", "tiny"), os.DirFS(run)); err != nil {
		t.Fatal(err)
	}
	if stage, err := export("tiny@second", "out"); err != nil || stage != "second" {
		t.Errorf("stage %q, %v", stage, err)
	}
}

func TestExportAddsTokenizerConfig(t *testing.T) {
	run := makeRun(t, "second")
	from := finalCheckpoint(run, "second")
	want, err := os.ReadFile(filepath.Join(from, policy.TokenizerConfigFile))
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(from, policy.TokenizerConfigFile))
	os.Remove(filepath.Join(from, policy.ManifestFile))
	out := filepath.Join(t.TempDir(), "out")
	if _, err := export(run, out); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(out, policy.TokenizerConfigFile)); err != nil || !slices.Equal(got, want) {
		t.Errorf("%s, %v; expected %s", got, err, want)
	}
}

func TestExportRefuses(t *testing.T) {
	run := makeRun(t, "first")
	taken, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	for _, tt := range []struct{ source, out, want string }{
		{run, out, `stage "second" of ` + run + " has no final checkpoint; finished are: first"},
		{run + "@third", out, `stage "third"`},
		{filepath.Join(run, "nowhere"), out, "is no run directory"},
		{run + "@first", taken, "exists already"},
	} {
		if _, err := export(tt.source, tt.out); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s to %s: %v, expected %q", tt.source, tt.out, err, tt.want)
		}
	}
	weights := filepath.Join(finalCheckpoint(run, "first"), policy.WeightsFile)
	if err := os.Truncate(weights, 100); err != nil {
		t.Fatal(err)
	}
	if _, err := export(run+"@first", out); !errors.Is(err, policy.ErrDamaged) {
		t.Errorf("damaged: %v", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a damaged checkpoint was exported")
	}
}
