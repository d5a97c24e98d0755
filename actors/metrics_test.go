package actors

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEveryMetricIsDocumented compares the metrics of a run with the tables of
// docs/algorithm.md.
func TestEveryMetricIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/algorithm.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	finish(t, criticRecipe(t), options(t, dir))
	names := map[string]bool{}
	d := &directory{root: dir}
	err = readRecord(d.metrics(), func(line []byte) error {
		for name := range decodeMetrics(t, line).Values {
			names[regexp.MustCompile(`at_\d+`).ReplaceAllString(name, "at_<k>")] = true
		}
		return nil
	})
	if err != nil || len(names) < 27 {
		t.Fatalf("%d metrics, %v", len(names), err)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !strings.Contains(string(text), "| `"+name+"` |") {
			t.Errorf("docs/algorithm.md has no row for %s", name)
		}
	}
}
