package reward

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/octorl/octorl/rollout/trajectory"
)

// Verifier judges a completion of a problem. Verify may be called concurrently,
// returns soon after ctx ends, and does not panic: what goes wrong within it
// becomes the verdict Failed.
type Verifier interface {
	Verify(ctx context.Context, problem trajectory.Problem, completion string) Result
}

// MathVerifier compares the answer in a completion with the reference answer by
// value. The zero value takes the last \boxed{…}.
//
// A completion without an answer, or with an empty or oversized one, is
// Unparsable. A reference answer that is empty or oversized gives Failed, as
// does the end of ctx. Each verification has a work budget of tens of
// milliseconds; an answer that needs more is Wrong. An answer that only repeats
// a formula of the question in place of its value is Wrong.
type MathVerifier struct {
	From Extraction // where the answer is looked for
}

// Verify implements Verifier. It gives Failed without looking when ctx has ended.
func (v MathVerifier) Verify(ctx context.Context, problem trajectory.Problem, completion string) Result {
	return guard(ctx, func() Result {
		text, ok := v.From.Extract(completion)
		if !ok {
			return Result{Verdict: Unparsable, Reason: "no answer that ends"}
		}
		return comparison{ctx: ctx, problem: problem}.judge(text)
	})
}

// CompareAnswer judges a bare answer: one that needs no extraction.
func CompareAnswer(ctx context.Context, problem trajectory.Problem, answer string) Result {
	return guard(ctx, func() Result { return comparison{ctx: ctx, problem: problem}.judge(answer) })
}

// guard runs work unless ctx has ended, and turns its panic into Failed.
func guard(ctx context.Context, work func() Result) (result Result) {
	defer func() {
		if p := recover(); p != nil {
			result = Result{Verdict: Failed, Reason: fmt.Sprintf("verifier panicked: %v", p)}
		}
	}()
	if err := ctx.Err(); err != nil {
		return Result{Verdict: Failed, Reason: fmt.Sprintf("no time to verify: %v", err)}
	}
	return work()
}

// comparison is the task of comparing answers with the reference answer of a
// problem.
type comparison struct {
	ctx       context.Context
	problem   trajectory.Problem
	published bool // as OctoThinker's reward does
}

// judge judges the text of an answer.
func (t comparison) judge(text string) Result {
	problem := t.problem
	if len(problem.Answer) > maxAnswerBytes {
		return Result{Verdict: Failed, Reason: fmt.Sprintf("reference answer of %d bytes is over the limit of %d", len(problem.Answer), maxAnswerBytes)}
	}
	reference := clean(problem.Answer)
	if reference == "" {
		return Result{Verdict: Failed, Reason: "reference answer is empty"}
	}
	result := Result{Verdict: Unparsable, Extracted: text}
	if len(text) > maxAnswerBytes {
		result.Extracted = text[:64]
		result.Reason = fmt.Sprintf("answer of %d bytes is over the limit of %d", len(text), maxAnswerBytes)
		return result
	}
	cleaned := clean(text)
	if cleaned == reference && cleaned != "" {
		return Result{Verdict: Right, Extracted: text, Canonical: cleaned, Method: methodText}
	}
	if blank(cleaned) {
		result.Reason = "answer is empty"
		return result
	}
	if want, ok := decimal(reference); ok {
		if got, ok := decimal(cleaned); ok {
			result.Canonical, result.Method = got, methodExact
			return result.decided(want == got, reference)
		}
	}
	return t.decide(reference, cleaned, result)
}

// decide compares clean answers that are not spelled alike.
func (t comparison) decide(reference, text string, result Result) Result {
	b := newBudget(t.ctx)
	c := newComparer(b)
	c.published = t.published
	equal, method := c.decide(reference, text)
	if method == methodExact && c.numeric {
		method = methodNumeric
	}
	result.Method = method
	result.Canonical = c.canonicalText
	switch {
	case b.err != nil && b.ctx.Err() != nil:
		result.Verdict, result.Reason = Failed, fmt.Sprintf("no time to verify: %v", b.err)
	case b.err != nil:
		result.Verdict, result.Reason = Wrong, "answer takes too much work to compare"
	case equal && c.echoes(t.problem.Question, reference, text):
		result.Verdict, result.Reason = Wrong, "repeats the question"
	default:
		return result.decided(equal, reference)
	}
	return result
}

