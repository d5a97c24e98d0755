package reward

import (
	"math/big"
	"slices"
	"strings"
)

// maxItems bounds the elements of a list, set or matrix that are compared.
const maxItems = 256

// equal reports whether an answer means what the reference means.
func (c *comparer) equal(reference, answer *node) bool {
	if c.budget.spend(1) != nil {
		return false
	}
	reference, answer = conjunction(asInterval(reference)), conjunction(asInterval(answer))
	if reference.op == opRelation || answer.op == opRelation {
		return c.sameRelation(reference, answer)
	}
	if isMany(reference) || isMany(answer) {
		return c.sameItems(reference, answer)
	}
	reference, answer = unnamed(reference, answer), unnamed(answer, reference)
	if reference.isScalar() && answer.isScalar() {
		return c.sameQuantity(reference, answer)
	}
	return c.sameStructure(reference, answer)
}

// unnamed returns the coordinates of a point such as P(3,4) where the other side
// has no name for it.
func unnamed(point, other *node) *node {
	if point.op == opFunc && isPointName(point.name) && len(point.args) > 1 && isVector(other) {
		return &node{op: opTuple, name: "()", args: point.args}
	}
	return point
}

// asInterval returns (−∞, ∞) for the set of real numbers.
func asInterval(n *node) *node {
	if n.op != opSym || n.name != "reals" {
		return n
	}
	infinity := &node{op: opSym, name: "infty"}
	return newInterval(negative(infinity), "<", infinity, "<")
}

// isMany reports whether n has several values: a list, a set, or an expression
// with ±.
func isMany(n *node) bool {
	return n.op == opList || n.op == opSet || isEmptySet(n) || n.contains(isPlusMinus)
}

func isEmptySet(n *node) bool { return n.op == opSym && n.name == "emptyset" }

// items returns the values of n.
func items(n *node) []*node {
	switch {
	case n.op == opList || n.op == opSet:
		var all []*node
		for _, a := range n.args {
			if a.op == opSet || isEmptySet(a) {
				all = append(all, a) // a set among others is one of them
				continue
			}
			all = append(all, items(a)...)
		}
		return all
	case isEmptySet(n):
		return nil
	case n.contains(isPlusMinus):
		return []*node{n.branch(true), n.branch(false)}
	}
	return []*node{n}
}

// sameItems compares in any order. Of a set, equal elements count once. Lists of
// equations for different names, such as x=1, y=2, match bare values in order.
func (c *comparer) sameItems(reference, answer *node) bool {
	if reference.op == opUnion || answer.op == opUnion {
		return c.sameStructure(c.asUnion(reference), c.asUnion(answer))
	}
	want, got := items(reference), items(answer)
	if isNamedTuple(reference, answer) {
		want, got = byName(want), answer.args
	} else if isNamedTuple(answer, reference) {
		want, got = reference.args, byName(got)
	}
	if len(want) > maxItems || len(got) > maxItems {
		return false
	}
	if reference.op == opSet || answer.op == opSet {
		want, got = c.distinct(want), c.distinct(got)
	}
	if len(want) != len(got) {
		return false
	}
	want, wantNames := cutNames(want)
	got, gotNames := cutNames(got)
	switch {
	case sameBase(wantNames, gotNames):
		return c.match(want, got) // x_1 and x_2 are both x
	case wantNames != nil && gotNames != nil && !slices.Equal(wantNames, gotNames):
		return c.sameNamed(want, wantNames, got, gotNames)
	case wantNames != nil && distinctNames(wantNames), gotNames != nil && distinctNames(gotNames):
		return c.inOrder(want, got)
	}
	return c.match(want, got)
}

// isNamedTuple reports whether one side is a list of equations for different
// names, such as x=1, y=2, and the other the tuple (1,2).
func isNamedTuple(list, tuple *node) bool {
	if list.op != opList || tuple.op != opTuple {
		return false
	}
	_, names := cutNames(list.args)
	return names != nil && distinctNames(names)
}

// byName returns equations for letters in the order of the alphabet, in which a
// tuple has their values, and others as they are.
func byName(equations []*node) []*node {
	_, names := cutNames(equations)
	if slices.ContainsFunc(names, func(name string) bool { return len(name) != 1 }) {
		return equations
	}
	return slices.SortedStableFunc(slices.Values(equations), func(a, b *node) int { return strings.Compare(a.args[0].name, b.args[0].name) })
}

// asUnion returns the union of the intervals that a list of conditions means.
func (c *comparer) asUnion(n *node) *node {
	if n.op != opList {
		return n
	}
	parts := make([]*node, 0, len(n.args))
	for _, a := range n.args {
		if s := member(a); s.op == opTuple {
			parts = append(parts, s)
			continue
		}
		if a.op != opRelation {
			return n
		}
		interval, ok := c.interval(a)
		if !ok {
			return n
		}
		parts = append(parts, interval)
	}
	return &node{op: opUnion, args: parts}
}

