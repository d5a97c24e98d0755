package actors

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/policy"
)

// unfinished lists the stages that are not finished, in order. A finished one is
// among them where one to do starts from it and its final checkpoint is damaged:
// it is brought to its end again, from the checkpoint before. Without one the
// damage is returned.
func (d *directory) unfinished(r *config.Recipe) ([]string, error) {
	todo := map[string]bool{}
	for _, s := range r.Stages {
		finished, err := d.finished(s.Name)
		if err != nil {
			return nil, err
		}
		todo[s.Name] = !finished
	}
	for _, s := range slices.Backward(r.Stages) { // a stage starts from one before it
		if !todo[s.Name] || s.From == "" || todo[s.From] || !d.reads(&s) {
			continue
		}
		err := policy.VerifyDir(d.final(s.From))
		if errors.Is(err, policy.ErrDamaged) {
			_, err = d.sound(s.From)
			todo[s.From] = true
		}
		if err != nil {
			return nil, fmt.Errorf("stage %s starts from stage %s: %w", s.Name, s.From, err)
		}
	}
	var names []string
	for _, s := range r.Stages {
		if todo[s.Name] {
			names = append(names, s.Name)
		}
	}
	return names, nil
}

// reads reports whether a stage needs the weights that it starts from: to begin,
// or as the reference of its penalty.
func (d *directory) reads(s *config.Stage) bool {
	if s.RL != nil && s.RL.KL != 0 {
		return true
	}
	_, err := os.Stat(d.final(s.Name))
	return err != nil && len(d.steps(s.Name)) == 0
}

// sound returns the newest sound checkpoint of a stage, or "" where there is none
// at all. Where there are damaged ones alone it returns their errors.
func (d *directory) sound(stage string) (string, error) {
	path, damaged := d.latest(stage)
	if path == "" {
		return "", errors.Join(damaged...)
	}
	return path, nil
}