// decided returns r as right, or as wrong with the reason.
func (r Result) decided(equal bool, reference string) Result {
	if equal {
		r.Verdict = Right
		return r
	}
	r.Verdict, r.Reason = Wrong, "differs from the reference answer "+strconv.Quote(reference)
	return r
}

// decide compares two clean answers by the first way that applies.
func (c *comparer) decide(reference, text string) (equal bool, method string) {
	if same, isOption := sameOption(reference, text); same {
		return true, methodText
	} else if isOption && len(text) > 1 && !strings.HasPrefix(text, `\`) && reference[0] >= 'A' && reference[0] <= 'Z' {
		return false, methodText
	}
	if same, decided := sameTime(reference, text); decided {
		return same, methodText
	}
	want := read(reference, true, c.budget)
	got := read(text, true, c.budget)
	c.answer = got.formula
	if want.formula != nil && got.formula != nil {
		c.canonicalText = c.render(got.formula)
		if c.equal(want.formula, got.formula) {
			return true, c.method(want.formula)
		}
		if spelling(reference) == spelling(text) && !want.formula.isScalar() {
			return true, methodText
		}
		return c.withoutThousands(want, got), c.method(want.formula)
	}
	if c.budget.err != nil {
		return false, methodText
	}
	if got.formula == nil {
		c.canonicalText = foldText(text)
	}
	return foldText(reference) == foldText(text), methodText
}

func (c *comparer) method(reference *node) string {
	if reference.isScalar() {
		return methodExact
	}
	return methodStructure
}

// withoutThousands compares once more with commas that only separate, if one of
// the answers is a list for sure: "100, 200" against "100,200".
func (c *comparer) withoutThousands(want, got answer) bool {
	if want.formula.op != opList && got.formula.op != opList || !strings.Contains(want.text, ",") || !strings.Contains(got.text, ",") {
		return false
	}
	want, got = read(want.text, false, c.budget), read(got.text, false, c.budget)
	return want.formula != nil && got.formula != nil && !hasGroup(want.formula) && !hasGroup(got.formula) && c.equal(want.formula, got.formula)
}

// hasGroup reports whether a list has an element such as 000, which is a group of
// digits and no number.
func hasGroup(n *node) bool {
	return n.op == opList && slices.ContainsFunc(n.args, func(a *node) bool {
		return a.op == opNum && len(a.name) > 1 && a.name[0] == '0' && isDigit(a.name[1])
	})
}

// maxShown bounds the terms of a canonical form that is reported.
const maxShown = 64

// render writes the canonical form of a formula.
func (c *comparer) render(n *node) string {
	if n.isScalar() && n.op != opBased {
		value, unit := cutUnit(n)
		f, err := c.algebra.canonical(value)
		if err != nil || len(f.numerator)+len(f.denominator) > maxShown {
			return ""
		}
		return strings.TrimSpace(c.algebra.key(f) + " " + unit)
	}
	parts := make([]string, min(len(n.args), maxItems))
	for i := range parts {
		parts[i] = c.render(n.args[i])
	}
	switch {
	case n.op == opBased:
		return n.name + "_" + n.num.RatString()
	case n.op == opRelation:
		return strings.Join(parts, " "+n.ops[0]+" ")
	case n.op == opTuple && len(n.name) == 2:
		return n.name[:1] + strings.Join(parts, ", ") + n.name[1:]
	case n.op == opSet:
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return strings.Join(parts, ", ")
}

// echoes reports whether an answer is a formula that the question has in it and
// the reference answer is not: nothing was worked out.
func (c *comparer) echoes(question, reference, text string) bool {
	if question == "" || c.answer == nil || !c.answer.isScalar() || c.answer.op != opBased && isLiteral(c.answer) {
		return false
	}
	asked := strings.Join(strings.Fields(question), "")
	return strings.Contains(asked, strings.Join(strings.Fields(text), "")) && !strings.Contains(asked, strings.Join(strings.Fields(reference), ""))
}

// isLiteral reports whether n is a number, a fraction of numbers or a variable,
// with a sign or a unit.
func isLiteral(n *node) bool {
	switch n.op {
	case opNum, opSym, opBased:
		return true
	case opMul:
		for _, a := range n.args {
			if a.op != opNum && !(a.op == opPow && a.args[0].op == opNum && a.args[1] == minusOne) && a.op != opSym {
				return false
			}
		}
		return true
	case opUnit, opPercent:
		return isLiteral(n.args[0])
	}
	return false
}
