package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const small = `
seed: 7
tokenizer: {vocab: 512}
stages:
  - name: base
    train: {tokens: 5000, batchTokens: 2048, mixture: {prose: 0.5, orcca: 0.5}}
    optimizer: {lr: 2e-3, warmupSteps: 2}
  - name: rl
    from: base
    rl:
      steps: 4
      groupsPerStep: 8
      samples: 4
      maxResponseTokens: [{fromStep: 0, tokens: 16}, {fromStep: 3, tokens: 32}]
`

func mustParse(t *testing.T, text string) *Recipe {
	t.Helper()
	r, err := Parse("runs/small.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestParseLayersFileOverDefaults(t *testing.T) {
	r := mustParse(t, small)
	base, rl := r.Stage("base"), r.Stage("rl")
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"name, from the file's", r.Name, "small"},
		{"seed, given", r.Seed, uint64(7)},
		{"vocab, given", r.Tokenizer.Vocab, 512},
		{"trainBytes, default beside it", r.Tokenizer.TrainBytes, 2_000_000},
		{"hidden, default", r.Policy.Shape.Hidden, 128},
		{"tieEmbeddings, default true", r.Policy.Shape.TieEmbeddings, true},
		{"lr, given", base.Optimizer.LR, 2e-3},
		{"clip, default beside it", base.Optimizer.Clip, 1.0},
		{"schedule of text", base.Optimizer.Schedule, ScheduleCosine},
		{"schedule of rl", rl.Optimizer.Schedule, ScheduleConstant},
		{"divideByDeviation, default true", rl.RL.DivideByDeviation, true},
		{"rl levels, the generator's", rl.RL.Levels, []int{1, 2, 3, 4}},
		{"epochs, default", rl.RL.Epochs, 1},
		{"algorithm, default", rl.RL.Algorithm, AlgorithmGRPO},
		{"critic, none with grpo", rl.RL.Critic, (*Critic)(nil)},
		{"k, powers of 4", r.Evaluation.K, []int{1, 4, 16}},
		{"benchmarks, the generator's levels", r.Evaluation.Benchmarks, []string{"generated-1-4"}},
		{"template without shots", r.Evaluation.Template, TemplateSimple},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s: %v, want %v", c.what, c.got, c.want)
		}
	}
}

func TestZeroIsAValueWhereItMeansSomething(t *testing.T) {
	r := mustParse(t, `
policy: {shape: {tieEmbeddings: false}}
generator: {boxedShare: 0}
evaluation: {sampledProblems: 0}
stages:
  - name: a
    rl: {divideByDeviation: false, evaluateEvery: 0}
    optimizer: {weightDecay: 0, clip: 0, floor: 0, beta1: 0}
`)
	o := r.Stages[0].Optimizer
	if o.WeightDecay != 0 || o.Clip != 0 || o.Floor != 0 || o.Beta1 != 0 || o.Beta2 != 0.95 {
		t.Errorf("optimizer %+v", o)
	}
	if rl := r.Stages[0].RL; rl.DivideByDeviation || rl.EvaluateEvery != 0 {
		t.Errorf("rl %+v", rl)
	}
	if r.Policy.Shape.TieEmbeddings || r.Generator.BoxedShare != 0 || r.Evaluation.SampledProblems != 0 {
		t.Errorf("a zero was replaced: %+v %+v %+v", r.Policy.Shape, r.Generator, r.Evaluation)
	}
}

