package corpus

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

var equationQuestions = []string{
	"Solve % for x.", "Find x if %.", "If %, what is x?", "What number x satisfies %?",
}

// finishEquation fills what all equations share; steps end in x.
func finishEquation(rng *rand.Rand, p Problem) Problem {
	p.Question = strings.Replace(pick(rng, equationQuestions), "%", p.topic, 1)
	p.hint = pick(rng, []string{
		"Whatever is done to one side is done to the other.", "Undo the operations one by one until x stands alone.",
	})
	p.solve()
	return p
}

// drawLinear draws a·x + b = c or a·x - b = c with x from 1 to 9.
func drawLinear(rng *rand.Rand, level int) Problem {
	for {
		a, x, b := 2+rng.IntN(8), 1+rng.IntN(9), 1+rng.IntN(9)
		op, undo := Op('+'), Op('-')
		if rng.IntN(2) == 0 {
			op, undo = undo, op
		}
		c, ok := apply(a*x, op, b)
		if !ok || c == 0 {
			continue
		}
		p := Problem{Level: level, topic: fmt.Sprintf("%dx%s%d=%d", a, op, b, c)}
		p.Key = equationKey(p.topic)
		p.Steps = append(said(derive(c, undo, b), fmt.Sprintf("%dx={}.", a)), said(derive(a*x, '/', a), "x={}.")...)
		p.proof = append(derive(a, '*', x), derive(a*x, op, b)...)
		return finishEquation(rng, p)
	}
}

// drawTwoSided draws a·x + b = c·x + d with a ≥ c + 2, b < d and x from 1 to 9.
func drawTwoSided(rng *rand.Rand, level int) Problem {
	for {
		c, more, x, b := 1+rng.IntN(5), 2+rng.IntN(4), 1+rng.IntN(9), 1+rng.IntN(9)
		a, d := c+more, more*x+b
		if _, ok := apply(a*x, '+', b); a > 9 || !ok {
			continue
		}
		reduced := fmt.Sprintf("%dx+%d=%d", more, b, d)
		p := Problem{Level: level, topic: fmt.Sprintf("%dx+%d=%s+%d", a, b, times(c), d)}
		p.Key = equationKey(p.topic)
		p.parts = []string{equationKey(reduced)}
		p.Steps = said(derive(a, '-', c), fmt.Sprintf("Take %s from both sides: {}, so %s.", times(c), reduced))
		p.Steps = append(p.Steps, said(derive(d, '-', b), fmt.Sprintf("%dx={}.", more))...)
		p.Steps = append(p.Steps, said(derive(more*x, '/', more), "x={}.")...)
		p.proof = append(derive(a, '*', x), derive(a*x, '+', b)...)
		p.proof = append(p.proof, append(derive(c, '*', x), derive(c*x, '+', d)...)...)
		return finishEquation(rng, p)
	}
}

func equationKey(equation string) string { return "equation " + equation }

// times writes the term with coefficient c.
func times(c int) string {
	if c == 1 {
		return "x"
	}
	return decimal(c) + "x"
}

// said gives the last of the steps a sentence: lead with {} for the equation.
func said(steps []Step, lead string) []Step {
	last := &steps[len(steps)-1]
	last.Sentence = strings.Replace(lead, "{}", last.String(), 1)
	return steps
}
