package architecture

import (
	"go/ast"
	"go/build/constraint"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestImportsFollowTheTable(t *testing.T) {
	checkTree(t, importFaults)
}

func TestImportRulesFindFaults(t *testing.T) {
	checkExamples(t, importFaults, []example{
		{"allowed", "policy/a.go", "package policy\nimport \"github.com/octorl/octorl/kernels\"", ""},
		{"not allowed", "corpus/a.go", "package corpus\n\nimport \"github.com/octorl/octorl/policy\"",
			"corpus/a.go:3: corpus must not import policy"},
		{"learner meets rollout", "learner/a.go", "package learner\nimport \"github.com/octorl/octorl/rollout\"",
			"learner/a.go:2: learner must not import rollout"},
		{"command", "actors/a.go", "package actors\nimport \"github.com/octorl/octorl/cmd/octorl\"",
			"actors/a.go:2: actors must not import cmd/octorl"},
		{"device in a test", "rollout/a_test.go", "package rollout\nimport \"github.com/octorl/octorl/kernels/cpu\"", ""},
		{"device outside a test", "rollout/a.go", "package rollout\nimport \"github.com/octorl/octorl/kernels/cpu\"",
			"rollout/a.go:2: rollout must not import kernels/cpu"},
		{"external test", "corpus/a_test.go", "package corpus_test\nimport \"github.com/octorl/octorl/corpus\"", ""},
		{"package without a row", "misc/a.go", "package misc", "misc/a.go:1: package misc has no row"},
		{"module in its place", "actors/a.go", "package actors\nimport \"github.com/asynkron/protoactor-go/actor\"", ""},
		{"module below its place", "actors/message/a.go", "package message\nimport \"github.com/asynkron/protoactor-go/actor\"",
			"actors/message/a.go:2: github.com/asynkron/protoactor-go/actor belongs in actors"},
		{"module out of place", "learner/a.go", "package learner\nimport \"github.com/rs/zerolog/log\"",
			"learner/a.go:2: github.com/rs/zerolog/log belongs in actors, cmd/"},
		{"unknown module", "cmd/octorl/a.go", "package main\nimport \"github.com/spf13/cobra\"",
			"cmd/octorl/a.go:2: github.com/spf13/cobra has no row"},
		{"tag kept", "kernels/cuda/a.go", "//go:build cuda && linux\n\npackage cuda\nimport \"gorgonia.org/cu\"", ""},
		{"tag missing", "kernels/cuda/a.go", "//go:build linux\n\npackage cuda\nimport \"gorgonia.org/cu\"",
			"kernels/cuda/a.go:4: gorgonia.org/cu needs //go:build cuda"},
		{"standard library", "corpus/a.go", "package corpus\nimport (\n\"embed\"\n\"encoding/json\"\n)", ""},
	})
}

// importFaults applies packageRules and modulePlaces. A blank import uses no
// name and is not looked at.
func importFaults(s source) []string {
	rule, ok := packageRules[s.folder]
	if !ok {
		return []string{s.fault(s.file.Package, "package %s has no row in packageRules; decide what it may import", s.folder)}
	}
	may := rule.may
	if s.test {
		may = slices.Concat(rule.may, rule.tests, []string{s.folder})
	}
	var faults []string
	for _, spec := range s.file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		first, _, _ := strings.Cut(path, "/")
		switch ours, found := strings.CutPrefix(path, s.module+"/"); {
		case spec.Name != nil && spec.Name.Name == "_":
		case found && !mayImport(may, ours):
			faults = append(faults, s.fault(spec.Pos(), "%s must not import %s; it may import %v", s.folder, ours, may))
		case !found && strings.Contains(first, "."):
			faults = append(faults, s.placeFaults(spec, path)...)
		}
	}
	return faults
}

func mayImport(may []string, path string) bool {
	if strings.HasPrefix(path, "cmd/") {
		return false
	}
	return slices.Contains(may, path) || slices.Contains(may, anything)
}

// placeFaults applies modulePlaces to one import.
func (s source) placeFaults(spec *ast.ImportSpec, path string) []string {
	for _, m := range modulePlaces {
		if !strings.HasPrefix(path+"/", m.module) {
			continue
		}
		inPlace := slices.ContainsFunc(m.places, func(place string) bool {
			return s.folder == place || strings.HasSuffix(place, "/") && strings.HasPrefix(s.folder, place)
		})
		switch {
		case !inPlace:
			return []string{s.fault(spec.Pos(), "%s belongs in %s", path, strings.Join(m.places, ", "))}
		case m.tag != "" && !s.requires(m.tag):
			return []string{s.fault(spec.Pos(), "%s needs //go:build %s", path, m.tag)}
		}
		return nil
	}
	return []string{s.fault(spec.Pos(), "%s has no row in modulePlaces; decide where it may be used", path)}
}

// requires reports whether the file is built only with a tag.
func (s source) requires(tag string) bool {
	for _, group := range s.file.Comments {
		for _, c := range group.List {
			if expr, err := constraint.Parse(c.Text); err == nil {
				return !expr.Eval(func(t string) bool { return t != tag })
			}
		}
	}
	return false
}
