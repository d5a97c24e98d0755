package corpus

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
)

// Levels is the number of difficulty levels of generated problems: 1 one
// operation; 2 two operations with precedence; 3 parentheses around one of two
// operations; 4 linear equations and remainders; 5 word problems of two steps;
// 6 word problems of three steps; 7 deeper expressions, most with a modulus; 8
// word problems of four steps and equations with x on both sides.
const Levels = 8

// Generator makes problems with worked solutions. It has no state: a problem is
// a function of the seed, the name of a stream, the level and the index in the
// stream, whoever asks and in whatever order. Numbers stay within 0 to 99 and
// answers are integers. It is safe for concurrent use.
type Generator struct {
	Seed       uint64
	BoxedShare float64 // of answers given as \boxed{n} and not as plain n, 0 to 1
}

// Problem returns problem i (from 0) of a training stream. Neither its key, nor
// the key of any expression inside it, nor any fact its solution states is held
// out. It panics when level is outside 1 to Levels.
func (g Generator) Problem(stream string, level, i int) Problem {
	p := trainable(g.rng(stream, level, i), level)
	p.ID = fmt.Sprintf("%s/%d/%d", stream, level, i)
	return p
}

// patience is the number of draws in a row without a new held-out problem after
// which a level counts as exhausted.
const patience = 20_000

// HeldOut returns the first n held-out problems of a level, no key twice; a
// longer list begins with the shorter one. The facts within their solutions,
// unless the problem is itself one fact, are all allowed in training. It
// returns an error when the level has fewer; levels 1 to 3 have some hundreds.
// It panics when level is outside 1 to Levels.
func (g Generator) HeldOut(level, n int) ([]Problem, error) {
	problems := make([]Problem, 0, n)
	seen := map[string]bool{}
	for i, last := 0, 0; len(problems) < n; i++ {
		if i-last > patience {
			return nil, fmt.Errorf("level %d has only about %d held-out problems and %d were asked for; ask for fewer", level, len(problems), n)
		}
		p := draw(g.rng("held-out", level, i), level)
		if !p.evaluable() || seen[p.Key] {
			continue
		}
		seen[p.Key], last = true, i
		p.ID = fmt.Sprintf("held-out/%d/%d", level, len(problems))
		problems = append(problems, p)
	}
	return problems, nil
}

// rng returns the random numbers of item i, unrelated to those of other items.
func (g Generator) rng(stream string, level, i int) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(stream))
	high := mix(g.Seed + mix(h.Sum64()))
	return rand.New(rand.NewPCG(high, mix(high+uint64(level)<<48+uint64(i))))
}

// trainable draws until a problem may occur in training.
func trainable(rng *rand.Rand, level int) Problem {
	for {
		if p := draw(rng, level); p.trainable() {
			return p
		}
	}
}

func draw(rng *rand.Rand, level int) Problem {
	formula := rng.IntN(2) == 0
	switch {
	case level == 4 && formula:
		return drawLinear(rng, level)
	case level == 8 && formula:
		return drawTwoSided(rng, level)
	case stories[level] != nil:
		kind := rng.IntN(len(stories[level]))
		return stories[level][kind].draw(rng, level)
	case expressionForms[level] != nil:
		return drawExpression(rng, level)
	}
	panic(fmt.Sprintf("corpus: level %d is outside 1 to %d", level, Levels))
}