// match pairs every element of want with one of got.
func (c *comparer) match(want, got []*node) bool {
	used := make([]bool, len(got))
	for i, w := range want {
		at := -1
		if !used[i] && c.sameElement(w, got[i]) {
			at = i
		}
		for j := 0; at < 0 && j < len(got); j++ {
			if j != i && !used[j] && c.sameElement(w, got[j]) {
				at = j
			}
		}
		if at < 0 {
			return false
		}
		used[at] = true
	}
	return true
}

// sameElement compares elements: one that is a set is not its only element, as a
// whole answer is.
func (c *comparer) sameElement(want, got *node) bool {
	return (want.op == opSet) == (got.op == opSet) && c.equal(want, got)
}

func (c *comparer) inOrder(want, got []*node) bool {
	if len(want) != len(got) || len(want) > maxItems {
		return false
	}
	for i, w := range want {
		if !c.equal(w, got[i]) {
			return false
		}
	}
	return true
}

// distinct drops elements equal to earlier ones.
func (c *comparer) distinct(all []*node) []*node {
	var kept []*node
	for _, n := range all {
		if !slices.ContainsFunc(kept, func(k *node) bool { return c.equal(k, n) }) {
			kept = append(kept, n)
		}
	}
	return kept
}

// cutNames splits elements that are all equations for a name, or of which only
// the first is, as in n=1,2,3. It returns no names where that is not so.
func cutNames(all []*node) (values []*node, names []string) {
	if len(all) == 0 || all[0].op != opRelation {
		return all, nil
	}
	for i, n := range all {
		name, value, ok := cutName(n)
		if !ok && i > 0 && n.op != opRelation && (i == 1 || names[i-1] == names[0]) {
			name, value, ok = names[0], n, true
		}
		if !ok {
			return all, nil
		}
		values, names = append(values, value), append(names, name)
	}
	return values, names
}

// sameBase reports whether one side has the same name throughout, and the other
// that name with indices: x=1, x=2 and x_1=1, x_2=2.
func sameBase(want, got []string) bool {
	if len(want) < 2 || len(got) < 2 || distinctNames(want) == distinctNames(got) {
		return false
	}
	base := ""
	for i, name := range slices.Concat(want, got) {
		name, _, _ = strings.Cut(name, "_")
		if i > 0 && name != base {
			return false
		}
		base = name
	}
	return true
}

func distinctNames(names []string) bool {
	return len(names) > 1 && names[0] != names[1]
}

// sameNamed pairs values by their names.
func (c *comparer) sameNamed(want []*node, wantNames []string, got []*node, gotNames []string) bool {
	for i, name := range wantNames {
		j := slices.Index(gotNames, name)
		if j < 0 || !c.equal(want[i], got[j]) {
			return false
		}
		gotNames[j] = ""
	}
	return true
}

// sameStructure compares tuples, intervals, matrices, unions and ratios.
func (c *comparer) sameStructure(reference, answer *node) bool {
	if isVector(reference) && isVector(answer) && (reference.op != opMatrix || answer.op != opMatrix) {
		return brackets(reference) == brackets(answer) && c.inOrder(reference.args, answer.args)
	}
	if reference.op == opUnion || answer.op == opUnion {
		reference, answer = c.merged(reference), c.merged(answer)
		if isInterval(reference) && isInterval(answer) {
			return c.sameStructure(reference, answer)
		}
	}
	if reference.op != answer.op {
		return c.ratioAsFraction(reference, answer)
	}
	switch reference.op {
	case opMatrix:
		return reference.columns == answer.columns && c.inOrder(reference.args, answer.args)
	case opUnion:
		return len(reference.args) == len(answer.args) && len(reference.args) <= maxItems && c.match(reference.args, answer.args)
	case opRatio:
		return c.sameRatio(reference.args, answer.args)
	}
	return false
}

// isVector reports whether n is a tuple, or a matrix of one row or column, which
// may be written as one.
func isVector(n *node) bool {
	return n.op == opTuple || n.op == opMatrix && (n.columns == 1 || n.columns == len(n.args))
}

func brackets(n *node) string {
	if n.op == opMatrix {
		return "()"
	}
	return n.name
}

// sameRatio compares proportions: 2:4 is 1:2.
func (c *comparer) sameRatio(want, got []*node) bool {
	if len(want) != len(got) {
		return false
	}
	for i := 1; i < len(want); i++ {
		if !c.sameValue(newProduct(want[0], got[i]), newProduct(want[i], got[0])) {
			return false
		}
	}
	return c.sameValue(want[0], want[0]) && c.sameValue(got[0], got[0])
}

func (c *comparer) ratioAsFraction(reference, answer *node) bool {
	if reference.op != opRatio {
		reference, answer = answer, reference
	}
	if reference.op != opRatio || len(reference.args) != 2 || answer.op != opMul {
		return false
	}
	return c.sameValue(newProduct(reference.args[0], reciprocal(reference.args[1])), answer)
}

