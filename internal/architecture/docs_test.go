package architecture

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
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

// foreignMessages are quoted from modules that we import.
var foreignMessages = map[string]bool{"no servers available": true, "Authorization Violation": true}

// quoted matches a message in a table of Markdown, in one backquote or two.
var quoted = regexp.MustCompile("``(.+?)``|`([^`]+)`")

// verb matches a directive of fmt, and what stands for one in the docs.
var verb = regexp.MustCompile(`%[-+# 0-9.]*[a-z]|\b[NM]\b`)

// TestQuotedMessagesExist checks that each message in the table of errors is one
// that the program can print: the parts between colons, semicolons and ellipses
// stand in string literals of its sources.
func TestQuotedMessagesExist(t *testing.T) {
	var all strings.Builder
	for _, s := range tree(t) {
		if s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				text, _ := strconv.Unquote(l.Value)
				all.WriteString(verb.ReplaceAllString(text, "\x01") + "\x00")
			}
			return true
		})
	}
	doc, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(doc), "\n## Errors and remedies\n")
	table, _, _ = strings.Cut(table, "\n## ")
	checked := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x02"), "|")
		if len(cells) < 3 {
			continue
		}
		for _, m := range quoted.FindAllStringSubmatch(cells[1], -1) {
			message := strings.ReplaceAll(m[1]+m[2], "\x02", "|")
			for _, part := range regexp.MustCompile(`…|: |; |\(`).Split(message, -1) {
				part = strings.Trim(part, `",.:; `)
				if part == "" || foreignMessages[part] {
					continue
				}
				checked++
				if !strings.Contains(all.String(), verb.ReplaceAllString(part, "\x01")) {
					t.Errorf("operations.md quotes %q, and nothing prints %q", message, part)
				}
			}
		}
	}
	if !found || checked < 20 {
		t.Errorf("%d quoted parts in the table of errors", checked)
	}
}
