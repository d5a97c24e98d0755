package actors

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/octorl/octorl/internal/tensorboard"
)

// eventFiles returns what the event files of a stage hold.
func eventFiles(t *testing.T, d *directory, stage string) []byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(d.tensorboard(), stage, tensorboard.FilePrefix+"*"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("event files of %s: %v, %v; want one", stage, paths, err)
	}
	data, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestEventFilesHoldEveryStepOnce stops a run and resumes it: a stage has one file,
// with the metrics of each step once, as metrics.jsonl has them.
func TestEventFilesHoldEveryStepOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stopAfter(t, dir, "rl", 3)
	finish(t, tinyRecipe(t), options(t, dir))
	d := &directory{root: dir}
	for stage, tags := range map[string]map[string]int{
		"text": {"train/loss": 12, "evaluation/heldout_accuracy": 1},
		"rl":   {"rl/reward": 5, "evaluation/heldout_accuracy": 4},
	} {
		data := eventFiles(t, d, stage)
		for tag, want := range tags {
			if got := bytes.Count(data, []byte(tag+"\x15")); got != want { // a number follows the tag
				t.Errorf("stage %s: %s %d times, want %d", stage, tag, got, want)
			}
		}
	}
}
