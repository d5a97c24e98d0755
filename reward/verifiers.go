package reward

import (
	"context"
	"fmt"
	"math/big"
	"strings"

	"github.com/octorl/octorl/rollout/trajectory"
)

// verifiers are those that need nothing but a name.
var verifiers = map[string]Verifier{
	"strict":      MathVerifier{},
	"octothinker": OctoThinkerVerifier{},
	"exact":       ExactVerifier{},
	"numeric":     MathVerifier{From: FromLastNumber},
	"choice":      MathVerifier{From: FromChoice},
	"countdown":   CountdownVerifier{},
}

// Named returns the verifier of a mode: strict, octothinker, exact, numeric (the
// last number), choice (the last option letter) or countdown.
func Named(mode string) (Verifier, error) {
	v, ok := verifiers[mode]
	if !ok {
		return nil, fmt.Errorf("verifier %q: want strict, octothinker, exact, numeric, choice or countdown", mode)
	}
	return v, nil
}

// ExactVerifier compares the whole completion with the reference answer, but for
// white space around them.
type ExactVerifier struct{}

// Verify implements Verifier.
func (ExactVerifier) Verify(ctx context.Context, problem trajectory.Problem, completion string) Result {
	return guard(ctx, func() Result {
		text, reference := strings.TrimSpace(completion), strings.TrimSpace(problem.Answer)
		switch {
		case reference == "":
			return Result{Verdict: Failed, Reason: "reference answer is empty"}
		case text == "":
			return Result{Verdict: Unparsable, Reason: "completion is empty"}
		}
		return Result{Extracted: text, Canonical: text, Method: methodText}.decided(text == reference, reference)
	})
}

// CountdownVerifier judges the game Countdown: the answer in the last \boxed{…}
// is a formula that makes the target from the numbers given, each used exactly
// once, by addition, subtraction, multiplication and division. The reference
// answer names both: "24 from 3 8 8 3". The formula may be an equation that ends
// in the target.
type CountdownVerifier struct{}

// Verify implements Verifier.
func (CountdownVerifier) Verify(ctx context.Context, problem trajectory.Problem, completion string) Result {
	return guard(ctx, func() Result {
		target, numbers, err := readCountdown(problem.Answer)
		if err != nil {
			return Result{Verdict: Failed, Reason: err.Error()}
		}
		text, ok := ExtractBoxed(completion)
		if !ok || len(text) > maxAnswerBytes {
			return Result{Verdict: Unparsable, Reason: "no formula of reasonable length in a box that closes"}
		}
		return playCountdown(newBudget(ctx), text, target, numbers)
	})
}

// readCountdown reads "24 from 3 8 8 3".
func readCountdown(answer string) (target *big.Rat, numbers []*big.Rat, err error) {
	goal, given, _ := strings.Cut(answer, "from")
	for _, field := range append([]string{strings.TrimSpace(goal)}, strings.FieldsFunc(given, func(r rune) bool { return r == ' ' || r == ',' })...) {
		if !isDigits(field) || field == "" || len(field) > 18 {
			return nil, nil, fmt.Errorf(`reference answer %q: want a target and numbers, as "24 from 3 8 8 3"`, answer)
		}
		numbers = append(numbers, ratOf(field))
	}
	if len(numbers) < 2 {
		return nil, nil, fmt.Errorf(`reference answer %q has no numbers: want them as "24 from 3 8 8 3"`, answer)
	}
	return numbers[0], numbers[1:], nil
}

func playCountdown(b *budget, text string, target *big.Rat, numbers []*big.Rat) Result {
	result := Result{Verdict: Unparsable, Extracted: text, Method: methodExact}
	formula, err := parse(clean(text), false, b)
	if err == nil && formula.op == opRelation && len(formula.ops) == 1 && formula.ops[0] == "=" {
		if goal := formula.args[1]; goal.op != opNum || goal.num.Cmp(target) != 0 {
			result.Verdict, result.Reason = Wrong, "ends in another value than "+target.RatString()
			return result
		}
		formula = formula.args[0]
	}
	var used []*big.Rat
	if err != nil || !usedNumbers(formula, &used) {
		result.Reason = "no formula of numbers, +, -, * and /"
		return result
	}
	value, err := newAlgebra(b).canonical(formula)
	v, ok := value.value()
	if err == nil && ok {
		result.Canonical = v.RatString()
	}
	switch {
	case !sameNumbers(used, numbers):
		result.Verdict, result.Reason = Wrong, "does not use each number once"
	case err != nil || !ok || v.Cmp(target) != 0:
		result.Verdict, result.Reason = Wrong, "does not make "+target.RatString()
	default:
		result.Verdict = Right
	}
	return result
}

// usedNumbers collects the numbers of a formula, and reports whether it has
// nothing but them and the four operations.
func usedNumbers(n *node, used *[]*big.Rat) bool {
	switch n.op {
	case opNum:
		if n != minusOne {
			*used = append(*used, new(big.Rat).Abs(n.num))
		}
		return true
	case opAdd, opMul:
		for _, a := range n.args {
			if !usedNumbers(a, used) {
				return false
			}
		}
		return true
	case opPow:
		return n.args[1] == minusOne && usedNumbers(n.args[0], used)
	}
	return false
}

// sameNumbers compares without order.
func sameNumbers(used, given []*big.Rat) bool {
	if len(used) != len(given) {
		return false
	}
	left := append([]*big.Rat{}, given...)
	for _, u := range used {
		at := -1
		for i, g := range left {
			if g != nil && g.Cmp(u) == 0 {
				at = i
			}
		}
		if at < 0 {
			return false
		}
		left[at] = nil
	}
	return true
}
