package cuda

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var includes = regexp.MustCompile(`(?m)^#include "(.*)"$`)

// sourcesOf returns the contents of file and of what it includes of ours, each
// once, breadth first.
func sourcesOf(t *testing.T, file string) []byte {
	var all []byte
	seen := map[string]bool{}
	for queue := []string{file}; len(queue) > 0; queue = queue[1:] {
		if seen[queue[0]] {
			continue
		}
		seen[queue[0]] = true
		source, err := os.ReadFile(queue[0])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, source...)
		for _, m := range includes.FindAllSubmatch(source, -1) {
			queue = append(queue, string(m[1]))
		}
	}
	return all
}

// TestCubinsMatchSources compares the sums of the sources that the embedded
// kernels were compiled from with the sources as they are.
func TestCubinsMatchSources(t *testing.T) {
	files, err := filepath.Glob("*.cu")
	if err != nil || len(files) == 0 {
		t.Fatalf("no kernels found: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".cu")
		sum := sha256.Sum256(sourcesOf(t, file))
		noted, err := os.ReadFile(filepath.Join("cubin", name+".sum"))
		if err != nil {
			t.Errorf("%s was never compiled: %v; make cubins does it", file, err)
			continue
		}
		if strings.TrimSpace(string(noted)) != hex.EncodeToString(sum[:]) {
			t.Errorf("cubin/%s.cubin is of other sources than %s; make cubins compiles it anew", name, file)
		}
		if _, err := os.Stat(filepath.Join("cubin", name+".cubin")); err != nil {
			t.Error(err)
		}
	}
	cubins, err := filepath.Glob("cubin/*.cubin")
	if err != nil {
		t.Fatal(err)
	}
	if len(cubins) != len(files) {
		t.Errorf("%d compiled files for %d sources: remove those without a source", len(cubins), len(files))
	}
}
