package reward

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func readCases(t testing.TB, path string) []publicCase {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []publicCase
	for d := json.NewDecoder(f); d.More(); {
		var c publicCase
		if err := d.Decode(&c); err != nil {
			t.Fatalf("case %d of %s: %v", len(all)+1, path, err)
		}
		all = append(all, c)
	}
	return all
}

// TestOwnCases requires agreement with every case of testdata/*.jsonl: answers and
// responses by category, with what a careful reader says of each.
func TestOwnCases(t *testing.T) {
	right, wrong := 0, 0
	for _, path := range ownCases(t) {
		for i, c := range readCases(t, path) {
			if c.Equal {
				right++
			} else {
				wrong++
			}
			if got := c.verify(); (got.Verdict == Right) != c.Equal || got.Verdict == Failed {
				t.Errorf("%s:%d, %s: %q against %q is %v (%s, %s)", path, i+1, c.Category, c.Pred, c.Gold, got.Verdict, got.Canonical, got.Reason)
			}
		}
	}
	if right < 2000 || wrong < 2000 {
		t.Errorf("%d positive and %d negative cases, want over 2000 of each", right, wrong)
	}
}

// ownCases returns the files of this package's own cases.
func ownCases(t testing.TB) []string {
	paths, err := filepath.Glob(filepath.Join("testdata", "*.jsonl"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases in testdata: %v", err)
	}
	return paths
}
