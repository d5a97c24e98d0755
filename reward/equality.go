package reward

import (
	"errors"
	"math/big"
	"strings"
)

const (
	pointsNeeded   = 5  // points at which two expressions must agree
	integersNeeded = 8  // the same for whole numbers, of which there are few
	piecesNeeded   = 16 // the same for functions that have pieces, such as |x|
	pointsTried    = 40
)

// Methods that decided a verdict.
const (
	methodText      = "text"
	methodExact     = "exact"
	methodNumeric   = "numeric"
	methodStructure = "structure"
)

// comparer decides whether two answers are equal within one budget.
type comparer struct {
	algebra   *algebra
	budget    *budget
	numeric   bool // an evaluation took part in the decision
	published bool // compare as OctoThinker's reward does

	answer        *node  // the answer, nil for a text
	canonicalText string // of the answer
}

func newComparer(b *budget) *comparer {
	return &comparer{algebra: newAlgebra(b), budget: b}
}

// sameValue reports whether two expressions are equal: by canonical form, and
// where that does not decide by evaluation at random points; docs/algorithm.md
// says how likely it is that expressions that differ pass for equal.
//
// What is computed from infinity, but for its sign, has no value.
func (c *comparer) sameValue(x, y *node) bool {
	if hasNoLimit(x) || hasNoLimit(y) {
		return false
	}
	fx, errX := c.algebra.canonical(x)
	fy, errY := c.algebra.canonical(y)
	if errors.Is(errX, errUndefined) || errors.Is(errY, errUndefined) {
		return false
	}
	if errX == nil && errY == nil {
		equal, certain, err := c.algebra.same(fx, fy)
		if err == nil && (equal || certain) {
			return equal && (!isNumber(fy, nil) || c.hasValue(y))
		}
	}
	if c.budget.err != nil {
		return false
	}
	if errX == nil != (errY == nil) && (isNumber(fx, errX) || isNumber(fy, errY)) {
		return false // a number that can be written is not one that cannot
	}
	return c.sameAtPoints(x, y)
}

// hasNoLimit reports whether n is computed from infinity, such as ∞−∞.
func hasNoLimit(n *node) bool {
	if n.op == opMul && len(n.args) == 2 && n.args[0] == minusOne {
		n = n.args[1]
	}
	return n.op != opSym && n.contains(func(n *node) bool { return n.op == opSym && n.name == "infty" })
}

// hasValue reports false for an expression such as tan 90°−tan 90°, of which
// cancels what has no value.
func (c *comparer) hasValue(n *node) bool {
	if n.contains(isVariable) || !n.contains(hasPoles) {
		return true
	}
	p := point{budget: c.budget, complex: true}
	_, ok := p.evaluate(n)
	return ok
}

func hasPoles(n *node) bool { return n.op == opFunc && poles[n.name] }

var poles = set("tan", "cot", "sec", "csc", "log")

func isNumber(f fraction, err error) bool {
	_, ok := f.value()
	return err == nil && ok
}

// sameAtPoints evaluates both expressions. Points at which either has no real
// value count as outside its domain, unless one names the imaginary unit.
func (c *comparer) sameAtPoints(x, y *node) bool {
	free := x.contains(isVariable) || y.contains(isVariable)
	imaginary := x.contains(isImaginary) || y.contains(isImaginary)
	p := point{budget: c.budget, complex: imaginary || !free}
	p.integers = x.contains(isDiscrete) || y.contains(isDiscrete)
	c.numeric = true
	if x.contains(isStepped) || y.contains(isStepped) {
		steps := p
		steps.integers = true
		if free && !c.agree(x, y, steps, integersNeeded, pointsTried) {
			return false
		}
	}
	needed, tried := 1, 1
	switch {
	case !free:
	case x.contains(isPieced) || y.contains(isPieced):
		needed, tried, p.wide = piecesNeeded, 2*pointsTried, true
	case p.integers:
		needed, tried = integersNeeded, pointsTried
	default:
		needed, tried = pointsNeeded, pointsTried
	}
	return c.agree(x, y, p, needed, tried)
}

