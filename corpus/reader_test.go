package corpus

import (
	"regexp"
	"strconv"
	"strings"
)

// This file reads arithmetic back out of text, without the package's own
// evaluation, so that tests can judge what was written.

// parsed is an expression as read; op is 0 for a number.
type parsed struct {
	op          byte
	left, right *parsed
	value       int
}

type reader struct {
	tokens []string
	failed bool
}

var token = regexp.MustCompile(`\d+|mod|[-+*/()]`)

// read parses an expression with the usual precedence, mod binding least.
func read(text string) (*parsed, bool) {
	r := &reader{tokens: token.FindAllString(text, -1)}
	e := r.level(0)
	return e, !r.failed && len(r.tokens) == 0
}

func (r *reader) peek() string {
	if len(r.tokens) == 0 {
		return ""
	}
	return r.tokens[0]
}

func (r *reader) next() string {
	t := r.peek()
	if t == "" {
		r.failed = true
		return ""
	}
	r.tokens = r.tokens[1:]
	return t
}

func (r *reader) level(n int) *parsed {
	operators := []string{"mod", "+ -", "* /"}
	if n == len(operators) {
		return r.atom()
	}
	e := r.level(n + 1)
	for t := r.peek(); t != "" && strings.Contains(operators[n], t); t = r.peek() {
		r.next()
		e = combine(t[0], e, r.level(n+1))
	}
	return e
}

func (r *reader) atom() *parsed {
	t := r.next()
	if t == "(" {
		e := r.level(0)
		r.failed = r.failed || r.next() != ")"
		return e
	}
	n, err := strconv.Atoi(t)
	r.failed = r.failed || err != nil
	return &parsed{value: n}
}

func combine(op byte, left, right *parsed) *parsed {
	e := &parsed{op: op, left: left, right: right}
	a, b := left.value, right.value
	switch {
	case op == '+':
		e.value = a + b
	case op == '-':
		e.value = a - b
	case op == '*':
		e.value = a * b
	case op == '/' && b != 0 && a%b == 0:
		e.value = a / b
	case op == 'm' && b != 0:
		e.value = a % b
	default:
		e.value = -1 << 40
	}
	return e
}

// expr converts to the package's form, for its key.
func (e *parsed) expr() *expr {
	switch e.op {
	case 0:
		leaf := number(e.value)
		leaf.ok = e.value <= maxValue
		return leaf
	case 'm':
		return binary('%', e.left.expr(), e.right.expr())
	}
	return binary(Op(e.op), e.left.expr(), e.right.expr())
}

// expressions returns every expression with an operation in the text. What
// follows a letter x is left to linear.
func expressions(text string) (found []*parsed) {
	const part = "0123456789()+-*/\x01 " // \x01 stands for mod
	for _, run := range strings.FieldsFunc(strings.ReplaceAll(text, " mod ", " \x01 "), func(r rune) bool { return !strings.ContainsRune(part, r) }) {
		run = strings.TrimLeft(run, ")+-*/\x01 ")
		if !strings.ContainsAny(run, "+-*/\x01") {
			continue
		}
		if e, ok := read(strings.ReplaceAll(run, "\x01", "mod")); ok && e.op != 0 {
			found = append(found, e)
		}
	}
	return found
}

var equality = regexp.MustCompile(`([\d(](?:[-\d()+*/]| mod )*)=(\d+)`)

// claim is a statement that an expression has a value.
type claim struct {
	left  string
	right bool
}

// claims returns every statement "expression = number" in the text, in order.
func claims(text string) (found []claim) {
	for _, m := range equality.FindAllStringSubmatch(text, -1) {
		e, ok := read(m[1])
		if !ok || e.op == 0 {
			continue
		}
		found = append(found, claim{m[1], strconv.Itoa(e.value) == m[2]})
	}
	return found
}

var linear = regexp.MustCompile(`\d+x[-+]\d+=(?:\d*x[-+])?\d+`)

var equationParts = regexp.MustCompile(`^(\d+)x([-+])(\d+)=(?:(\d*)x\+)?(\d+)$`)

// satisfies reports whether x solves the linear equation.
func satisfies(equation string, x int) bool {
	m := equationParts.FindStringSubmatch(equation)
	if m == nil {
		return false
	}
	coefficient := func(s string) int {
		if n, err := strconv.Atoi(s); err == nil {
			return n
		}
		return 1
	}
	constant, _ := strconv.Atoi(m[3])
	right, _ := strconv.Atoi(m[5])
	if m[2] == "-" {
		constant = -constant
	}
	if strings.Count(equation, "x") == 2 {
		right += coefficient(m[4]) * x
	}
	return coefficient(m[1])*x+constant == right
}
