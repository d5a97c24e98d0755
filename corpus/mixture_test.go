package corpus

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestOpenSource(t *testing.T) {
	g := Generator{Seed: 3, BoxedShare: 1}
	for _, name := range []string{"prose", "qa-short", "qa-long", "dialogue", "orcca"} {
		s, err := OpenSource(name, g, []int{1, 1, 5})
		if err != nil || s.Name() != name || s.Document(0, 0) == "" {
			t.Fatalf("%s: %v", name, err)
		}
		if first, again := s.Document(1, 1), s.Document(1, 1); first != again {
			t.Errorf("%s: a document read twice: %q, %q", name, first, again)
		}
	}
	short, err := OpenSource("qa-short", g, []int{1, 5})
	if err != nil {
		t.Fatal(err)
	}
	if want := g.Document(ShortReasoning, 5, 3); short.Document(0, 3) != want || short.Len() != 0 {
		t.Errorf("document 3 of levels 1 and 5 is %q, want %q", short.Document(0, 3), want)
	}
	for name, s := range bundledSources() {
		if s == nil || s.Name() != name || s.Len() < 500 {
			t.Fatalf("%s cannot be opened", name)
		}
	}
	for name, want := range map[string]string{GSM8KTest: "never for training", "no/such": "no/such"} {
		if _, err := OpenSource(name, g, []int{1}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, levels := range [][]int{nil, {0}, {1, 9}} {
		if _, err := OpenSource("prose", g, levels); err == nil {
			t.Errorf("levels %v were taken", levels)
		}
	}
	if _, err := OpenSource("prose", Generator{BoxedShare: 1.5}, []int{1}); err == nil {
		t.Error("a boxed share of 1.5 was taken")
	}
}

func TestPassagesKeepTheText(t *testing.T) {
	long := strings.Repeat("x", 2500)
	for _, text := range []string{"a\n\nb\n\n\n\nc", strings.Repeat("some words here\n\n", 400), long + "\n\nend", "one"} {
		pieces := passages(text)
		squeeze := func(s string) string { return strings.Join(strings.Fields(s), " ") }
		if got := squeeze(strings.Join(pieces, " ")); got != squeeze(text) {
			t.Errorf("passages of %.20q hold %.60q", text, got)
		}
		for _, p := range pieces {
			if len(p) > passageBytes && strings.Contains(p, "\n\n") || p == "" {
				t.Errorf("a passage of %d bytes", len(p))
			}
		}
	}
}

func TestMixtureReportsAllFaults(t *testing.T) {
	a, b := &list{name: "a"}, &list{name: "b"}
	_, err := NewMixture([]Weight{{"a", 1}, {"c", 1}, {"b", -1}, {"a", 2}}, a, b)
	for _, want := range []string{`unknown source "c"; known are a, b`, `"b" has share -1`, `"a" has two weights`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
	for _, weights := range [][]Weight{nil, {{"a", 0}}, {{"a", math.NaN()}}, {{"a", math.Inf(1)}}} {
		if _, err := NewMixture(weights, a, b); err == nil {
			t.Errorf("%v was taken", weights)
		}
	}
	m, err := NewMixture([]Weight{{"a", 3}, {"b", 1}}, b, a)
	if err != nil || len(m.shares) != 2 || m.shares[0] != 0.75 || m.shares[1] != 0.25 || m.sources[0].Name() != "a" {
		t.Errorf("weights 3 and 1: %+v, %v", m, err)
	}
}

// TestPresetsAreThePublishedMixtures compares with tables 2 and 4 of
// arXiv:2506.20512.
func TestPresetsAreThePublishedMixtures(t *testing.T) {
	published := map[string]map[string]float64{
		"stable": {"MegaMath-Web-Pro-Max": 0.725, "DCLM-Baseline": 0.10, "MegaMath text-code-block": 0.10,
			"MegaMath-QA": 0.05, "MegaMath-Code": 0.0125, "MegaMath translated code": 0.0125},
		"long": {"MegaMath-Web-Pro": 0.55, "instruction mix": 0.10, "DCLM-Baseline": 0.05,
			"OpenR1-Math-220K": 0.15, "AM-DeepSeek-R1-Distilled": 0.15},
		"short": {"MegaMath-Web-Pro": 0.55, "instruction mix": 0.10, "DCLM-Baseline": 0.05,
			"OpenMathInstruct2": 0.175, "NuminaMath-1.5": 0.10, "MegaMath-QA": 0.025},
		"hybrid": {"MegaMath-Web-Pro": 0.55, "instruction mix": 0.10, "DCLM-Baseline": 0.05,
			"OpenR1-Math-220K": 0.10, "OpenMathInstruct2": 0.10, "NuminaMath-1.5": 0.10},
	}
	for name, want := range published {
		got := map[string]float64{}
		for _, b := range presets[name] {
			got[b.corpus] += b.share
		}
		for corpus, share := range want {
			if math.Abs(got[corpus]-share) > 1e-12 {
				t.Errorf("%s: %s has share %v, want %v", name, corpus, got[corpus], share)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d corpora, want %d", name, len(got), len(want))
		}
		weights, err := Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		sum, asked := 0.0, 0.0
		for _, w := range weights {
			sum += w.Share
			if strings.HasPrefix(w.Source, "qa-") {
				asked += w.Share
			}
			if !slices.Contains(Styles, Style(w.Source)) && bundled[w.Source] == "" {
				t.Errorf("%s: no source is called %s", name, w.Source)
			}
		}
		if math.Abs(sum-1) > 1e-12 || name != "stable" && math.Abs(asked-0.30) > 1e-12 {
			t.Errorf("%s: shares sum to %v, questions and answers to %v", name, sum, asked)
		}
	}
	if _, err := Preset("medium"); err == nil || !strings.Contains(err.Error(), "stable, long, short or hybrid") {
		t.Errorf("unknown preset: %v", err)
	}
}
