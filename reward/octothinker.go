package reward

import (
	"context"
	"fmt"
	"strings"

	"github.com/octorl/octorl/rollout/trajectory"
)

// OctoThinkerVerifier judges in the order of the released OctoThinker reward
// (arXiv:2506.20512, rl/ of its repository): the last \boxed{…} or nothing; equal
// texts whatever their case; equal values after units are dropped, with numbers
// rounded to six decimals. What its Python raises on is compared as text.
//
// It differs where the published one depends on SymPy's simplification, for
// which exact comparison stands in, and in that it fails instead of calling a
// completion wrong when it could not do its work.
type OctoThinkerVerifier struct{}

// Verify implements Verifier.
func (OctoThinkerVerifier) Verify(ctx context.Context, problem trajectory.Problem, completion string) Result {
	return guard(ctx, func() Result {
		text, ok := ExtractBoxed(completion)
		if !ok {
			return Result{Verdict: Unparsable, Reason: `no \boxed{…} that closes`}
		}
		return comparePublished(ctx, problem, text)
	})
}

// Compare judges a bare answer: one that needs no box.
func (OctoThinkerVerifier) Compare(ctx context.Context, problem trajectory.Problem, answer string) Result {
	return guard(ctx, func() Result { return comparePublished(ctx, problem, answer) })
}

func comparePublished(ctx context.Context, problem trajectory.Problem, text string) Result {
	if strings.EqualFold(strings.TrimSpace(text), strings.TrimSpace(problem.Answer)) && text != "" {
		return Result{Verdict: Right, Extracted: text, Canonical: text, Method: methodText}
	}
	return comparison{ctx: ctx, problem: problem, published: true}.judge(text)
}

// sameRounded reports whether two numbers, of which one is written as a decimal,
// differ by less than half of 10⁻⁶.
func (c *comparer) sameRounded(x, y *node) bool {
	isDecimal := func(n *node) bool { return n.op == opNum && strings.Contains(n.name, ".") }
	if !x.contains(isDecimal) && !y.contains(isDecimal) || x.contains(isVariable) || y.contains(isVariable) {
		return false
	}
	p := point{budget: c.budget}
	a, okA := p.evaluate(x)
	b, okB := p.evaluate(y)
	c.numeric = true
	return okA && okB && newFloat().Abs(sub(a.re, b.re)).Cmp(newFloat().SetFloat64(0.5e-6)) < 0
}

// TextShape says what a verdict earns, given how the completion is written.
type TextShape struct {
	Shape
	OneBox bool    // a completion in a loop, or without exactly one box, earns −1
	Loop   float32 // what a completion in a loop earns, or 0 for no difference
	Boxes  float32 // what one with two or more boxes earns, or 0 for no difference
}

// textShapes are the shapes of OctoThinker's reward by its names for them.
var textShapes = map[string]TextShape{
	"default":          {Shape: DefaultShape()},
	"v2.wformat":       {Shape: Shape{Right: 1, Wrong: -0.5, Unparsable: -1}, OneBox: true},
	"v3.repeatpenalty": {Shape: DefaultShape(), Loop: -2},
	"v4.repeatpenalty": {Shape: DefaultShape(), Loop: -2, Boxes: -2},
}

// ParseTextShape returns the shape with one of OctoThinker's names: default,
// v2.wformat, v3.repeatpenalty or v4.repeatpenalty.
func ParseTextShape(name string) (TextShape, error) {
	s, ok := textShapes[name]
	if !ok {
		return s, fmt.Errorf("reward shape %q: want default, v2.wformat, v3.repeatpenalty or v4.repeatpenalty", name)
	}
	return s, nil
}

// Reward returns what a verdict on completion earns. It reports false for Failed
// and the zero value, which have no reward.
func (s TextShape) Reward(v Verdict, completion string) (reward float32, ok bool) {
	reward, ok = s.Shape.Reward(v)
	if !ok {
		return 0, false
	}
	boxes := strings.Count(completion, boxOpen)
	loops := (s.OneBox || s.Loop != 0) && Repetitive(completion)
	switch {
	case s.OneBox && (boxes != 1 || loops):
		return -1, true
	case s.Loop != 0 && loops:
		return s.Loop, true
	case s.Boxes != 0 && boxes >= 2:
		return s.Boxes, true
	}
	return reward, true
}
