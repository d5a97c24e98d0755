package reward

import (
	"math/big"
	"slices"
	"strings"
)

// sameRelation compares where at least one side is an equation, an inequality or
// a membership.
func (c *comparer) sameRelation(reference, answer *node) bool {
	reference, answer = member(reference), member(answer)
	if reference.op != opRelation && answer.op != opRelation {
		return c.equal(reference, answer)
	}
	if reference.op == opRelation && answer.op == opRelation {
		return c.sameRelations(reference, answer)
	}
	relation, value, answerRelates := reference, answer, false
	if answer.op == opRelation {
		relation, value, answerRelates = answer, reference, true
	}
	if isMany(value) {
		if set := items(value); len(set) == 1 {
			value = set[0]
		}
	}
	if interval, ok := c.interval(relation); ok && !value.isScalar() {
		return c.equal(interval, value)
	}
	result, ok := c.result(relation)
	if !ok {
		return false
	}
	if answerRelates {
		return c.equal(value, result)
	}
	return c.equal(result, value)
}

// member returns S of x ∈ S.
func member(n *node) *node {
	if n.op == opRelation && len(n.ops) == 1 && n.ops[0] == "in" {
		return n.args[1]
	}
	return n
}

// cutName splits an equation for a name, such as x=5 or f(x)=5.
func cutName(n *node) (name string, value *node, ok bool) {
	if n.op != opRelation || len(n.ops) != 1 || n.ops[0] != "=" {
		return "", nil, false
	}
	name, ok = nameOf(n.args[0])
	return name, n.args[1], ok
}

// nameOf writes what may stand left of an equation that defines it: a variable,
// a function of variables, or variables side by side, as in AB or \angle A.
func nameOf(n *node) (string, bool) {
	switch n.op {
	case opSym:
		return n.name, true
	case opFunc:
		if n.name == "abs" {
			return lengthOf(n.args[0])
		}
		var b strings.Builder
		b.WriteString(n.name)
		for _, a := range n.args {
			name, ok := nameOf(a)
			if !ok && a.op != opNum {
				return "", false
			}
			b.WriteString("," + name + a.name)
		}
		letter := len(strings.TrimRight(strings.TrimSuffix(n.name, "^-1"), "'")) == 1
		return b.String(), letter || angleFunctions[n.name] && len(n.args) == 1 && isVariable(n.args[0])
	case opPow:
		if n.args[1] == minusOne && n.args[0].op != opNum {
			name, ok := nameOf(n.args[0])
			return "1/" + name, ok // below another name, as in AB/BC
		}
	case opMul, opTuple, opRatio:
		if derivative, ok := derivativeOf(n); ok {
			return derivative, true
		}
		var b strings.Builder
		for _, a := range n.args {
			name, ok := nameOf(a)
			if !ok {
				return "", false
			}
			b.WriteString(name + " ")
		}
		return b.String(), true
	}
	return "", false
}

// angleFunctions are what an angle is known by: cos A = 1/2.
var angleFunctions = set("sin", "cos", "tan", "cot")

// derivativeOf writes dy/dx.
func derivativeOf(n *node) (string, bool) {
	if n.op != opMul || len(n.args) != 2 || n.args[1].op != opPow || n.args[1].args[1] != minusOne {
		return "", false
	}
	above, below := n.args[0], n.args[1].args[0]
	for _, d := range []*node{above, below} {
		if d.op != opMul || len(d.args) != 2 || d.args[0].op != opSym || d.args[0].name != "d" || d.args[1].op != opSym {
			return "", false
		}
	}
	return "d" + above.args[1].name + "/d" + below.args[1].name, true
}

// lengthOf writes the name of a segment between bars, as in |AB|.
func lengthOf(n *node) (string, bool) {
	if n.op != opMul || len(n.args) != 2 {
		return "", false
	}
	for _, a := range n.args {
		if a.op != opSym || a.name < "A" || a.name > "Z" {
			return "", false
		}
	}
	return nameOf(n)
}

// result returns the value that a chain of equations ends in, such as 4 of
// x=2+2=4: all members but a name on the left must be equal. A last member
// behind ≈ must be near.
func (c *comparer) result(n *node) (*node, bool) {
	args, ops := n.args, n.ops
	if _, named := nameOf(args[0]); ops[len(ops)-1] == "~" && (len(ops) > 1 || !named) {
		args, ops = args[:len(args)-1], ops[:len(ops)-1]
		if !c.near(args[len(args)-1], n.args[len(n.args)-1]) {
			return nil, false
		}
	}
	for _, o := range ops {
		if o != "=" && (o != "~" || len(n.ops) > 1) {
			return nil, false
		}
	}
	if _, named := nameOf(args[0]); named {
		args = args[1:]
	} else if !slices.ContainsFunc(args, func(a *node) bool { return a.op != opNum || a.name != args[0].name }) {
		return nil, false // 4=4 says nothing
	}
	last := args[len(args)-1]
	for _, a := range args[:len(args)-1] {
		if !c.equal(last, a) {
			return nil, false
		}
	}
	return last, true
}

