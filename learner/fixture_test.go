package learner

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// lossFixture is one rl_losses*.json: sequences in consecutive groups, and what
// float64 formulas say of them (the fixtures' README has the formulas).
type lossFixture struct {
	GroupSize   int         `json:"group_size"`
	Lens        []int       `json:"lens"`
	OldLogProbs [][]float64 `json:"old_logprobs"`
	NewLogProbs [][]float64 `json:"new_logprobs"`
	RefLogProbs [][]float64 `json:"ref_logprobs"`
	Rewards     []float32   `json:"rewards"`

	Expect map[string]json.RawMessage `json:"expect"`
}

// fixtures returns the files that match pattern below OCTORL_FIXTURES, and skips
// the test when there are none.
func fixtures(t *testing.T, pattern string) []string {
	t.Helper()
	dir := os.Getenv("OCTORL_FIXTURES")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data", "fixtures")
	}
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("no %s in %s: set OCTORL_FIXTURES to the fixtures' folder", pattern, dir)
	}
	return files
}

// lossFixtures calls run with every rl_losses*.json of OCTORL_FIXTURES.
func lossFixtures(t *testing.T, run func(t *testing.T, f lossFixture)) {
	for _, file := range fixtures(t, "rl_losses*.json") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var f lossFixture
			if err := json.Unmarshal(data, &f); err != nil {
				t.Fatal(err)
			}
			run(t, f)
		})
	}
}

// decode reads the expectation of one name into v.
func (f lossFixture) decode(t *testing.T, name string, v any) {
	t.Helper()
	if err := json.Unmarshal(f.Expect[name], v); err != nil {
		t.Fatalf("expectation %s: %v", name, err)
	}
}

// advantages returns the advantage of every sequence by GroupAdvantages.
func (f lossFixture) advantages(t *testing.T, opt AdvantageOptions) []float32 {
	t.Helper()
	adv := make([]float32, len(f.Rewards))
	for i := 0; i < len(adv); i += f.GroupSize {
		if err := GroupAdvantages(adv[i:i+f.GroupSize], f.Rewards[i:i+f.GroupSize], opt); err != nil {
			t.Fatal(err)
		}
	}
	return adv
}

// advantageKinds are the options behind the fixtures' names.
var advantageKinds = map[string]AdvantageOptions{
	"grpo":    {DivideByDeviation: true},
	"dr_grpo": {},
	"rloo":    {LeaveOneOut: true},
}
