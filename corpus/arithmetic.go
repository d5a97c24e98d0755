package corpus

import (
	"math/rand/v2"
	"strings"
)

// expressionForms are the families of expressions of a level, each as likely
// as the next.
var expressionForms = map[int][]form{
	1: {
		two('+', 9, 9), two('*', 9, 9), two('-', 18, 9),
		two('+', 90, 9), two('+', 9, 90), two('-', 99, 9),
	},
	2: {
		then(two('*', 9, 9), '+', 9), then(two('*', 9, 9), '-', 9),
		nest('+', '*', 9, 9, 9), nest('-', '*', 40, 9, 9),
		chain('+', '-', 9, 9, 9), chain('-', '+', 18, 9, 9), chain('+', '+', 9, 9, 9),
	},
	3: {
		then(two('+', 8, 8), '*', 9), nest('*', '+', 9, 8, 8),
		then(two('-', 18, 9), '*', 9), nest('*', '-', 9, 18, 9),
		nest('-', '+', 40, 9, 9), nest('-', '-', 30, 18, 9),
	},
	4: {
		modulo(two('*', 9, 9)), modulo(two('+', 60, 9)), modulo(two('-', 89, 9)),
	},
	7: {
		modulo(then(then(two('+', 8, 8), '*', 9), '-', 9)),
		modulo(then(then(two('-', 18, 9), '*', 9), '+', 9)),
		modulo(pair('+', '*', '-', 8, 8, 9, 9)),
		modulo(pair('*', '+', '*', 9, 9, 9, 5)),
		modulo(pair('*', '-', '*', 9, 9, 5, 5)),
		then(pair('+', '*', '+', 8, 8, 5, 4), '-', 9),
	},
}

var expressionQuestions = []string{
	"What is %?", "Calculate %.", "Work out %.", "Find the value of %.",
}

func drawExpression(rng *rand.Rand, level int) Problem {
	e := pick(rng, expressionForms[level]).draw(rng)
	p := Problem{Level: level, Key: e.key(), topic: e.String(), hint: hintFor(rng, e)}
	p.Question = strings.Replace(pick(rng, expressionQuestions), "%", p.topic, 1)
	e.walk(func(node *expr) {
		p.Steps = append(p.Steps, derive(node.left.value, node.op, node.right.value)...)
		if node != e {
			p.parts = append(p.parts, node.key())
		}
	})
	p.solve()
	return p
}

// hintFor names the rule that decides where to begin.
func hintFor(rng *rand.Rand, e *expr) string {
	text := e.String()
	switch {
	case e.op == '%':
		return pick(rng, []string{
			"The word mod asks for the remainder of a division by " + decimal(e.right.value) + ".",
			"Find the largest multiple of " + decimal(e.right.value) + " that fits and see what remains.",
		})
	case strings.Contains(text, "("):
		return pick(rng, []string{
			"The part inside the parentheses comes first.", "Start with what is inside the parentheses.",
		})
	case strings.Contains(text, "*") && strings.ContainsAny(text, "+-"):
		return pick(rng, []string{
			"Multiplication comes before addition and subtraction.", "Multiply first.",
		})
	case e.left.op != 0:
		return pick(rng, []string{"Go from left to right.", "Take it from the left, one operation at a time."})
	case e.op == '*':
		return pick(rng, []string{"This is a fact of the multiplication table.", "Multiplying is adding again and again."})
	case len(derive(e.left.value, e.op, e.right.value)) > 1:
		return pick(rng, []string{"Start with the last digits.", "Look at the ones first."})
	}
	return pick(rng, []string{"One operation is enough.", "It takes a single step."})
}

// pick returns one of the choices, each with the same chance.
func pick[T any](rng *rand.Rand, choices []T) T { return choices[rng.IntN(len(choices))] }
