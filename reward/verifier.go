package reward

import (
	"context"
	"fmt"

	"github.com/octorl/octorl/rollout/trajectory"
)

// maxAnswerBytes bounds an answer before anything is computed from it. All that
// follows is at most quadratic, so a verification stays within milliseconds.
const maxAnswerBytes = 4096

// Verifier judges a completion of a problem. Verify may be called concurrently,
// returns soon after ctx ends, and does not panic: what goes wrong within it
// becomes the verdict Failed.
type Verifier interface {
	Verify(ctx context.Context, problem trajectory.Problem, completion string) Result
}

// MathVerifier compares what is in the last \boxed{…} of a completion with the
// reference answer: exactly as rational numbers where both are numbers, else as
// strings after normalization of notation. A completion without a box, or with
// an empty or oversized one, is Unparsable. The reference answer may be boxed
// itself; one that is empty or oversized gives Failed.
type MathVerifier struct{}

// Verify implements Verifier. It gives Failed without looking when ctx has ended.
func (MathVerifier) Verify(ctx context.Context, problem trajectory.Problem, completion string) Result {
	return guard(ctx, func() Result { return judge(problem.Answer, completion) })
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

func judge(reference, completion string) Result {
	if boxed, ok := ExtractBoxed(reference); ok {
		reference = boxed
	}
	if fault := unusable(reference); fault != "" {
		return Result{Verdict: Failed, Reason: "reference answer " + fault}
	}
	answer, ok := ExtractBoxed(completion)
	if !ok {
		return Result{Verdict: Unparsable, Reason: `no \boxed{…} that closes`}
	}
	if fault := unusable(answer); fault != "" {
		return Result{Verdict: Unparsable, Extracted: answer, Reason: "answer " + fault}
	}
	if !equivalent(normalize(reference), normalize(answer)) {
		return Result{Verdict: Wrong, Extracted: answer, Reason: fmt.Sprintf("differs from the reference answer %q", reference)}
	}
	return Result{Verdict: Right, Extracted: answer}
}

// unusable says what keeps an answer from being compared, or nothing.
func unusable(answer string) string {
	switch {
	case len(answer) > maxAnswerBytes:
		return fmt.Sprintf("of %d bytes is over the limit of %d", len(answer), maxAnswerBytes)
	case normalize(answer) == "":
		return "is empty"
	}
	return ""
}
