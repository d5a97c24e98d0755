package jinja

import (
	"encoding/json"
	"os"
	"testing"
)

// goldenCases are what testdata/generate.py wrote with transformers and Jinja.
type goldenCases struct {
	Variables map[string]json.RawMessage
	Cases     []struct {
		Source string
		Want   *string // nil where Python raises an error
	}
}

func readGolden(t testing.TB) (goldenCases, map[string]Value) {
	t.Helper()
	data, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var g goldenCases
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	variables := map[string]Value{}
	for name, raw := range g.Variables {
		if variables[name], err = FromJSON(raw); err != nil {
			t.Fatal(err)
		}
	}
	return g, variables
}

// renderOnce parses and renders.
func renderOnce(source string, variables map[string]Value, o Options) (string, error) {
	t, err := Parse(source)
	if err != nil {
		return "", err
	}
	return t.Render(variables, o)
}

func TestEqualsJinja(t *testing.T) {
	g, variables := readGolden(t)
	for _, c := range g.Cases {
		got, err := renderOnce(c.Source, variables, Options{})
		switch {
		case c.Want == nil && err == nil:
			t.Errorf("%s\n gave %q, and Python an error", c.Source, got)
		case c.Want != nil && err != nil:
			t.Errorf("%s\n gave the error %v, and Python %q", c.Source, err, *c.Want)
		case c.Want != nil && got != *c.Want:
			t.Errorf("%s\n gave %q\nPython %q", c.Source, got, *c.Want)
		}
	}
}
