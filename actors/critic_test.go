package actors

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/policy"
)

// criticRecipe is the tiny run with PPO in place of GRPO.
func criticRecipe(t *testing.T) *config.Recipe {
	t.Helper()
	text := strings.Replace(tiny, "entropy: 0.01", "algorithm: ppo\n      epochs: 2\n      kl: 0.05\n      critic: {lambda: 0.9, updatesPerStep: 3}", 1)
	r, err := config.Parse("tiny.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestCriticResumes stops a run with a critic at every step of its RL stage: it
// ends with the policy and the critic of one that is not stopped, whatever the
// number of rollouts, and wherever they are.
func TestCriticResumes(t *testing.T) {
	t.Parallel()
	through := t.TempDir()
	want := finish(t, criticRecipe(t), options(t, through))
	if want["rl"] == reference(t)["rl"] {
		t.Error("PPO made the weights that GRPO makes")
	}
	if got := finishElsewhere(t, criticRecipe(t)); !maps.Equal(got, want) {
		t.Errorf("with the rollouts in another node: digests %v, want %v", got, want)
	}
	dir := t.TempDir()
	stops := 0
	for ; ; stops++ {
		ctx, cancel := context.WithCancel(t.Context())
		o := options(t, dir)
		o.Watch = func(body any) {
			if m, ok := body.(message.MetricsReported); ok && m.Kind == kindRL {
				cancel()
			}
		}
		r := criticRecipe(t)
		r.Scale.Rollouts = 1 + stops
		results, err := Run(ctx, r, o)
		cancel()
		if errors.Is(err, ErrStopped) && stops < 10 {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(results.Digests, want) {
			t.Errorf("digests %v, want %v", results.Digests, want)
		}
		break
	}
	if stops < 3 {
		t.Errorf("the run was stopped only %d times", stops)
	}
	checkMetrics(t, dir)
	for _, file := range []string{policy.WeightsFile, "optimizer.safetensors", "counters.json"} {
		if !sameFile(t, filepath.Join(through, "checkpoints/rl/final/critic", file), filepath.Join(dir, "checkpoints/rl/final/critic", file)) {
			t.Errorf("the critics' %s differ", file)
		}
	}
	if sameFile(t, filepath.Join(dir, "checkpoints/rl/final", policy.WeightsFile), filepath.Join(dir, "checkpoints/rl/final/critic", policy.WeightsFile)) {
		t.Error("the critic is the policy")
	}
}

func sameFile(t *testing.T, a, b string) bool {
	t.Helper()
	var data [2]string
	for i, path := range []string{a, b} {
		read, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		data[i] = string(read)
	}
	return data[0] == data[1]
}

// TestCriticIsReported looks for the critic in the records of a run, in its
// report and in its checkpoints; a run without one says nothing of it.
func TestCriticIsReported(t *testing.T) {
	t.Parallel()
	for _, with := range []bool{true, false} {
		dir, r := t.TempDir(), tinyRecipe(t)
		if with {
			r = criticRecipe(t)
		}
		finish(t, r, options(t, dir))
		d := &directory{root: dir}
		steps, values := 0, map[string]float64{}
		err := readRecord(d.metrics(), func(line []byte) error {
			if m := decodeMetrics(t, line); m.Kind == kindRL {
				steps++
				for _, name := range []string{"value_loss", "explained_variance", "value_mean", "return_mean", "value_clip_fraction", "critic_grad_norm"} {
					if v, ok := m.Values[name]; ok {
						values[name] += v
					}
				}
			}
			return nil
		})
		if err != nil || steps != 5 {
			t.Fatalf("%d steps, %v", steps, err)
		}
		if with != (values["value_loss"] > 0) || with != (len(values) == 6) || !with && len(values) > 0 {
			t.Errorf("critic %t: sums %v", with, values)
		}
		report, err := os.ReadFile(d.report())
		if err != nil {
			t.Fatal(err)
		}
		for _, chart := range []string{"critic: loss of values", "critic: explained variance"} {
			if strings.Contains(string(report), chart) != with {
				t.Errorf("critic %t: chart %q is in the report: %t", with, chart, !with)
			}
		}
		_, err = os.Stat(filepath.Join(d.final("rl"), policy.CriticDir))
		if with != (err == nil) {
			t.Errorf("critic %t: %v", with, err)
		}
	}
}

// TestDamagedCritic damages the critic of the newest checkpoint of a stopped run:
// the one before is used.
func TestDamagedCritic(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := finish(t, criticRecipe(t), options(t, dir))
	d := &directory{root: dir}
	damage(t, filepath.Join(d.final("rl"), policy.CriticDir, policy.WeightsFile))
	if err := os.RemoveAll(d.evaluation("rl")); err != nil {
		t.Fatal(err)
	}
	if got := finish(t, criticRecipe(t), options(t, dir)); !maps.Equal(got, want) {
		t.Errorf("digests %v, want %v", got, want)
	}
}
