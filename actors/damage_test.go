package actors

import (
	"errors"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/octorl/octorl/actors/bus"
	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/policy"
)

// damage changes a bit of a file.
func damage(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedFinalCheckpoint damages what a stage ended with while the stage that
// starts from it is still to do: it is made again from the checkpoint before.
func TestDamagedFinalCheckpoint(t *testing.T) {
	t.Parallel()
	want := reference(t)
	dir := t.TempDir()
	finish(t, tinyRecipe(t), options(t, dir))
	d := &directory{root: dir}
	if steps := d.steps("text"); !slices.Equal(steps, []int{10}) {
		t.Fatalf("the finished stage keeps the checkpoints of steps %v beside final, want that of 10", steps)
	}
	for _, path := range []string{d.stage("rl"), d.evaluation("rl")} {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
	damage(t, filepath.Join(d.final("text"), policy.WeightsFile))
	if got := finish(t, tinyRecipe(t), options(t, dir)); !maps.Equal(got, want) {
		t.Errorf("digests %v, want %v", got, want)
	}
	checkMetrics(t, dir)
}

// TestNothingSoundIsRefused damages all that there is of a stage: it is not
// trained again without being asked to.
func TestNothingSoundIsRefused(t *testing.T) {
	t.Parallel()
	want := reference(t)
	dir := t.TempDir()
	finish(t, tinyRecipe(t), options(t, dir))
	d := &directory{root: dir}
	if err := os.RemoveAll(d.stage("rl")); err != nil {
		t.Fatal(err)
	}
	damage(t, filepath.Join(d.final("text"), policy.WeightsFile))
	damage(t, filepath.Join(d.checkpoint("text", 10), policy.WeightsFile))
	_, err := Run(t.Context(), tinyRecipe(t), options(t, dir))
	if !errors.Is(err, policy.ErrDamaged) || !strings.Contains(err.Error(), d.final("text")) || !strings.Contains(err.Error(), "delete it") {
		t.Fatalf("error %v, want %v, the folder and what to do", err, policy.ErrDamaged)
	}
	for _, path := range []string{d.final("text"), d.checkpoint("text", 10)} { // what the message says
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
	if got := finish(t, tinyRecipe(t), options(t, dir)); !maps.Equal(got, want) {
		t.Errorf("after deleting them: digests %v, want %v", got, want)
	}
	checkMetrics(t, dir)
}

// TestDamagedCheckpointAlone damages the only checkpoint of a stage under way.
func TestDamagedCheckpointAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stopAfter(t, dir, "text", 1)
	d := &directory{root: dir}
	for _, step := range d.steps("text") {
		damage(t, filepath.Join(d.checkpoint("text", step), policy.WeightsFile))
	}
	if _, err := Run(t.Context(), tinyRecipe(t), options(t, dir)); !errors.Is(err, policy.ErrDamaged) {
		t.Errorf("error %v, want %v", err, policy.ErrDamaged)
	}
}

// TestFailedStartLeavesNothing starts on an address that is taken, and on one that
// is none: the corrected command, of another recipe, starts.
func TestFailedStartLeavesNothing(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := filepath.Join(t.TempDir(), "run")
	for _, c := range []struct {
		listen, url string
		want        error
	}{
		{listen: taken.Addr().String(), want: bus.ErrPortTaken}, {listen: "nowhere"}, {listen: "127.0.0.1:0", url: "nats://127.0.0.1:1"},
	} {
		o := options(t, dir)
		o.Listen, o.URL = c.listen, c.url
		if _, err := Run(t.Context(), tinyRecipe(t), o); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c, err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%+v left the directory: %v", c, err)
		}
	}
}

// TestUntrainedDirectoryTakesAnotherRecipe starts a recipe whose checkpoint is not
// there, and then one without: nothing of the first remains.
func TestUntrainedDirectoryTakesAnotherRecipe(t *testing.T) {
	t.Parallel()
	want := reference(t)
	dir := t.TempDir()
	wrong := tinyRecipe(t)
	wrong.Tokenizer.Vocab = 290
	wrong.Stages[0].Train.Mixture = map[string]float64{"file:nowhere.jsonl": 1}
	if _, err := Run(t.Context(), wrong, options(t, dir)); err == nil {
		t.Fatal("a corpus that is not there was read")
	}
	if err := os.WriteFile(filepath.Join(dir, "tokenizer.json"), []byte("of the other recipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := finish(t, tinyRecipe(t), options(t, dir)); !maps.Equal(got, want) {
		t.Errorf("digests %v, want %v", got, want)
	}
}

// TestWatcherHearsOfFinishedStages resumes a run in its second stage.
func TestWatcherHearsOfFinishedStages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stopAfter(t, dir, "rl", 2)
	var first message.StageReported
	o := options(t, dir)
	o.Watch = func(body any) {
		if m, ok := body.(message.StageReported); ok && first.Stage == "" {
			first = m
		}
	}
	finish(t, tinyRecipe(t), o)
	if want := (message.StageReported{Stage: "text", State: message.Finished, Step: 12, NumSteps: 12}); first != want {
		t.Errorf("first %+v, want %+v", first, want)
	}
}
