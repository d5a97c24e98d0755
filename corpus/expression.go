package corpus

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// expr is an arithmetic expression over small integers; a leaf has op 0. ok is
// false where some node's value is out of the range that apply allows.
type expr struct {
	op          Op
	left, right *expr
	value       int
	ok          bool
}

func number(n int) *expr { return &expr{value: n, ok: true} }

func binary(op Op, left, right *expr) *expr {
	e := &expr{op: op, left: left, right: right}
	e.value, e.ok = apply(left.value, op, right.value)
	e.ok = e.ok && left.ok && right.ok
	return e
}

// precedence orders the operations as they bind in text, tightest highest.
func (e *expr) precedence() int {
	switch e.op {
	case 0:
		return 3
	case '*', '/':
		return 2
	case '+', '-':
		return 1
	}
	return 0
}

// String writes the expression with as few parentheses as it needs.
func (e *expr) String() string {
	if e.op == 0 {
		return decimal(e.value)
	}
	left, right := e.left.String(), e.right.String()
	if e.left.precedence() < e.precedence() || e.op == '%' && e.left.op != 0 {
		left = "(" + left + ")"
	}
	// An equal precedence on the right groups otherwise than reading order.
	if e.right.precedence() <= e.precedence() {
		right = "(" + right + ")"
	}
	return left + e.op.infix() + right
}

// key returns the canonical form that HeldOut splits by: sums as signed terms
// and products as factors, each sorted, so a - (b + c) and a - c - b agree.
func (e *expr) key() string {
	switch e.op {
	case 0:
		return decimal(e.value)
	case '+', '-':
		return e.tablePrefix() + strings.Join(sorted(e.terms(nil, "+")), "")
	case '*':
		return e.tablePrefix() + strings.Join(sorted(e.factors(nil)), "*")
	}
	return e.tablePrefix() + "(" + e.left.key() + ")" + e.op.String() + "(" + e.right.key() + ")"
}

func (e *expr) tablePrefix() string {
	if e.left.op == 0 && e.right.op == 0 && isTable(e.left.value, e.op, e.right.value) {
		return tableFact
	}
	return ""
}

func (e *expr) terms(out []string, sign string) []string {
	if e.op != '+' && e.op != '-' {
		return append(out, sign+"("+e.key()+")")
	}
	out = e.left.terms(out, sign)
	if e.op == '-' {
		sign = map[string]string{"+": "-", "-": "+"}[sign]
	}
	return e.right.terms(out, sign)
}

func (e *expr) factors(out []string) []string {
	if e.op != '*' {
		return append(out, "("+e.key()+")")
	}
	return e.right.factors(e.left.factors(out))
}

func sorted(words []string) []string {
	slices.Sort(words)
	return words
}

// walk calls visit for every operation, inner ones first and left before
// right: the order in which the expression is worked out.
func (e *expr) walk(visit func(*expr)) {
	if e.op == 0 {
		return
	}
	e.left.walk(visit)
	e.right.walk(visit)
	visit(e)
}

// form is a family of expressions: build is called with operands from 1 to the
// bounds in most.
type form struct {
	most  []int
	build func(v []int) *expr
}

// draw returns a random member of the family that is worth working out.
func (f form) draw(rng *rand.Rand) *expr {
	v := make([]int, len(f.most))
	for {
		for i, most := range f.most {
			v[i] = 1 + rng.IntN(most)
		}
		if e := f.build(v); e.ok {
			return e
		}
	}
}

func two(op Op, most ...int) form {
	return form{most, func(v []int) *expr { return binary(op, number(v[0]), number(v[1])) }}
}

// chain is v0 op1 v1 op2 v2 in reading order.
func chain(first, second Op, most ...int) form {
	return form{most, func(v []int) *expr {
		return binary(second, binary(first, number(v[0]), number(v[1])), number(v[2]))
	}}
}

// nest is v0 outer (v1 inner v2).
func nest(outer, inner Op, most ...int) form {
	return form{most, func(v []int) *expr {
		return binary(outer, number(v[0]), binary(inner, number(v[1]), number(v[2])))
	}}
}

// pair is (v0 left v1) middle (v2 right v3).
func pair(left, middle, right Op, most ...int) form {
	return form{most, func(v []int) *expr {
		return binary(middle, binary(left, number(v[0]), number(v[1])), binary(right, number(v[2]), number(v[3])))
	}}
}

// modulo is the inner form modulo one more operand of 2 to 9.
func modulo(inner form) form {
	return form{append(slices.Clone(inner.most), 9), func(v []int) *expr {
		last := len(v) - 1
		return binary('%', inner.build(v[:last]), number(v[last]))
	}}
}

// then is the inner form followed by op and one more operand up to most.
func then(inner form, op Op, most int) form {
	return form{append(slices.Clone(inner.most), most), func(v []int) *expr {
		last := len(v) - 1
		return binary(op, inner.build(v[:last]), number(v[last]))
	}}
}
