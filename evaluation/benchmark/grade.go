package benchmark

import (
	"context"
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"github.com/octorl/octorl/reward"
	"github.com/octorl/octorl/rollout/trajectory"
)

// Grading names a way of judging completions.
type Grading string

const (
	// GradingPublished looks for the answer where the benchmark's Extract says and
	// compares by value, then within the benchmark's tolerances: as published few-shot
	// results are made.
	GradingPublished Grading = "published"
	// GradingStrict looks in the same place and compares by value only.
	GradingStrict Grading = "strict"
	// GradingBoxed takes the last \boxed{…} and compares by value only: as policies
	// that were trained with verified rewards are measured.
	GradingBoxed Grading = "boxed"
)

// Verifier returns what judges completions of the benchmark's problems. It returns
// an error that lists the gradings when g is none of them.
func (s *Spec) Verifier(g Grading) (reward.Verifier, error) {
	from, err := reward.ParseExtraction(s.Extract)
	if err != nil {
		return nil, err
	}
	switch g {
	case GradingBoxed:
		return reward.MathVerifier{}, nil
	case GradingStrict:
		return s.exact(from), nil
	case GradingPublished:
		inner := s.exact(from)
		if s.choice() || s.Tolerance == 0 && s.Relative == 0 && !s.Percent {
			return inner, nil
		}
		return tolerant{inner: inner, absolute: ratOf(s.Tolerance), relative: ratOf(s.Relative), percent: s.Percent}, nil
	}
	return nil, fmt.Errorf("grading %q: want %s, %s or %s", g, GradingPublished, GradingStrict, GradingBoxed)
}

// exact compares by value what it finds where the benchmark has its answers.
func (s *Spec) exact(from reward.Extraction) reward.Verifier {
	if s.FinalFirst {
		return finalFirst{reward.MathVerifier{From: from}}
	}
	return reward.MathVerifier{From: from}
}

// finalFirst looks for a final answer, and only where there is none elsewhere.
type finalFirst struct{ otherwise reward.MathVerifier }

var finalForm = regexp.MustCompile(`(?i)final answer(?: is\b|\s*:)`)

// Verify implements reward.Verifier.
func (f finalFirst) Verify(ctx context.Context, problem trajectory.Problem, completion string) reward.Result {
	if finalForm.MatchString(completion) {
		return reward.MathVerifier{From: reward.FromFinalAnswer}.Verify(ctx, problem, completion)
	}
	return f.otherwise.Verify(ctx, problem, completion)
}

func ratOf(x float64) *big.Rat { return new(big.Rat).SetFloat64(x) }

// tolerant calls an answer right that is a number close to the reference answer,
// where the exact comparison does not.
type tolerant struct {
	inner              reward.Verifier
	absolute, relative *big.Rat
	percent            bool
}

// Verify implements reward.Verifier.
func (t tolerant) Verify(ctx context.Context, problem trajectory.Problem, completion string) reward.Result {
	r := t.inner.Verify(ctx, problem, completion)
	if r.Verdict != reward.Wrong {
		return r
	}
	got, ok := number(r.Extracted)
	want, known := number(problem.Answer)
	if ok && known && t.close(got, want) {
		r.Verdict, r.Method, r.Reason = reward.Right, "tolerance", ""
	}
	return r
}

// close reports whether got is within the tolerances of want, or with percent of
// its hundredth or hundredfold.
func (t tolerant) close(got, want *big.Rat) bool {
	wants := []*big.Rat{want}
	if t.percent {
		hundred := big.NewRat(100, 1)
		wants = append(wants, new(big.Rat).Mul(want, hundred), new(big.Rat).Quo(want, hundred))
	}
	for _, w := range wants {
		limit := new(big.Rat).Mul(new(big.Rat).Abs(w), t.relative)
		if limit.Cmp(t.absolute) < 0 {
			limit = t.absolute
		}
		// Beside the published strict inequality, equality counts, so that a zero
		// tolerance compares hundredths exactly.
		if new(big.Rat).Abs(new(big.Rat).Sub(got, w)).Cmp(limit) <= 0 {
			return true
		}
	}
	return false
}

// decimalForm bounds what a number may cost to read.
var decimalForm = regexp.MustCompile(`^[-+]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][-+]?\d{1,3})?$`)

// plainNumber removes what may stand around and in a number.
var plainNumber = strings.NewReplacer("$", "", `\$`, "", ",", "", " ", "", `\%`, "", "%", "", `\!`, "")

// number reads a decimal number.
func number(t string) (*big.Rat, bool) {
	t = strings.TrimSuffix(plainNumber.Replace(t), ".")
	if !decimalForm.MatchString(t) {
		return nil, false
	}
	return new(big.Rat).SetString(t)
}