func TestResolvedParsesToTheSameRecipe(t *testing.T) {
	texts := map[string]string{
		"small":      small,
		"checkpoint": "policy: {checkpoint: dir}\ntokenizer: {path: t.json}\nstages: [{name: a, rl: {}}]",
		"critic":     "stages: [{name: a, rl: {algorithm: ppo}}, {name: b, rl: {algorithm: ppo, samples: 1, critic: {lambda: 0, whiten: false}}}]",
		"preset":     "stages: [{name: a, train: {preset: hybrid}}]\ncompare: {first: a, second: a}",
		"shots":      "stages: [{name: a, rl: {}, evaluation: {shots: published, limit: 0}}]\nevaluation: {shots: 4, benchmarks: [gsm8k, own.yaml], data: d}",
		"judged":     "stages: [{name: a, rl: {}}]\ngenerator: {levels: [1, 3]}\nevaluation: {verifier: {mode: exact}}",
		"corpus":     "stages: [{name: a, train: {mixture: {./my/x.jsonl.gz: 1}}}]",
	}
	for name, text := range texts {
		r := mustParse(t, text)
		data, err := r.Resolved()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse("other.yaml", data)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, data)
		}
		if !reflect.DeepEqual(r, again) {
			t.Errorf("%s: resolved to\n%s\nwhich is %+v, not %+v", name, data, again, r)
		}
	}
}

func TestCriticLayersOverItsDefaults(t *testing.T) {
	r := mustParse(t, `
stages:
  - name: plain
    rl: {algorithm: ppo, updatesPerStep: 4}
  - name: given
    rl: &given {algorithm: ppo, samples: 1, critic: {lambda: 0.95, valueClip: 0, whiten: false, updatesPerStep: 8}}
  - name: again
    rl: *given
`)
	if c, want := *r.Stages[0].RL.Critic, (Critic{LearningRateFactor: 5, UpdatesPerStep: 4, Gamma: 1, Lambda: 1, ValueClip: 0.5, Whiten: true}); c != want {
		t.Errorf("critic %+v, want %+v", c, want)
	}
	given, again := r.Stages[1].RL.Critic, r.Stages[2].RL.Critic
	if want := (Critic{LearningRateFactor: 5, UpdatesPerStep: 8, Gamma: 1, Lambda: 0.95}); *given != want || *again != want {
		t.Errorf("critics %+v and %+v, want %+v", *given, *again, want)
	}
	if given == again {
		t.Error("the two stages share one critic section in memory: a change of one changes the other")
	}
	if !r.Stages[0].HasCritic() || mustParse(t, small).Stages[1].HasCritic() {
		t.Error("HasCritic does not tell ppo from grpo")
	}
}

func TestAnchorsShareSettings(t *testing.T) {
	r := mustParse(t, `
stages:
  - {name: a, train: {preset: stable}, optimizer: &adam {lr: 3e-4, clip: 2}}
  - name: b
    from: a
    train: {preset: long}
    optimizer:
      <<: *adam
      clip: 0.5
`)
	if o := r.Stages[1].Optimizer; o.LR != 3e-4 || o.Clip != 0.5 {
		t.Errorf("merged optimizer %+v", o)
	}
}

func TestParseFileSaysWhatToDoAboutAMissingFile(t *testing.T) {
	_, err := ParseFile(filepath.Join(t.TempDir(), "none.yaml"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "none.yaml") || !strings.Contains(err.Error(), "--list") {
		t.Errorf("error %v", err)
	}
	path := filepath.Join(t.TempDir(), "here.yaml")
	if err := os.WriteFile(path, []byte(small), 0o644); err != nil {
		t.Fatal(err)
	}
	if r, err := ParseFile(path); err != nil || r.Name != "here" {
		t.Errorf("parsed %+v, %v", r, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(small)
	f.Add("stages: [{name: a, train: {preset: hybrid}}]")
	f.Add("stages: [{name: a, rl: {algorithm: ppo, samples: 1, critic: {lambda: 0.5, whiten: false}}}, {name: b, rl: {critic: {}}}]")
	f.Add("stages:\n - &a {name: a, rl: {steps: 2e1}}\n - *a")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse("fuzz.yaml", []byte(text))
		if err != nil {
			return
		}
		data, err := r.Resolved()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse("fuzz.yaml", data)
		if err != nil {
			t.Fatalf("resolved recipe is refused: %v\n%s", err, data)
		}
		if !reflect.DeepEqual(r, again) {
			t.Fatalf("%+v\nresolved to\n%s\nwhich is\n%+v", r, data, again)
		}
	})
}
