package corpus

import (
	"strconv"
	"strings"
)

// Op is an integer operation: one of + - * / %.
type Op byte

// String returns the operation as it is written in text; % is "mod".
func (o Op) String() string {
	if o == '%' {
		return "mod"
	}
	return string(rune(o))
}

// infix returns the operation as it stands between operands: only mod, a word,
// has spaces around it.
func (o Op) infix() string {
	if o == '%' {
		return " mod "
	}
	return o.String()
}

// maxValue bounds every number of a problem: two digits.
const maxValue = 99

// Step is one line of a worked derivation: Left Op Right = Value with all four
// in 0 to 99.
//
// A step is either a fact of the tables (sums of two digits, differences that
// undo them, products of two digits and quotients that undo them, anything
// with a zero operand) or a sum or difference of larger numbers. A larger step
// that carries or borrows is preceded by the table fact for its last digits, so
// each is one look-up.
type Step struct {
	Left     int
	Op       Op
	Right    int
	Value    int
	Sentence string // the step in words, containing String()
}

// String returns the equation, such as "47+8=55". Arithmetic is written without
// spaces: tokenizers make each a token of its own, which would say nothing.
func (s Step) String() string { return s.term() + "=" + decimal(s.Value) }

// term returns the left side, such as "47+8".
func (s Step) term() string {
	return decimal(s.Left) + s.Op.infix() + decimal(s.Right)
}

// key returns the key of the one-operation problem that the step answers.
func (s Step) key() string { return binary(s.Op, number(s.Left), number(s.Right)).key() }

// statable reports whether training text may state the step.
func (s Step) statable() bool { return !HeldOut(s.key()) }

// restated returns the step's sentence with the equation replaced.
func (s Step) restated(equation string) string {
	return strings.Replace(s.Sentence, s.String(), equation, 1)
}

// inverse returns the step that undoes s if its value is taken to be value; its
// own value differs from s.Left exactly when value is wrong. ok is false where
// that step would be no simple one, or is held out.
func (s Step) inverse(value int) (step Step, ok bool) {
	undo := map[Op]Op{'+': '-', '-': '+', '*': '/', '/': '*'}[s.Op]
	back, ok := apply(value, undo, s.Right)
	step = newStep(value, undo, s.Right, back)
	return step, ok && step.statable()
}

func allStatable(steps []Step) bool {
	for _, s := range steps {
		if !s.statable() {
			return false
		}
	}
	return true
}

func newStep(left int, op Op, right, value int) Step {
	s := Step{Left: left, Op: op, Right: right, Value: value}
	s.Sentence = s.String() + "."
	return s
}

// apply returns left op right, or ok false where the result is no integer in 0
// to 99 or takes more than the tables and one carry: factors, divisors and
// quotients have one digit.
func apply(left int, op Op, right int) (value int, ok bool) {
	switch op {
	case '+':
		value = left + right
		return value, value <= maxValue
	case '-':
		value = left - right
		return value, value >= 0
	case '*':
		return left * right, left <= 9 && right <= 9
	case '/':
		if right < 1 || right > 9 || left%right != 0 {
			return 0, false
		}
		return left / right, left/right <= 9
	case '%':
		if right < 2 || right > 9 || left < right || left/right > 9 {
			return 0, false
		}
		return left % right, true
	}
	panic("corpus: unknown operation " + strconv.Quote(op.String()))
}

// isTable reports whether left op right is a fact of the tables.
func isTable(left int, op Op, right int) bool {
	switch op {
	case '+':
		return left <= 9 && right <= 9 || left == 0 || right == 0
	case '-':
		return right <= 9 && left-right <= 9 || right == 0 || left == right
	case '*', '/':
		return true
	}
	return false
}

// derive returns the steps that work out left op right: the last digits first
// where they carry or borrow, and a remainder as the nearest multiple and what
// is left of it. The last step's value is the result.
func derive(left int, op Op, right int) []Step {
	value, ok := apply(left, op, right)
	if !ok {
		panic("corpus: " + newStep(left, op, right, value).term() + " is no simple step")
	}
	low, sub := left%10, right%10
	switch {
	case op == '%':
		multiple := left - value
		return append(derive(left/right, '*', right), derive(left, '-', multiple)...)
	case isTable(left, op, right):
	case op == '+' && low+sub > 9:
		return []Step{newStep(low, '+', sub, low+sub), newStep(left, '+', right, value)}
	case op == '-' && low < sub:
		return []Step{newStep(low+10, '-', sub, low+10-sub), newStep(left, '-', right, value)}
	}
	return []Step{newStep(left, op, right, value)}
}

func decimal(n int) string { return strconv.Itoa(n) }
