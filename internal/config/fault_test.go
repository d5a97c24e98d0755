package config

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestFaultsNameFileLineColumnAndRemedy(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "seed: 1\nsed: 2\n",
			`r.yaml:2:1: sed: unknown key (did you mean "seed"?)`},
		{"unknown nested key", "stages:\n  - name: a\n    train: {token: 5}\n",
			`r.yaml:3:13: stages[0].train.token: unknown key (did you mean "tokens"?)`},
		{"key like none", "scale: {xyzzyxyzzy: 1}\n",
			"r.yaml:1:9: scale.xyzzyxyzzy: unknown key; known here: rollouts, verifiers"},
		{"upper case", "Seed: 1\n",
			`r.yaml:1:1: Seed: unknown key (did you mean "seed"?)`},
		{"text for a number", "seed: fast\n",
			`r.yaml:1:7: seed: want a whole number, have "fast"`},
		{"fraction for a count", "tokenizer: {vocab: 512.5}\n",
			`r.yaml:1:20: tokenizer.vocab: want a whole number, have "512.5"`},
		{"number for text", "name: 5\n",
			`r.yaml:1:7: name: want text (in quotes where it looks like something else), have "5"`},
		{"text for a claim", "stages: [{name: a, rl: {divideByDeviation: maybe}}]\n",
			`r.yaml:1:44: stages[0].rl.divideByDeviation: want true or false, have "maybe"`},
		{"not a number", "generator: {boxedShare: .nan}\n",
			`r.yaml:1:25: generator.boxedShare: want a number, have ".nan"`},
		{"scalar for a section", "scale: 3\n",
			`r.yaml:1:8: scale: want keys and values below it, have "3"`},
		{"scalar for a list", "stages: a\n",
			`r.yaml:1:9: stages: want a list, have "a"`},
		{"negative for a count of any size", "seed: -1\n", "r.yaml:1:7: "},
		{"empty", "", "r.yaml: is empty"},
		{"two documents", "seed: 1\n---\nseed: 2\n", "r.yaml: has 2 YAML documents"},
		{"syntax", "scale: {rollouts: 1\n", "r.yaml:1:8: "},
		{"key twice", "seed: 1\nseed: 2\n", "r.yaml:2:1: "},
		{"no stage", "seed: 1\n", "r.yaml: stages: is empty"},
		{"value", "stages:\n  - name: a\n    rl: {}\nscale:\n  rollouts: -2\n",
			"r.yaml:5:13: scale.rollouts: -2 must be at least 1"},
		{"value in a list", "stages:\n  - name: a\n    rl: {levels: [1, 9]}\n",
			"r.yaml:3:22: stages[0].rl.levels[1]: 9 must be from 1 to 8"},
		{"unknown benchmark", "stages: [{name: a, rl: {}}]\nevaluation: {benchmarks: [gsm8k, math5000]}\n",
			`r.yaml:2:34: evaluation.benchmarks[1]: "math5000" is no benchmark (did you mean "math500"?); there are gsm8k, math, `},
		{"word for shots", "stages: [{name: a, rl: {}, evaluation: {shots: many}}]\n",
			`r.yaml:1:48: stages[0].evaluation.shots: want published or a whole number, have "many"`},
		{"missing section", "stages:\n  - name: a\n",
			"r.yaml:2:5: stages[0]: has neither train nor rl; add one of them"},
	} {
		_, err := Parse("r.yaml", []byte(c.text))
		var invalid *InvalidError
		if !errors.As(err, &invalid) {
			t.Errorf("%s: %v is no *InvalidError", c.name, err)
			continue
		}
		if first, _, _ := strings.Cut(err.Error(), "\n"); !strings.HasPrefix(first, c.want) {
			t.Errorf("%s: %q, want %q", c.name, first, c.want)
		}
	}
}

