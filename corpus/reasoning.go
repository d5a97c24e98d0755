package corpus

import (
	"math/rand/v2"
	"strings"
)

// slipPeriod is the inverse of the share of long derivations with a slip.
const slipPeriod = 3

// think writes the derivation with checks inside <think></think>. One in
// three goes wrong at one step; the check there fails, the step is done again,
// and what follows builds on the right value only.
func think(rng *rand.Rand, p Problem) string {
	slipped := -1
	if rng.IntN(slipPeriod) == 0 {
		slipped = rng.IntN(len(p.Steps))
	}
	sentences := []string{pick(rng, thinkOpenings)}
	if rng.IntN(2) == 0 {
		sentences = append(sentences, p.hint)
	}
	for i, s := range p.Steps {
		if i == slipped {
			sentences = append(sentences, slip(rng, s)...)
		}
		sentences = append(sentences, s.Sentence)
		if check, ok := s.inverse(s.Value); ok && (i == slipped || rng.IntN(2) == 0) {
			sentences = append(sentences, "Check: "+check.String()+", "+pick(rng, agreements)+".")
		}
	}
	sentences = append(sentences, confirm(rng, p)...)
	sentences = append(sentences, "So I get "+p.Answer+".")
	return "<think>\n" + strings.Join(sentences, " ") + "\n</think>"
}

var thinkOpenings = []string{
	"Let me think.", "Let me do this step by step.", "I will go step by step.", "Okay, let me work this out.",
}

var agreements = []string{"right", "good", "that fits", "correct"}

var retractions = []string{
	"That is wrong, so go back.", "That does not fit. Let me redo this step.", "Wait, I made a mistake. Again:",
}

// slip writes the step with a wrong value, the check that shows it and the
// retraction; nothing where no simple check tells the value from the right one.
func slip(rng *rand.Rand, s Step) []string {
	wrong := s.Value + pick(rng, []int{-1, 1})*slipSize(rng, s)
	check, ok := s.inverse(wrong)
	if !ok || wrong < 0 || wrong > maxValue || check.Value == s.Left {
		return nil
	}
	said := Step{Left: s.Left, Op: s.Op, Right: s.Right, Value: wrong}
	return []string{
		s.restated(said.String()),
		"Check: " + check.String() + ", but it should be " + decimal(s.Left) + ".",
		pick(rng, retractions),
	}
}

// slipSize is how far off a plausible slip is: the next row of the
// multiplication table, a wrong last digit or a forgotten carry.
func slipSize(rng *rand.Rand, s Step) int {
	switch {
	case s.Op == '*':
		return s.Right
	case s.Value >= 10 && rng.IntN(2) == 0:
		return 10
	}
	return 1 + rng.IntN(2)
}

// confirm puts the answer back into the question where that is possible with
// facts that may be stated.
func confirm(rng *rand.Rand, p Problem) []string {
	if len(p.proof) == 0 || !allStatable(p.proof) || rng.IntN(3) == 0 {
		return nil
	}
	facts := make([]string, len(p.proof))
	for i, s := range p.proof {
		facts[i] = s.String()
	}
	return []string{"Now put x = " + p.Answer + " back: " + strings.Join(facts, ", ") + ". It fits."}
}
