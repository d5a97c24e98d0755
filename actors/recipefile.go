package actors

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/octorl/octorl/internal/config"
)

// admit compares a recipe with the one of the directory. The scale may differ: it
// changes no result. A directory in which nothing has been trained takes any.
func (d *directory) admit(r *config.Recipe) error {
	path := d.recipe()
	resolved, err := r.Resolved()
	if err != nil {
		return err
	}
	old, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("read the recipe of the run: %w", err)
	case bytes.Equal(old, resolved) || !d.begun():
		return nil
	}
	before, err := config.Parse(path, old)
	if err != nil {
		return fmt.Errorf("read the recipe of the run: %w; choose another directory with --out, or delete this one to start anew", err)
	}
	before.Scale = r.Scale
	if old, err = before.Resolved(); err != nil {
		return err
	}
	if bytes.Equal(old, resolved) {
		return nil
	}
	was, is := firstDifference(string(old), string(resolved))
	return fmt.Errorf("%w: %s has %q, this one %q; choose another directory with --out, or delete this one to start anew",
		ErrOtherRecipe, path, was, is)
}

// begun reports whether the directory holds a step or a checkpoint.
func (d *directory) begun() bool {
	info, err := os.Stat(d.metrics())
	if err == nil && info.Size() > 0 {
		return true
	}
	_, err = os.Stat(d.checkpoints())
	return err == nil
}

// settle writes an admitted recipe. What a start made of another one goes.
func (d *directory) settle(r *config.Recipe) error {
	resolved, err := r.Resolved()
	if err != nil {
		return err
	}
	old, err := os.ReadFile(d.recipe())
	if err == nil && bytes.Equal(old, resolved) {
		return nil
	}
	if !d.begun() {
		if err := os.Remove(d.tokenizer()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the tokenizer of another recipe: %w", err)
		}
	}
	return writeFile(d.recipe(), resolved)
}

// digestOf names a recipe by all that decides its results: all but the scale.
func digestOf(r *config.Recipe) (string, error) {
	essence := *r
	essence.Scale = config.Scale{}
	data, err := essence.Resolved()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8]), nil
}

func firstDifference(a, b string) (was, is string) {
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
			return strings.TrimSpace(was), strings.TrimSpace(is)
		}
	}
	return "", ""
}