func TestAllFaultsAreReportedAtOnce(t *testing.T) {
	for name, c := range map[string]struct{ text, paths string }{
		"keys and types": {
			"sed: 1\nname: 5\nstages: [{name: a, rl: {step: 1, samples: x}}]",
			"sed name stages[0].rl.step stages[0].rl.samples",
		},
		"values": {
			"name: A\nstages: [{name: a, rl: {samples: 1, groupsPerStep: 3}}]\ncompare: {first: a, second: b}",
			"name stages[0].rl.samples stages[0].rl.groupsPerStep compare.second",
		},
	} {
		_, err := Parse("r.yaml", []byte(c.text))
		var invalid *InvalidError
		if !errors.As(err, &invalid) {
			t.Fatalf("%s: %v", name, err)
		}
		var paths []string
		for _, f := range invalid.Faults {
			paths = append(paths, f.Path)
		}
		if got := strings.Join(paths, " "); got != c.paths {
			t.Errorf("%s: faults at %s, want %s", name, got, c.paths)
		}
	}
}

func TestValidateStageGraph(t *testing.T) {
	for _, c := range []struct{ name, stages, want string }{
		{"from nothing", "[{name: a, from: z, rl: {}}]", "stages[0].from"},
		{"from itself", "[{name: a, from: a, rl: {}}]", "stages[0].from"},
		{"from a later one", "[{name: a, from: b, rl: {}}, {name: b, rl: {}}]", "stages[0].from"},
		{"from an earlier one", "[{name: a, rl: {}}, {name: b, from: a, rl: {}}]", ""},
		{"two of a name", "[{name: a, rl: {}}, {name: a, rl: {}}]", "stages[1].name"},
		{"no name", "[{rl: {}}]", "stages[0].name"},
		{"both kinds", "[{name: a, rl: {}, train: {preset: long}}]", "stages[0].rl"},
	} {
		_, err := Parse("r.yaml", []byte("stages: "+c.stages))
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		var invalid *InvalidError
		if !errors.As(err, &invalid) || len(invalid.Faults) != 1 || invalid.Faults[0].Path != c.want {
			t.Errorf("%s: %v, want one fault at %s", c.name, err, c.want)
		}
	}
}

