package reward

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/octorl/octorl/rollout/trajectory"
)

// publicCase is a line of the verifier cases.
type publicCase struct {
	ID, Mode, Category, Tier, Gold, Pred string
	Equal                                bool
}

func (c publicCase) verify() Result {
	p := trajectory.Problem{Answer: c.Gold}
	if c.Mode == "answer" {
		return CompareAnswer(context.Background(), p, c.Pred)
	}
	return MathVerifier{From: FromAnywhere}.Verify(context.Background(), p, c.Pred)
}

// dataFolder returns the folder named sub beside that of the fixtures.
func dataFolder(sub string) string {
	root := os.Getenv("OCTORL_FIXTURES")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "data", "fixtures")
	}
	return filepath.Join(root, "..", sub)
}

func publicCases(t testing.TB) []publicCase {
	path := filepath.Join(dataFolder("verifier"), "cases_public.jsonl")
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no verifier cases: set OCTORL_FIXTURES to the folder of fixtures, whose neighbor is verifier: %v", err)
	}
	all := readCases(t, path)
	if len(all) == 0 {
		t.Fatalf("%s is empty", path)
	}
	return all
}

// TestPublicCases requires agreement with at least 99 % of the core cases, at
// most 0.2 % of their negatives called right, and no trick that pays.
func TestPublicCases(t *testing.T) {
	agree, all := map[string]int{}, map[string]int{}
	negatives, falseRight := 0, 0
	for _, c := range publicCases(t) {
		got := c.verify()
		right := got.Verdict == Right
		all[c.Tier]++
		if c.Tier == "core" && !c.Equal {
			negatives++
			if right {
				falseRight++
			}
		}
		if right && !c.Equal && (c.Category == "reward_hacking" || c.Category == "degenerate") {
			t.Errorf("%s (%s): %q earns the reward of %q", c.ID, c.Category, got.Extracted, c.Gold)
		}
		if got.Verdict == Failed {
			t.Errorf("%s failed: %s", c.ID, got.Reason)
		}
		if right == c.Equal {
			agree[c.Tier]++
			continue
		}
		t.Logf("%s %s %s: %v for %.80q against %.80q", c.ID, c.Tier, c.Category, got.Verdict, got.Extracted, c.Gold)
	}
	for tier, n := range all {
		t.Logf("%s: %d of %d agree", tier, agree[tier], n)
	}
	if 100*agree["core"] < 99*all["core"] {
		t.Errorf("%d of %d core cases agree, want 99 %%", agree["core"], all["core"])
	}
	if 1000*falseRight > 2*negatives {
		t.Errorf("%d of %d negative core cases are called right, want 0.2 %%", falseRight, negatives)
	}
}

// BenchmarkVerify judges the public cases in turn.
func BenchmarkVerify(b *testing.B) {
	cases := publicCases(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		cases[i%len(cases)].verify()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "verdicts/s")
}
