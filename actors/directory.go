package actors

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/octorl/octorl/policy"
)

// ErrOtherRecipe is returned when a run directory was made with another recipe.
var ErrOtherRecipe = errors.New("the run directory was made with another recipe")

// ErrInUse is returned when another process works on a run directory.
var ErrInUse = errors.New("the run directory is in use by another process")

// directory is a run on disk: the resolved recipe, checkpoints a stage, and
// append-only records. What a run has done is read from here and from nowhere
// else, so a run resumes from its directory alone.
type directory struct {
	root string
	lock *os.File
}

// openDirectory makes or reopens the run directory root for a resolved recipe
// and locks it.
func openDirectory(root string, resolved []byte) (*directory, error) {
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
	d := &directory{root: root, lock: lock}
	if err := d.settleRecipe(resolved); err != nil {
		lock.Close()
		return nil, err
	}
	return d, nil
}

// settleRecipe writes the resolved recipe, or compares it with the one there.
func (d *directory) settleRecipe(resolved []byte) error {
	path := d.recipe()
	old, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return writeFile(path, resolved)
	}
	if err != nil {
		return fmt.Errorf("read the recipe of the run: %w", err)
	}
	if bytes.Equal(old, resolved) {
		return nil
	}
	line, was, is := firstDifference(string(old), string(resolved))
	return fmt.Errorf("%w: %s line %d has %q, this recipe %q; choose another directory with --out, or delete it to start anew",
		ErrOtherRecipe, path, line, was, is)
}

func firstDifference(a, b string) (line int, was, is string) {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range max(len(as), len(bs)) {
		was, is = "", ""
		if i < len(as) {
			was = as[i]
		}
		if i < len(bs) {
			is = bs[i]
		}
		if was != is {
			return i + 1, strings.TrimSpace(was), strings.TrimSpace(is)
		}
	}
	return 0, "", ""
}

// Close releases the lock.
func (d *directory) Close() error { return d.lock.Close() }

func (d *directory) recipe() string    { return filepath.Join(d.root, "recipe.resolved.yaml") }
func (d *directory) tokenizer() string { return filepath.Join(d.root, "tokenizer.json") }
func (d *directory) report() string    { return filepath.Join(d.root, "report.html") }
func (d *directory) bus() string       { return filepath.Join(d.root, "bus") }

func (d *directory) metrics() string { return filepath.Join(d.root, "metrics.jsonl") }
func (d *directory) events() string  { return filepath.Join(d.root, "events.jsonl") }
func (d *directory) samples() string { return filepath.Join(d.root, "samples.jsonl") }

// evaluation is the result file of a stage's finished policy.
func (d *directory) evaluation(stage string) string {
	return filepath.Join(d.root, "evaluation", stage+".json")
}

func (d *directory) stage(stage string) string { return filepath.Join(d.root, "checkpoints", stage) }
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
	r, err := readResult(d.evaluation(stage))
	return r != nil, err
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