func TestValidateValues(t *testing.T) {
	for _, c := range []struct {
		path   string
		change func(*Recipe)
	}{
		{"policy.shape", func(r *Recipe) { r.Policy.Checkpoint = "dir" }},
		{"policy.shape.kvHeads", func(r *Recipe) { r.Policy.Shape.KVHeads = 3 }},
		{"policy.shape.headWidth", func(r *Recipe) { r.Policy.Shape.HeadWidth = 31 }},
		{"tokenizer.vocab", func(r *Recipe) { r.Tokenizer = Tokenizer{Path: "p", Vocab: 512} }},
		{"generator.levels[0]", func(r *Recipe) { r.Generator.Levels = []int{0} }},
		{"generator.boxedShare", func(r *Recipe) { r.Generator.BoxedShare = 1.5 }},
		{"stages[0].train.mixture", func(r *Recipe) { r.Stages[0].Train.Mixture = map[string]float64{"prose": 0.9} }},
		{"stages[0].train.mixture.pros", func(r *Recipe) { r.Stages[0].Train.Mixture = map[string]float64{"pros": 1} }},
		{"stages[0].train.mixture.a.txt", func(r *Recipe) { r.Stages[0].Train.Mixture = map[string]float64{"a.txt": 1} }},
		{"stages[0].train", func(r *Recipe) { r.Stages[0].Train.Mixture = nil }},
		{"stages[0].train.preset", func(r *Recipe) { r.Stages[0].Train.Preset, r.Stages[0].Train.Mixture = "loong", nil }},
		{"stages[0].train.mixture", func(r *Recipe) { r.Stages[0].Train.Preset = "long" }},
		{"stages[0].train.maxDocumentTokens", func(r *Recipe) { r.Stages[0].Train.MaxDocumentTokens = 513 }},
		{"stages[0].optimizer.lr", func(r *Recipe) { r.Stages[0].Optimizer.LR = math.NaN() }},
		{"stages[0].optimizer.schedule", func(r *Recipe) { r.Stages[0].Optimizer.Schedule = "cos" }},
		{"stages[1].rl.dualClip", func(r *Recipe) { r.Stages[1].RL.DualClip = 0.5 }},
		{"stages[1].rl.algorithm", func(r *Recipe) { r.Stages[1].RL.Algorithm = "pppo" }},
		{"stages[1].rl.samples", func(r *Recipe) { r.Stages[1].RL.Samples = 1 }},
		{"stages[1].rl.samples", func(r *Recipe) { withCritic(r).Samples = 0 }},
		{"stages[1].rl.epochs", func(r *Recipe) { r.Stages[1].RL.Epochs = -1 }},
		{"stages[1].rl.critic", func(r *Recipe) { withCritic(r).Algorithm = AlgorithmGRPO }},
		{"stages[1].rl.critic.learningRateFactor", func(r *Recipe) { withCritic(r).Critic.LearningRateFactor = -1 }},
		{"stages[1].rl.critic.updatesPerStep", func(r *Recipe) { withCritic(r).Critic.UpdatesPerStep = 3 }},
		{"stages[1].rl.critic.gamma", func(r *Recipe) { withCritic(r).Critic.Gamma = 1.1 }},
		{"stages[1].rl.critic.lambda", func(r *Recipe) { withCritic(r).Critic.Lambda = -0.1 }},
		{"stages[1].rl.critic.valueClip", func(r *Recipe) { withCritic(r).Critic.ValueClip = -1 }},
		{"stages[1].rl.problems", func(r *Recipe) { r.Stages[1].RL.Problems = "gsm8k"; r.Stages[1].RL.Levels = nil }},
		{"stages[1].rl.levels", func(r *Recipe) { r.Stages[1].RL.Problems = ProblemsGSM8KTrain }},
		{"stages[1].rl.maxResponseTokens[0].fromStep", func(r *Recipe) { r.Stages[1].RL.MaxResponseTokens[0].FromStep = 1 }},
		{"stages[1].rl.maxResponseTokens[1].fromStep", func(r *Recipe) { r.Stages[1].RL.MaxResponseTokens[1].FromStep = 0 }},
		{"stages[1].rl.maxResponseTokens[1].tokens", func(r *Recipe) { r.Stages[1].RL.MaxResponseTokens[1].Tokens = 513 }},
		{"stages[1].rl.stop[0]", func(r *Recipe) { r.Stages[1].RL.Stop = []string{""} }},
		{"evaluation.k[1]", func(r *Recipe) { r.Evaluation.K = []int{1, 17} }},
		{"evaluation.benchmarks[1]", func(r *Recipe) { r.Evaluation.Benchmarks = []string{"gsm8k", "gsm9k"} }},
		{"evaluation.benchmarks[0]", func(r *Recipe) { r.Evaluation.Benchmarks = []string{"generated-3-1"} }},
		{"evaluation.benchmarks[1]", func(r *Recipe) { r.Evaluation.Benchmarks = []string{"own.yaml", "own.yaml"} }},
		{"evaluation.shots", func(r *Recipe) { r.Evaluation.Shots = new(Shots); *r.Evaluation.Shots = Published }},
		{"evaluation.shots", func(r *Recipe) { r.Evaluation.Template, r.Evaluation.Shots = "", new(Shots); *r.Evaluation.Shots = -2 }},
		{"evaluation.grading", func(r *Recipe) { r.Evaluation.Grading = "kind" }},
		{"evaluation.verifier.mode", func(r *Recipe) { r.Evaluation.Verifier = &Verifier{Mode: "kind", DeadlineSeconds: 1} }},
		{"stages[0].evaluation.backlog", func(r *Recipe) { e := r.Evaluation; r.Stages[0].Evaluation = &e }},
		{"checkpoint.keep", func(r *Recipe) { r.Checkpoint.Keep = 0 }},
	} {
		r := mustParse(t, small)
		c.change(r)
		var invalid *InvalidError
		if err := r.Validate(); !errors.As(err, &invalid) || len(invalid.Faults) != 1 || invalid.Faults[0].Path != c.path {
			t.Errorf("faults %v, want one at %s", err, c.path)
		}
	}
}

// withCritic makes the second stage one of PPO and returns its section.
func withCritic(r *Recipe) *RL {
	rl := r.Stages[1].RL
	rl.Algorithm = AlgorithmPPO
	rl.fill(nil)
	return rl
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"abc", "abc", 0}, {"abc", "abd", 1}, {"kitten", "sitting", 3}, {"tokens", "token", 1}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance(c.b, c.a); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}
