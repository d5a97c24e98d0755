package evaluation

import (
	"fmt"
	"io"
	"strings"
)

// Grade is how one measurement of a base model bears on RL.
type Grade string

const (
	// Good means that RL has what it needs in this respect.
	Good Grade = "good"
	// Doubtful means that RL may work, slowly or not on every seed.
	Doubtful Grade = "doubtful"
	// Bad means that RL is not expected to work.
	Bad Grade = "bad"
)

// Check is one measurement with the threshold that it is held against.
type Check struct {
	Name     string  `json:"name"`
	Value    float64 `json:"value"` // a share
	GoodAt   float64 `json:"goodAt"`
	BadAt    float64 `json:"badAt"`
	AtMost   bool    `json:"atMost"` // whether small values are good
	Grade    Grade   `json:"grade"`
	Why      string  `json:"why"`      // and where the thresholds come from
	WhatToDo string  `json:"whatToDo"` // where it is not good
}

// Readiness says whether RL can be expected to improve a base model.
type Readiness struct {
	Template string  `json:"template"` // the one that does best, which the checks are of
	Samples  int     `json:"samples"`
	Checks   []Check `json:"checks"`
	Verdict  Grade   `json:"verdict"`
}

// Assess judges a base model by its sampled completions of the same problems under
// several templates: by the template with most mixed outcomes.
func Assess(trials []BenchmarkResult) Readiness {
	best := trials[0]
	for _, t := range trials[1:] {
		a, b := t.Summary, best.Summary
		if a.Mixed > b.Mixed || a.Mixed == b.Mixed && a.TruncationRate < b.TruncationRate {
			best = t
		}
	}
	r := Readiness{Template: best.Settings.Template, Samples: best.Settings.Samples, Checks: checksOf(best), Verdict: Good}
	doubts := 0
	for _, c := range r.Checks {
		switch c.Grade {
		case Bad:
			r.Verdict = Bad
		case Doubtful:
			doubts++
		}
	}
	if r.Verdict == Good && doubts > 1 {
		r.Verdict = Doubtful
	}
	return r
}

// checksOf grades the measurements. Published bases that frame the thresholds are
// Llama-3.2-3B, on which RL failed, and OctoThinker-3B-Long-Base, on which it worked
// (arXiv:2506.20512, MATH-500 by sampling): pass@1 3.6 % and 19.8 %, pass@16 30.5 %
// and 56.1 %. The rest are choices of this program, and say so.
func checksOf(b BenchmarkResult) []Check {
	s, n := b.Summary, b.Settings.Samples
	checks := []Check{
		{Name: "mixed outcomes", Value: s.Mixed, GoodAt: 0.2, BadAt: 0.05,
			Why:      "Only problems with both right and other completions in a group move the weights: equal rewards have no advantage (arXiv:2402.03300 §4.1). The limits are a choice: below one group in twenty a step sees next to nothing.",
			WhatToDo: "take easier problems or more samples a group, or mid-train on worked problems like these"},
		{Name: "pass@1", Value: s.Accuracy, GoodAt: 0.05, BadAt: 0.005,
			Why:      "RL reinforces what is sampled. Llama-3.2-3B had 3.6 % and did not take off, OctoThinker-3B-Long-Base had 19.8 % and did (arXiv:2506.20512); the limit for good lies between them, that for bad is a choice.",
			WhatToDo: "mid-train on worked problems, or begin with easier ones"},
		{Name: fmt.Sprintf("pass@%d", n), Value: s.PassAt[n], GoodAt: 0.4, BadAt: 0.1,
			Why:      "RL mostly moves what some sample finds into the first one: pass@16 was 30.5 % for Llama-3.2-3B and 56.1 % for OctoThinker-3B-Long-Base (arXiv:2506.20512). The limit for bad is a choice.",
			WhatToDo: "mid-train longer: RL alone rarely adds problems that no sample solves"},
		{Name: "format", Value: s.FormatRate, GoodAt: 0.1, BadAt: 0,
			Why:      "Without an answer in a box there is no reward. A low rate delays RL and does not forbid it: bases with 0.2 % at the first step learned the form (arXiv:2506.20512, runs on Web-Pro). The limit is a choice.",
			WhatToDo: "use a template that asks for the box, or add worked problems that end in one"},
		{Name: "truncated", Value: s.TruncationRate, GoodAt: 0.25, BadAt: 0.6, AtMost: true,
			Why:      "Completions that do not end earn nothing and grow under RL: Llama-3.2-3B ran into its cap of 4,096 tokens (arXiv:2506.20512). The limits are a choice.",
			WhatToDo: "mid-train on text that ends its answers, give stop texts, or allow more tokens where the completions are sound"},
		{Name: "repeating", Value: s.RepetitionRate, GoodAt: 0.1, BadAt: 0.3, AtMost: true,
			Why:      "Loops are where runs on unprepared bases end (arXiv:2506.20512). The limits are a choice.",
			WhatToDo: "mid-train on cleaner text, with instructions among it"},
	}
	for i := range checks {
		checks[i].grade()
	}
	return checks
}

func (c *Check) grade() {
	better := func(limit float64) bool {
		if c.AtMost {
			return c.Value <= limit
		}
		return c.Value >= limit
	}
	switch {
	case better(c.GoodAt):
		c.Grade = Good
	case better(c.BadAt):
		c.Grade = Doubtful
	default:
		c.Grade = Bad
	}
}

// limits formats the thresholds.
func (c Check) limits() string {
	sign := "≥"
	if c.AtMost {
		sign = "≤"
	}
	return fmt.Sprintf("%s %g%%, %s %g%%", sign, 100*c.GoodAt, sign, 100*c.BadAt)
}

// Sentence says the verdict in plain words.
func (r Readiness) Sentence() string {
	var weak []string
	for _, c := range r.Checks {
		if c.Grade == Bad || c.Grade == Doubtful && r.Verdict != Bad {
			weak = append(weak, c.Name+" "+percent(c.Value))
		}
	}
	switch r.Verdict {
	case Good:
		s := fmt.Sprintf("Ready for RL with template %s: groups of %d samples have something to learn from, and completions end.", r.Template, r.Samples)
		if len(weak) > 0 {
			s += " Watch " + strings.Join(weak, ", ") + "."
		}
		return s
	case Doubtful:
		return fmt.Sprintf("Doubtful: RL with template %s may work, slowly or not on every seed, because of %s.", r.Template, strings.Join(weak, ", "))
	}
	return fmt.Sprintf("Not ready for RL, even with template %s: %s.", r.Template, strings.Join(weak, ", "))
}

// checkTable has the measurements with their thresholds.
func (r Readiness) checkTable() table {
	t := table{Header: []string{"check", "measured", "good, not bad at", "grade"}}
	for _, c := range r.Checks {
		t.Rows = append(t.Rows, []string{c.Name, percent(c.Value), c.limits(), string(c.Grade)})
	}
	return t
}

// Write writes the checks and the verdict for a terminal.
func (r Readiness) Write(w io.Writer) error {
	if err := r.checkTable().write(w); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("\n" + r.Sentence() + "\n")
	for _, c := range r.Checks {
		if c.Grade != Good {
			b.WriteString("\n" + c.Name + ": " + c.Why + "\n  To do: " + c.WhatToDo + ".\n")
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write readiness: %w", err)
	}
	return nil
}
