package architecture

import (
	"go/ast"
	"strings"
	"testing"
)

func TestFilesAndFunctionsAreShort(t *testing.T) {
	checkTree(t, lengthFaults)
}

func TestLengthRulesFindFaults(t *testing.T) {
	long := strings.Repeat("\tx++\n", maxFunctionLines)
	checkExamples(t, lengthFaults, []example{
		{"short", "corpus/a.go", "package corpus\nfunc f() {\n}\n", ""},
		{"long file", "corpus/a.go", "package corpus\n" + strings.Repeat("\n", maxFileLines) + "type a int",
			"corpus/a.go:1: file of 502 lines; the most is 500"},
		{"long function", "corpus/a.go", "package corpus\nfunc f(x int) {\n" + long + "}\n",
			"corpus/a.go:2: f has 82 lines; the most is 80"},
		{"one loop", "corpus/a.go", "package corpus\nfunc f(x int) {\n\tfor {\n" + long + "\t}\n}\n", ""},
		{"one switch", "corpus/a.go", "package corpus\nfunc f(x int) {\n\tswitch {\ncase x>0:\n" + long + "\t}\n}\n", ""},
		{"long before a loop", "corpus/a.go", "package corpus\nfunc f(x int) {\n" + long + "\tfor {\n\t}\n}\n",
			"corpus/a.go:2: f has 84 lines; the most is 80"},
	})
}

// lengthFaults finds files and functions that are too long. A function that is
// one flat switch or loop nest may be longer.
func lengthFaults(s source) []string {
	var faults []string
	if n := s.lines(s.file) + s.fset.Position(s.file.Package).Line - 1; n > maxFileLines {
		faults = append(faults, s.fault(s.file.Package, "file of %d lines; the most is %d", n, maxFileLines))
	}
	for _, d := range s.file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil || s.isFlat(f) {
			continue
		}
		if n := s.lines(f); n > maxFunctionLines {
			faults = append(faults, s.fault(f.Pos(), "%s has %d lines; the most is %d", f.Name.Name, n, maxFunctionLines))
		}
	}
	return faults
}

// isFlat reports whether all of a function but a few lines is one switch or
// loop.
func (s source) isFlat(f *ast.FuncDecl) bool {
	const few = 12
	for _, statement := range f.Body.List {
		switch statement.(type) {
		case *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.ForStmt, *ast.RangeStmt:
			if s.lines(f)-s.lines(statement) <= few {
				return true
			}
		}
	}
	return false
}
