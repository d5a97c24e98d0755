package recipes

import (
	"slices"
	"strings"
	"testing"

	"github.com/octorl/octorl/internal/config"
)

func load(t *testing.T, name string) *config.Recipe {
	t.Helper()
	data, err := Get(name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := config.Parse(name+".yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryRecipeIsValidAndStaysSoShortened(t *testing.T) {
	if len(List()) == 0 {
		t.Fatal("no recipes are embedded")
	}
	for _, name := range List() {
		r := load(t, name)
		if r.Name != name {
			t.Errorf("%s.yaml names its run %q", name, r.Name)
		}
		r.Shorten(2)
		if err := r.Validate(); err != nil {
			t.Errorf("%s, shortened: %v", name, err)
		}
	}
}

func TestQuickstartComparesEqualBudgets(t *testing.T) {
	r := load(t, "quickstart")
	mid, base := r.Stage(r.Compare.First), r.Stage(r.Compare.Second)
	if mid.NumTrajectories() != base.NumTrajectories() || mid.MaxCompletionTokens() != base.MaxCompletionTokens() || mid.Optimizer != base.Optimizer {
		t.Errorf("%s and %s differ in more than their start", mid.Name, base.Name)
	}
	mid.RL.Steps++
	if mid.RL.Steps == base.RL.Steps {
		t.Error("the two stages share one rl section in memory: a change of one changes the other")
	}
}

func TestBranchesDifferOnlyInTheirQuestions(t *testing.T) {
	r := load(t, "toy-branches")
	want := r.Stage("decay-long")
	for _, preset := range []string{"long", "short", "hybrid"} {
		s := r.Stage("decay-" + preset)
		if s == nil || s.From != "stable" || s.Train.Preset != preset {
			t.Fatalf("branch %s is %+v, want one from stable", preset, s)
		}
		if s.NumTrainTokens() != want.NumTrainTokens() || s.Optimizer != want.Optimizer {
			t.Errorf("%s and %s differ in more than their mixture", s.Name, want.Name)
		}
		if rl := r.Stage("rl-" + preset); rl == nil || rl.From != s.Name {
			t.Errorf("no stage of RL from %s", s.Name)
		}
	}
}

func TestGSM8KSmallIsRealTextAndThreeMillionParameters(t *testing.T) {
	r := load(t, "gsm8k-small")
	if n := r.Policy.Shape.NumParameters(r.Tokenizer.Vocab); n < 2_500_000 || n > 3_500_000 {
		t.Errorf("the policy has %d parameters", n)
	}
	generated := []string{config.SourceProse, config.SourceShort, config.SourceLong, config.SourceDialogue}
	for _, s := range r.Stages {
		if s.RL != nil && s.RL.Problems != config.ProblemsGSM8KTrain {
			t.Errorf("stage %s learns from %s", s.Name, s.RL.Problems)
		}
		if s.Train == nil {
			continue
		}
		if s.Train.Preset != "" {
			t.Errorf("stage %s mixes generated text: preset %s", s.Name, s.Train.Preset)
		}
		for source := range s.Train.Mixture {
			if slices.Contains(generated, source) {
				t.Errorf("stage %s mixes generated text: %s", s.Name, source)
			}
		}
	}
}

func TestToyPPOTrainsACritic(t *testing.T) {
	r := load(t, "toy-ppo")
	ppo := r.Stage("ppo")
	if !ppo.HasCritic() || ppo.From != "text" || r.Stage("text").HasCritic() {
		t.Errorf("stages %+v", r.Stages)
	}
}

func TestGetListsWhatExists(t *testing.T) {
	_, err := Get("quick")
	if err == nil || !strings.Contains(err.Error(), "quickstart") {
		t.Errorf("error %v names no recipe that exists", err)
	}
}
