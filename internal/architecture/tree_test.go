package architecture

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// source is one parsed Go file of the module.
type source struct {
	folder string // of its package, relative to the module, with slashes
	test   bool
	file   *ast.File
	fset   *token.FileSet
	module string // import path of the module
}

// fault is the line that a rule names.
func (s source) fault(pos token.Pos, format string, args ...any) string {
	p := s.fset.Position(pos)
	return fmt.Sprintf("%s:%d: %s", p.Filename, p.Line, fmt.Sprintf(format, args...))
}

// lines returns the lines that a node spans.
func (s source) lines(n ast.Node) int {
	return s.fset.Position(n.End()).Line - s.fset.Position(n.Pos()).Line + 1
}

// parse parses the text of a file, or the file itself where text is nil.
func parse(t *testing.T, path, name string, text any) source {
	t.Helper()
	fset := token.NewFileSet()
	if text == nil {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text = data
	}
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.ToSlash(filepath.Dir(name))
	return source{folder: folder, test: strings.HasSuffix(name, "_test.go"), file: file, fset: fset, module: modulePath}
}

// modulePath is what go.mod says.
const modulePath = "github.com/octorl/octorl"

// tree parses every Go file of the module that is not generated.
func tree(t *testing.T) []source {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(root, "go.mod")); err != nil || !strings.HasPrefix(string(data), "module "+modulePath+"\n") {
		t.Fatalf("%s is not the root of %s: %v", root, modulePath, err)
	}
	var sources []source
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "runs") {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if s := parse(t, path, relative, nil); !ast.IsGenerated(s.file) {
			sources = append(sources, s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sources
}

// checkTree reports the faults that a rule finds in the module, and fails where
// there is nothing to look at.
func checkTree(t *testing.T, rule func(source) []string) {
	t.Helper()
	sources := tree(t)
	if len(sources) < 10 {
		t.Fatalf("found only %d Go files", len(sources))
	}
	for _, s := range sources {
		for _, f := range rule(s) {
			t.Error(f)
		}
	}
}

// example is a file that breaks a rule, or with want "" keeps it.
type example struct{ name, path, text, want string }

// checkExamples tests a rule on examples; want is the fault's beginning.
func checkExamples(t *testing.T, rule func(source) []string, examples []example) {
	t.Helper()
	for _, e := range examples {
		faults := rule(parse(t, "", e.path, e.text))
		switch {
		case e.want == "" && len(faults) > 0:
			t.Errorf("%s: faults %q, want none", e.name, faults)
		case e.want != "" && (len(faults) != 1 || !strings.HasPrefix(faults[0], e.want)):
			t.Errorf("%s: faults %q, want one that begins %q", e.name, faults, e.want)
		}
	}
}
