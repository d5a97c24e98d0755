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

// TestOwnCases requires agreement with every case of testdata/cases.jsonl: answers
// and responses by category, with what a careful reader says of each.
func TestOwnCases(t *testing.T) {
	right, wrong := 0, 0
	for i, c := range readCases(t, filepath.Join("testdata", "cases.jsonl")) {
		if c.Equal {
			right++
		} else {
			wrong++
		}
		if got := c.verify(); (got.Verdict == Right) != c.Equal || got.Verdict == Failed {
			t.Errorf("line %d, %s: %q against %q is %v (%s, %s)", i+1, c.Category, c.Pred, c.Gold, got.Verdict, got.Canonical, got.Reason)
		}
	}
	if right < 1000 || wrong < 1000 {
		t.Errorf("%d positive and %d negative cases, want over 1000 of each", right, wrong)
	}
}