// near reports whether two numbers differ by less than a hundredth.
func (c *comparer) near(x, y *node) bool {
	p := point{budget: c.budget}
	if !x.isScalar() || !y.isScalar() || x.contains(isVariable) || y.contains(isVariable) {
		return false
	}
	a, okA := p.evaluate(x)
	b, okB := p.evaluate(y)
	if !okA || !okB {
		return false
	}
	difference := newFloat().Abs(sub(a.re, b.re))
	return difference.Cmp(times(newFloat().Abs(a.re), newFloat().SetFloat64(0.01))) <= 0
}

// sameRelations compares two relations: name by name and value by value, or
// each side minus the other up to a factor.
func (c *comparer) sameRelations(reference, answer *node) bool {
	reference, answer = bounded(reference), bounded(answer)
	wantName, want, okWant := cutName(reference)
	gotName, got, okGot := cutName(answer)
	if okWant && okGot && (wantName == gotName || isValueOf(wantName, gotName) || isValueOf(gotName, wantName)) {
		return c.equal(want, got)
	}
	if name := unknownOf(reference); name != "" && name == unknownOf(answer) && len(reference.ops)+len(answer.ops) <= 3 {
		if want, ok := c.interval(reference); ok {
			if got, ok := c.interval(answer); ok {
				return c.equal(want, got)
			}
		}
	}
	if len(reference.ops) != len(answer.ops) {
		return c.sameResults(reference, answer)
	}
	if len(reference.ops) > 1 {
		return c.sameChain(reference, answer)
	}
	return c.sameDifference(reference, answer)
}

// isValueOf reports whether f names a function of one variable, as f(x) is named
// f,xx, and y is y.
func isValueOf(f, y string) bool {
	letter, of, ok := strings.Cut(f, ",")
	return ok && y == "y" && isFunctionLetter(letter) && len(of) == 2
}

// bounded drops what a chain says of infinity: 4<x<∞ is 4<x.
func bounded(n *node) *node {
	if len(n.ops) != 2 {
		return n
	}
	low, high := n.args[0], n.args[2]
	if strings.HasPrefix(n.ops[0], ">") {
		low, high = high, low
	}
	switch {
	case high.op == opSym && high.name == "infty" && low == n.args[0], isNegativeInfinity(low) && low == n.args[2]:
		return &node{op: opRelation, args: n.args[:2], ops: n.ops[:1]}
	case high.op == opSym && high.name == "infty", isNegativeInfinity(low):
		return &node{op: opRelation, args: n.args[1:], ops: n.ops[1:]}
	}
	return n
}

func isNegativeInfinity(n *node) bool {
	return n.op == opMul && len(n.args) == 2 && n.args[0] == minusOne && n.args[1].op == opSym && n.args[1].name == "infty"
}

// unknownOf returns the one variable of an inequality.
func unknownOf(n *node) string {
	name, several := "", n.ops[0] == "="
	n.contains(func(n *node) bool {
		if isVariable(n) && n.name != "infty" {
			several = several || name != "" && name != n.name
			name = n.name
		}
		return several
	})
	if several {
		return ""
	}
	return name
}

// sameResults compares chains of equations of different lengths by their values.
func (c *comparer) sameResults(reference, answer *node) bool {
	wantName, wantNamed := nameOf(reference.args[0])
	gotName, gotNamed := nameOf(answer.args[0])
	if wantNamed && gotNamed && wantName != gotName {
		return false
	}
	want, okWant := c.result(reference)
	got, okGot := c.result(answer)
	return okWant && okGot && want.op != opRelation && got.op != opRelation && c.equal(want, got)
}

// sameChain compares a<b<c with itself or c>b>a.
func (c *comparer) sameChain(reference, answer *node) bool {
	if len(reference.args) > maxItems {
		return false
	}
	forward, backward := true, true
	n := len(reference.ops)
	for i, o := range reference.ops {
		forward = forward && o == answer.ops[i]
		backward = backward && o == mirrored[answer.ops[n-1-i]]
	}
	for i, a := range reference.args {
		forward = forward && c.equal(a, answer.args[i])
		backward = backward && c.equal(a, answer.args[n-i])
	}
	return forward || backward
}

// mirrored are the relations read from right to left.
var mirrored = map[string]string{"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!=", "~": "~", "in": "in"}

// sameDifference compares L−R of both: equations up to a factor that is not 0,
// inequalities, turned to < or ≤, up to a positive one.
func (c *comparer) sameDifference(reference, answer *node) bool {
	want, wantOp, okWant := c.difference(reference)
	got, gotOp, okGot := c.difference(answer)
	if !okWant || !okGot || wantOp != gotOp || len(want) == 0 || len(want) != len(got) {
		return false
	}
	// Terms are in the order of their atoms, which both share.
	factor := new(big.Rat).Quo(want[0].coefficient, got[0].coefficient)
	if factor.Sign() < 0 && wantOp != "=" && wantOp != "!=" {
		return false
	}
	rest, err := c.algebra.add(want, got, new(big.Rat).Neg(factor))
	return err == nil && len(rest) == 0
}

