package evaluation

import (
	"bytes"
	"strings"
	"testing"
)

// trial is a result of 16 samples with a template.
func trial(template string, s Summary) BenchmarkResult {
	return BenchmarkResult{Settings: Settings{Template: template, Samples: 16, Temperature: 1}, Summary: s}
}

// published is a base with pass@1 and pass@16 as published for MATH-500
// (arXiv:2506.20512), of which as many problems have mixed outcomes as some sample
// solves.
func published(pass1, pass16, truncated float64) Summary {
	return Summary{Accuracy: pass1, PassAt: map[int]float64{16: pass16}, Mixed: pass16, FormatRate: 0.5, TruncationRate: truncated}
}

func TestAssess(t *testing.T) {
	silent := Summary{PassAt: map[int]float64{16: 0}, TruncationRate: 1, RepetitionRate: 1}
	for _, c := range []struct {
		name     string
		trials   []BenchmarkResult
		template string
		want     Grade
		says     string
	}{
		{"OctoThinker-3B-Long-Base", []BenchmarkResult{trial("simple", published(0.198, 0.561, 0.1))}, "simple", Good, "Ready for RL"},
		{"Llama-3.2-3B", []BenchmarkResult{trial("simple", published(0.036, 0.305, 0.5))}, "simple", Doubtful, "Doubtful"},
		{"Llama-3.2-3B that runs into its cap", []BenchmarkResult{trial("simple", published(0.036, 0.305, 0.9))}, "simple", Bad, "truncated 90.0%"},
		{"a base that has only read", []BenchmarkResult{trial("simple", silent)}, "simple", Bad, "Not ready"},
		{"one template of two", []BenchmarkResult{trial("simple", silent), trial("complex", published(0.2, 0.6, 0))}, "complex", Good, "complex"},
		{"one doubt", []BenchmarkResult{trial("simple", published(0.2, 0.6, 0.3))}, "simple", Good, "Watch truncated 30.0%"},
	} {
		r := Assess(c.trials)
		if r.Verdict != c.want || r.Template != c.template || !strings.Contains(r.Sentence(), c.says) {
			t.Errorf("%s: %s with %s: %s", c.name, r.Verdict, r.Template, r.Sentence())
		}
		var out bytes.Buffer
		if err := r.Write(&out); err != nil || !strings.Contains(out.String(), r.Sentence()) {
			t.Errorf("%s: written %s, %v", c.name, out.String(), err)
		}
	}
}

func TestChecksAtTheirLimits(t *testing.T) {
	for _, c := range []struct {
		check Check
		want  Grade
	}{
		{Check{Value: 0.2, GoodAt: 0.2, BadAt: 0.05}, Good},
		{Check{Value: 0.05, GoodAt: 0.2, BadAt: 0.05}, Doubtful},
		{Check{Value: 0.04, GoodAt: 0.2, BadAt: 0.05}, Bad},
		{Check{Value: 0.25, GoodAt: 0.25, BadAt: 0.6, AtMost: true}, Good},
		{Check{Value: 0.6, GoodAt: 0.25, BadAt: 0.6, AtMost: true}, Doubtful},
		{Check{Value: 0.7, GoodAt: 0.25, BadAt: 0.6, AtMost: true}, Bad},
	} {
		if c.check.grade(); c.check.Grade != c.want {
			t.Errorf("%+v is %s, want %s", c.check, c.check.Grade, c.want)
		}
	}
}
