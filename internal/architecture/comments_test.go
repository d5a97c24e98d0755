package architecture

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

func TestExportedNamesAreDocumented(t *testing.T) {
	checkTree(t, commentFaults)
}

func TestEveryPackageHasAComment(t *testing.T) {
	documented, first := map[string]bool{}, map[string]source{}
	for _, s := range tree(t) {
		if s.test || s.file.Name.Name == "main" {
			continue
		}
		if _, ok := first[s.folder]; !ok {
			first[s.folder] = s
		}
		if strings.HasPrefix(s.file.Doc.Text(), "Package "+s.file.Name.Name+" ") {
			documented[s.folder] = true
		}
	}
	for folder, s := range first {
		if !documented[folder] {
			t.Error(s.fault(s.file.Package, "no file of %s has a comment that begins \"Package %s \"", folder, s.file.Name.Name))
		}
	}
}

func TestCommentRulesFindFaults(t *testing.T) {
	checkExamples(t, commentFaults, []example{
		{"function", "corpus/a.go", "package corpus\n// F does it.\nfunc F() {}", ""},
		{"function without", "corpus/a.go", "package corpus\nfunc F() {}", "corpus/a.go:2: F needs a comment"},
		{"function of another name", "corpus/a.go", "package corpus\n// G does it.\nfunc F() {}", "corpus/a.go:3: F needs a comment"},
		{"no sentence", "corpus/a.go", "package corpus\n// F does it\nfunc F() {}", "corpus/a.go:3: F needs a comment"},
		{"sentence before a table", "corpus/a.go", "package corpus\n// F does it:\n//\n//\tx  y\nfunc F() {}", ""},
		{"sentence around a formula", "corpus/a.go", "package corpus\n// F is the sum of\n//\n//\tx·y\n//\n// for all x.\nfunc F() {}", ""},
		{"unexported", "corpus/a.go", "package corpus\nfunc f() {}\ntype t int\nvar v, w int", ""},
		{"method", "corpus/a.go", "package corpus\n// T is a type.\ntype T int\nfunc (t *T) M() {}", "corpus/a.go:4: T.M needs a comment"},
		{"generic method", "corpus/a.go", "package corpus\n// T is a type.\ntype T[P any] int\nfunc (t T[P]) M() {}", "corpus/a.go:4: T.M needs a comment"},
		{"method of an unexported type", "corpus/a.go", "package corpus\ntype t int\nfunc (t t) M() {}", ""},
		{"type", "corpus/a.go", "package corpus\ntype T int", "corpus/a.go:2: T needs a comment"},
		{"group with a comment", "corpus/a.go", "package corpus\n// The values of T.\nconst (\n\tA = 1 // one\n\tB = 2\n)", ""},
		{"group without", "corpus/a.go", "package corpus\nconst (\n\t// A is one.\n\tA = 1\n\tB = 2\n)", "corpus/a.go:5: B needs a comment"},
		{"variable", "corpus/a.go", "package corpus\nvar V int", "corpus/a.go:2: V needs a comment"},
		{"test file", "corpus/a_test.go", "package corpus\nfunc TestF() {}", ""},
	})
}

// commentFaults finds exported top-level names and methods of exported types
// whose comment is not a sentence that begins with the name. Constants and
// variables of a group may have one comment for all.
func commentFaults(s source) []string {
	if s.test {
		return nil
	}
	var faults []string
	require := func(pos token.Pos, shown, name string, docs ...*ast.CommentGroup) {
		for _, doc := range docs {
			if isSentence(doc.Text(), name) {
				return
			}
		}
		faults = append(faults, s.fault(pos, "%s needs a comment: a sentence that begins %q", shown, name))
	}
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if receiver := receiverName(d); d.Name.IsExported() && (receiver == "" || ast.IsExported(receiver)) {
				require(d.Pos(), strings.TrimPrefix(receiver+"."+d.Name.Name, "."), d.Name.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				s.requireSpec(d, spec, require)
			}
		}
	}
	return faults
}

// requireSpec calls require for the exported names of a type, constant or
// variable.
func (s source) requireSpec(d *ast.GenDecl, spec ast.Spec, require func(token.Pos, string, string, ...*ast.CommentGroup)) {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		if spec.Name.IsExported() {
			require(spec.Pos(), spec.Name.Name, spec.Name.Name, spec.Doc, d.Doc)
		}
	case *ast.ValueSpec:
		if d.Lparen.IsValid() && d.Doc != nil {
			return
		}
		for _, name := range spec.Names {
			if name.IsExported() {
				require(spec.Pos(), name.Name, name.Name, spec.Doc, d.Doc)
			}
		}
	}
}

// receiverName returns the name of a method's type, or "".
func receiverName(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	typ := f.Recv.List[0].Type
	for {
		switch t := typ.(type) {
		case *ast.StarExpr:
			typ = t.X
		case *ast.IndexExpr:
			typ = t.X
		case *ast.IndexListExpr:
			typ = t.X
		case *ast.Ident:
			return t.Name
		default:
			return ""
		}
	}
}

// isSentence reports whether the first paragraph of a comment begins with name
// and ends as a sentence, or leads over to a table or formula.
func isSentence(text, name string) bool {
	paragraph, rest, _ := strings.Cut(text, "\n\n")
	paragraph = strings.TrimSpace(paragraph)
	return strings.HasPrefix(paragraph, name+" ") &&
		(strings.HasPrefix(rest, "\t") || strings.ContainsAny(paragraph[len(paragraph)-1:], ".:"))
}