// agree reports whether both expressions have the same values at as many points
// as needed.
func (c *comparer) agree(x, y *node, p point, needed, tried int) bool {
	for p.index = 1; p.index <= uint64(tried); p.index++ {
		a, okA := p.evaluate(x)
		b, okB := p.evaluate(y)
		if c.budget.err != nil {
			return false
		}
		if !okA || !okB {
			continue
		}
		switch compareNumbers(a, b) {
		case different:
			return false
		case unknown:
			continue
		}
		if needed--; needed == 0 {
			return true
		}
	}
	return false
}

// comparison of two numbers.
const (
	unknown   = iota
	different // for sure
	alike     // to agreement bits
)

// compareNumbers compares numbers that are known up to their errors. Numbers in
// which something is lost, or of which fewer than agreement bits are known, can
// differ for sure but not be alike.
func compareNumbers(a, b number) int {
	worst := max(a.err, b.err)
	scale := max(a.scale(), b.scale())
	difference := number{re: sub(a.re, b.re), im: sub(a.im, b.im)}
	switch known := worst <= scale-agreement || worst <= -agreement && scale <= worst+1; {
	case difference.scale() > max(worst, scale-precision)+2:
		return different
	case known && !a.lost && !b.lost:
		return alike
	}
	return unknown
}

func isVariable(n *node) bool {
	return n.op == opSym && n.name != "pi" && n.name != "e" && n.name != "i"
}

func isImaginary(n *node) bool { return n.op == opSym && n.name == "i" }

// isDiscrete finds what has values for whole numbers only: (−1)ⁿ also.
func isDiscrete(n *node) bool {
	if n.op == opPow && n.args[1].contains(isVariable) {
		base := n.args[0]
		return base.op == opNum && base.num.Sign() < 0 || base.op == opMul && base.args[0] == minusOne && !base.contains(isVariable)
	}
	return n.op == opFunc && strings.Contains("factorial binom gcd lcm", n.name)
}

// isStepped finds functions that jump at whole numbers.
func isStepped(n *node) bool { return n.op == opFunc && (n.name == "floor" || n.name == "ceil") }

// isPieced finds functions that are different ones in different places, as |x−3|
// and √((x−3)²) are.
func isPieced(n *node) bool {
	switch n.op {
	case opPow:
		return n.args[0].op != opSym && n.args[1].op == opNum && !n.args[1].num.IsInt() && n.args[0].contains(isVariable)
	case opFunc:
		return pieced[n.name]
	}
	return false
}

var pieced = set("abs", "floor", "ceil", "max", "min")

// minRounded is how many digits a decimal reference needs to stand for a number
// that no decimal is: it is then wrong by less than a millionth.
const minRounded = 6

// rounds reports whether reference is a decimal of six digits or more and answer
// a number that cannot be written as a decimal and rounds to it. The answer may
// not be rounded: 0.333333 is not 1/3.
func (c *comparer) rounds(reference, answer *node) bool {
	whole, fraction, ok := strings.Cut(reference.name, ".")
	if reference.op != opNum || !ok || len(strings.TrimLeft(whole+fraction, "0")) < minRounded || strings.Trim(fraction, "0123456789") != "" {
		return false
	}
	if answer.contains(isVariable) || answer.contains(func(n *node) bool { return n.op == opNum && strings.Contains(n.name, ".") }) {
		return false
	}
	p := point{budget: c.budget}
	a, okA := p.evaluate(answer)
	b, okB := p.evaluate(reference)
	if !okA || !okB {
		return false
	}
	c.numeric = true
	half := newFloat().SetRat(new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Mul(big.NewInt(2), powerOfTen(len(fraction)))))
	return newFloat().Abs(sub(a.re, b.re)).Cmp(half) <= 0
}
