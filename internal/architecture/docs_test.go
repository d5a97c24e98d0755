package architecture

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// testName matches the name of a test in prose.
var testName = regexp.MustCompile(`\bTest[A-Z]\w+`)

// TestNamedTestsExist checks that every test that the docs name is there: an
// invariant whose test was renamed or removed is not tested any more.
func TestNamedTestsExist(t *testing.T) {
	known := map[string]bool{}
	for _, s := range tree(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.test {
				known[f.Name.Name] = true
			}
		}
	}
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("docs: %d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range testName.FindAllString(string(text), -1) {
			if !known[name] {
				t.Errorf("%s names %s, which does not exist", filepath.Base(file), name)
			}
		}
	}
}
