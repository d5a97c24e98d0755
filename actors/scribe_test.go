package actors

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/policy"
)

// TestScribeDropsWhatHappensAgain resumes a run whose stage text is finished and
// whose stage rl has a checkpoint of step 2: what rl recorded after that step's
// update will be recorded again.
func TestScribeDropsWhatHappensAgain(t *testing.T) {
	d := &directory{root: t.TempDir()}
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	checkpoint := func(path, position string) {
		t.Helper()
		err := policy.WriteDir(path, func(tmp string) error {
			return os.WriteFile(filepath.Join(tmp, positionFile), []byte(position), 0o644)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	checkpoint(d.final("text"), `{"stage":"text","step":12,"final":true}`)
	write(filepath.Join(d.evaluation("text"), evaluation.ResultsFile), `{"version":1}`)
	checkpoint(d.checkpoint("rl", 2), `{"stage":"rl","step":2}`)
	checkpoint(d.final("other"), `{"stage":"other","step":1,"final":true}`) // not evaluated yet
	kept := []string{
		`{"stage":"text","kind":"train","step":12}`,
		`{"stage":"text","kind":"evaluation","step":12}`,
		`{"stage":"rl","kind":"evaluation","step":0}`,
		`{"stage":"rl","kind":"rl","step":2}`,
		`{"stage":"rl","kind":"evaluation","step":2}`,
		`{"stage":"other","kind":"train","step":1}`,
	}
	again := []string{
		`{"stage":"rl","kind":"rl","step":3}`,
		`{"stage":"rl","kind":"evaluation","step":4}`,
		`{"stage":"other","kind":"evaluation","step":1}`,
	}
	write(d.metrics(), strings.Join(append(kept, again...), "\n")+"\n")
	r := tinyRecipe(t)
	one := *r.Stage("text").Train
	one.Tokens = 1
	r.Stages = append(r.Stages, config.Stage{Name: "other", Train: &one})
	s, err := openScribe("tiny", d, r, []string{"rl", "other"})
	if err != nil {
		t.Fatal(err)
	}
	s.close()
	data, err := os.ReadFile(d.metrics())
	if want := strings.Join(kept, "\n") + "\n"; err != nil || string(data) != want {
		t.Errorf("kept\n%s(%v), want\n%s", data, err, want)
	}
	if want := map[standing]bool{{"rl", 0}: true, {"rl", 2}: true}; !maps.Equal(s.recorded, want) {
		t.Errorf("recorded %v, want %v", s.recorded, want)
	}
}
