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

// TestKernelsMatchSources compares the sums of the sources that the embedded
// kernels were compiled from with the sources as they are.
func TestKernelsMatchSources(t *testing.T) {
	files, err := filepath.Glob("*.cu")
	if err != nil || len(files) == 0 {
		t.Fatalf("no kernels found: %v", err)
	}
	compiled := map[string][]string{} // the folders of each
	for folder, suffix := range map[string]string{"cubin": ".cubin", "ptx": ".ptx.gz"} {
		embedded, err := filepath.Glob(filepath.Join(folder, "*"+suffix))
		if err != nil || len(embedded) == 0 {
			t.Fatalf("%s is empty: %v", folder, err)
		}
		for _, file := range embedded {
			name := strings.TrimSuffix(filepath.Base(file), suffix)
			compiled[name] = append(compiled[name], folder)
			if _, err := os.Stat(name + ".cu"); err != nil {
				t.Errorf("%s has no source: remove it", file)
				continue
			}
			sum := sha256.Sum256(sourcesOf(t, name+".cu"))
			noted, err := os.ReadFile(filepath.Join(folder, name+".sum"))
			if err != nil {
				t.Error(err)
			}
			if strings.TrimSpace(string(noted)) != hex.EncodeToString(sum[:]) {
				t.Errorf("%s is of other sources than %s.cu; make cubins compiles it anew", file, name)
			}
		}
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".cu")
		if len(compiled[name]) == 0 {
			t.Errorf("%s was never compiled; make cubins does it", file)
		}
		hopper := strings.HasPrefix(name, "attention_") || strings.HasPrefix(name, "gemm_")
		if !hopper && len(compiled[name]) < 2 {
			t.Errorf("%s is compiled to %v only; make cubins does the other", file, compiled[name])
		}
	}
}