// sameQuantity compares expressions with units or percent signs.
func (c *comparer) sameQuantity(reference, answer *node) bool {
	if reference.op == opSym && answer.op == opSym && len(reference.name) == 1 && strings.EqualFold(reference.name, answer.name) {
		return true // option letters
	}
	if want, got, based := cutSigns(reference, answer); based {
		return want != nil && sameDigits(want, got)
	}
	want, wantUnit := cutUnit(reference)
	got, gotUnit := cutUnit(answer)
	if wantUnit != "" && gotUnit == "" {
		got, gotUnit = letterUnit(answer, wantUnit)
	}
	if c.published {
		wantUnit, gotUnit = "", ""
	}
	if wantUnit == "degree" && gotUnit == "" && got.contains(isPi) || gotUnit == "degree" && wantUnit == "" && want.contains(isPi) {
		return c.sameValue(reference, answer) // radians
	}
	factor, ok := sameUnit(wantUnit, gotUnit)
	if !ok {
		return false
	}
	if factor.Cmp(one[0].coefficient) != 0 {
		got = newProduct(&node{op: opNum, num: factor, name: "factor"}, got)
	}
	if want.op == opPercent || got.op == opPercent {
		if wantUnit+gotUnit != "" {
			return false // seven cartons are not seven percent
		}
		return c.samePercent(want, got)
	}
	return c.sameValue(want, got) || c.rounds(want, got) || c.published && c.sameRounded(want, got)
}

// cutSigns reports whether one of two quantities has a base, and returns both
// without their signs, or nil where these differ.
func cutSigns(reference, answer *node) (want, got *node, based bool) {
	want, minusWant := cutSign(reference)
	got, minusGot := cutSign(answer)
	if want.op != opBased && got.op != opBased {
		return nil, nil, false
	}
	if minusWant != minusGot {
		return nil, nil, true
	}
	return want, got, true
}

func cutSign(n *node) (*node, bool) {
	if n.op == opMul && len(n.args) == 2 && n.args[0] == minusOne {
		return n.args[1], true
	}
	if n.op == opNum && strings.HasPrefix(n.name, "-") {
		return &node{op: opNum, num: new(big.Rat).Neg(n.num), name: n.name[1:]}, true
	}
	return n, false
}

// sameDigits compares numbers with a base by value. The answer may leave its base
// out, as the question says it; the reference leaves out ten.
func sameDigits(reference, answer *node) bool {
	switch {
	case reference.op == opBased && answer.op == opBased:
		want, okWant := valueOfDigits(reference)
		got, okGot := valueOfDigits(answer)
		return reference.num.Cmp(answer.num) == 0 && reference.name == answer.name || okWant && okGot && want.Cmp(got) == 0
	case reference.op == opBased:
		return answer.op == opNum && reference.name == answer.name
	}
	got, ok := valueOfDigits(answer)
	return ok && reference.op == opNum && reference.num.IsInt() && reference.num.Num().Cmp(got) == 0
}

// valueOfDigits returns the value of a number with a base, if it has one: the base
// is a whole number from 2 to 10 and every digit is below it.
func valueOfDigits(n *node) (*big.Int, bool) {
	if !n.num.IsInt() || !n.num.Num().IsInt64() || n.num.Num().Int64() < 2 || n.num.Num().Int64() > 10 {
		return nil, false
	}
	return new(big.Int).SetString(n.name, int(n.num.Num().Int64()))
}

// cutUnit splits a quantity into its value and its unit.
func cutUnit(n *node) (value *node, unit string) {
	if n.op == opUnit {
		return n.args[0], n.name
	}
	if n.op == opMul && len(n.args) == 2 && n.args[0] == minusOne && n.args[1].op == opUnit {
		return negative(n.args[1].args[0]), n.args[1].name
	}
	return n, ""
}

func isPi(n *node) bool { return n.op == opSym && n.name == "pi" }

// letterUnit takes the letter behind a number as a unit, as in 2000 m or 10 m², if it is
// one of the same dimension as like.
func letterUnit(n *node, like string) (value *node, unit string) {
	if n.op != opMul || slices.ContainsFunc(n.args[:len(n.args)-1], func(a *node) bool { return a.contains(isVariable) }) {
		return n, ""
	}
	last := n.args[len(n.args)-1]
	name := last.name
	if p := last; p.op == opPow && p.args[0].op == opSym && p.args[1].op == opNum {
		name = p.args[0].name + "^" + p.args[1].name
	} else if p.op != opSym {
		return n, ""
	}
	of, known := unitOf(canonicalUnit(like))
	letter, isUnit := units[name]
	if !known || !isUnit || letter.dimension != of.dimension {
		return n, ""
	}
	return product(n.args[:len(n.args)-1]), name
}

// samePercent compares where at least one side has a percent sign, which may
// be left out, as in 20 for 20%, but for numbers below 1.
func (c *comparer) samePercent(want, got *node) bool {
	if c.sameValue(want, got) {
		return true
	}
	if want.op == opPercent && got.op == opPercent {
		return false
	}
	bare, percent := want, got
	if want.op == opPercent {
		bare, percent = got, want
	}
	f, err := c.algebra.canonical(bare)
	if v, ok := f.value(); err != nil || !ok || new(big.Rat).Abs(v).Cmp(one[0].coefficient) < 0 {
		return false
	}
	return c.sameValue(bare, percent.args[0])
}