// difference returns the numerator of L−R. That of an inequality must be no
// fraction, since the sign of a denominator is not known.
func (c *comparer) difference(n *node) (polynomial, string, bool) {
	o := n.ops[0]
	left, right := n.args[0], n.args[1]
	if o == ">" || o == ">=" {
		o, left, right = mirrored[o], right, left
	}
	if !left.isScalar() || !right.isScalar() || o == "~" {
		return nil, o, false
	}
	f, err := c.algebra.canonical(newSum(left, negative(right)))
	if err != nil || o != "=" && len(f.denominator) > 1 {
		return nil, o, false
	}
	if o == "=" {
		p, err := c.algebra.withoutQuotients(f.numerator)
		return p, o, err == nil
	}
	return f.numerator, o, true
}

// conjunction returns the chain a<x<b of the list x>a and x<b.
func conjunction(n *node) *node {
	if n.op != opList || n.name != "and" || len(n.args) != 2 {
		return n
	}
	var low, high *node
	var lowOp, highOp, name string
	for _, a := range n.args {
		if a.op != opRelation || len(a.ops) != 1 {
			return n
		}
		x, o, bound := a.args[0], a.ops[0], a.args[1]
		if x.op != opSym {
			x, o, bound = a.args[1], mirrored[o], a.args[0]
		}
		if x.op != opSym || name != "" && x.name != name {
			return n
		}
		name = x.name
		switch o {
		case ">", ">=":
			low, lowOp = bound, mirrored[o]
		case "<", "<=":
			high, highOp = bound, o
		}
	}
	if low == nil || high == nil {
		return n
	}
	return &node{op: opRelation, args: []*node{low, {op: opSym, name: name}, high}, ops: []string{lowOp, highOp}}
}

// interval returns the interval that a condition on one name describes, such as
// (0,1] of 0<x≤1 or (5,∞) of x>5, and the union of two for x≠5.
func (c *comparer) interval(n *node) (*node, bool) {
	infinity := &node{op: opSym, name: "infty"}
	args, ops := n.args, n.ops
	if len(ops) == 1 {
		_, isDistance := distance(args[1])
		if _, ok := nameOf(args[1]); ok || isDistance {
			args, ops = []*node{args[1], args[0]}, []string{mirrored[ops[0]]}
		}
		if around, ok := distance(args[0]); ok {
			return c.within(around, ops[0], args[1])
		}
		if _, ok := nameOf(args[0]); !ok {
			return nil, false
		}
		switch ops[0] {
		case "<", "<=":
			return newInterval(negative(infinity), "<", args[1], ops[0]), true
		case ">", ">=":
			return newInterval(args[1], mirrored[ops[0]], infinity, "<"), true
		case "!=":
			return &node{op: opUnion, args: []*node{newInterval(negative(infinity), "<", args[1], "<"), newInterval(args[1], "<", infinity, "<")}}, true
		}
		return nil, false
	}
	if len(ops) != 2 {
		return nil, false
	}
	if _, ok := nameOf(args[1]); !ok {
		return nil, false
	}
	if ops[0] == ">" || ops[0] == ">=" {
		args, ops = []*node{args[2], args[1], args[0]}, []string{mirrored[ops[1]], mirrored[ops[0]]}
	}
	if !strings.HasPrefix(ops[0], "<") || !strings.HasPrefix(ops[1], "<") {
		return nil, false
	}
	return newInterval(args[0], ops[0], args[2], ops[1]), true
}

// distance returns a of |x−a|, and 0 of |x|.
func distance(n *node) (around *node, ok bool) {
	if n.op != opFunc || n.name != "abs" {
		return nil, false
	}
	switch inner := n.args[0]; {
	case inner.op == opSym:
		return zeroNode, true
	case inner.op == opAdd && len(inner.args) == 2 && inner.args[0].op == opSym && inner.args[1].op == opNum:
		return negative(inner.args[1]), true
	case inner.op == opAdd && len(inner.args) == 2 && inner.args[0].op == opNum && inner.args[1].op == opMul:
		if m := inner.args[1]; len(m.args) == 2 && m.args[0] == minusOne && m.args[1].op == opSym {
			return inner.args[0], true // |3−x|
		}
	}
	return nil, false
}

// within returns the interval of |x−a| < r, or the union of two for |x−a| > r, where
// r is a positive number.
func (c *comparer) within(around *node, relation string, radius *node) (*node, bool) {
	if radius.op != opNum || radius.num.Sign() <= 0 {
		return nil, false
	}
	infinity := &node{op: opSym, name: "infty"}
	low, high := newSum(around, negative(radius)), newSum(around, radius)
	switch relation {
	case "<", "<=":
		return newInterval(low, relation, high, relation), true
	case ">", ">=":
		closed := mirrored[relation]
		return &node{op: opUnion, args: []*node{newInterval(negative(infinity), "<", low, closed), newInterval(high, closed, infinity, "<")}}, true
	}
	return nil, false
}

func newInterval(low *node, lowOp string, high *node, highOp string) *node {
	name := []byte("()")
	if lowOp == "<=" {
		name[0] = '['
	}
	if highOp == "<=" {
		name[1] = ']'
	}
	return &node{op: opTuple, name: string(name), args: []*node{low, high}}
}
