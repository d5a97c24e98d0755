package actors

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/policy"
)

// ErrOtherRecipe is returned when a run directory was made with another recipe,
// and by a node whose run was started anew with another one.
var ErrOtherRecipe = errors.New("the run has another recipe")

// ErrInUse is returned when another process works on a run directory.
var ErrInUse = errors.New("the run directory is in use by another process")

// directory is a run on disk: the resolved recipe, checkpoints a stage, and
// append-only records. What a run has done is read from here and from nowhere
// else, so a run resumes from its directory alone.
type directory struct {
	root string
	lock *os.File
	made bool // by openDirectory
}

// openDirectory makes or reopens the run directory root, locks it and checks that
// it is free for a recipe. It writes nothing of the recipe: see settle.
func openDirectory(root string, r *config.Recipe) (*directory, error) {
	_, err := os.Stat(root)
	made := errors.Is(err, fs.ErrNotExist)
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, fmt.Errorf("make run directory: %w (choose another with --out)", err)
	}
	lock, err := os.OpenFile(filepath.Join(root, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock run directory: %w (choose another with --out)", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("%w: %s; wait for it, stop it, or choose another with --out", ErrInUse, root)
	}
	d := &directory{root: root, lock: lock, made: made}
	if err := d.admit(r); err != nil {
		lock.Close()
		return nil, err
	}
	return d, nil
}

// discard removes a directory that openDirectory made and that holds nothing but
// what a start leaves that failed.
func (d *directory) discard() {
	if !d.made {
		return
	}
	os.RemoveAll(d.bus())
	os.Remove(d.lock.Name())
	os.Remove(d.root) // fails where there is more
}

// Close releases the lock. Closing the file would not do: a program that a verifier
// is just starting has the file too, until it runs.
func (d *directory) Close() error {
	return errors.Join(unix.Flock(int(d.lock.Fd()), unix.LOCK_UN), d.lock.Close())
}

func (d *directory) recipe() string    { return filepath.Join(d.root, "recipe.resolved.yaml") }
func (d *directory) tokenizer() string { return filepath.Join(d.root, "tokenizer.json") }
func (d *directory) report() string    { return filepath.Join(d.root, "report.html") }
func (d *directory) bus() string       { return filepath.Join(d.root, "bus") }

func (d *directory) metrics() string { return filepath.Join(d.root, "metrics.jsonl") }
func (d *directory) events() string  { return filepath.Join(d.root, "events.jsonl") }
func (d *directory) samples() string { return filepath.Join(d.root, "samples.jsonl") }

// tensorboard is the folder of event files, one a stage.
func (d *directory) tensorboard() string { return filepath.Join(d.root, "tensorboard") }

// evaluation is the folder with the evaluation of a stage's finished policy, as octorl
// eval makes it.
func (d *directory) evaluation(stage string) string {
	return filepath.Join(d.root, "evaluation", stage)
}

func (d *directory) checkpoints() string       { return filepath.Join(d.root, "checkpoints") }
func (d *directory) stage(stage string) string { return filepath.Join(d.checkpoints(), stage) }
func (d *directory) final(stage string) string { return filepath.Join(d.stage(stage), "final") }
func (d *directory) checkpoint(stage string, step int) string {
	return filepath.Join(d.stage(stage), fmt.Sprintf("step-%06d", step))
}

// steps lists the steps of a stage's checkpoints, newest first.
func (d *directory) steps(stage string) []int {
	entries, err := os.ReadDir(d.stage(stage))
	if err != nil {
		return nil
	}
	var steps []int
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), "step-")
		if n, err := strconv.Atoi(digits); ok && err == nil {
			steps = append(steps, n)
		}
	}
	sort.Sort(sort.Reverse(sort.IntSlice(steps)))
	return steps
}

// latest returns the newest sound checkpoint of a stage: the final one, or the
// one of the highest step that verifies. Damaged ones are reported and passed
// over. It returns "" when there is none.
func (d *directory) latest(stage string) (path string, damaged []error) {
	candidates := []string{d.final(stage)}
	for _, step := range d.steps(stage) {
		candidates = append(candidates, d.checkpoint(stage, step))
	}
	for _, path := range candidates {
		if _, err := os.Stat(path); err != nil {
			continue
		}
		err := policy.VerifyDir(path)
		if err == nil {
			return path, damaged
		}
		damaged = append(damaged, err)
	}
	return "", damaged
}

// finished reports whether a stage has its final checkpoint and its evaluation.
func (d *directory) finished(stage string) (bool, error) {
	if _, err := os.Stat(d.final(stage)); err != nil {
		return false, nil
	}
	return d.evaluated(stage)
}

// prune removes all but the newest keep checkpoints of a stage, the final one
// aside.
func (d *directory) prune(stage string, keep int) error {
	for i, step := range d.steps(stage) {
		if i < keep {
			continue
		}
		if err := os.RemoveAll(d.checkpoint(stage, step)); err != nil {
			return fmt.Errorf("remove an old checkpoint: %w", err)
		}
	}
	return nil
}
