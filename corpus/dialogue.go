package corpus

import "math/rand/v2"

// boxInstructions ask for the form that the verifier reads.
var boxInstructions = []string{
	`% Put your answer inside \boxed{}.`,
	`% Give the final answer in \boxed{}.`,
	`Answer with \boxed{}. %`,
	boxInstruction + "\n%",
}

// plainInstructions ask for something else, or for nothing.
var plainInstructions = []string{
	"%", "%", "% Show your steps.", "Please help me. %", "% Explain how you get it.", "I have a question. %",
}

// converse writes the problem as a dialogue: the boxed form where the user asks
// for it at once or in a second turn, the plain form otherwise.
func converse(rng *rand.Rand, p Problem, boxed bool) string {
	turn := turnLayout(rng)
	if !boxed {
		text := turn(insert(rng, plainInstructions, p.Question), p.Solution+" "+final(p.Answer, false))
		if rng.IntN(3) > 0 {
			return text
		}
		return text + "\n" + turn(pick(rng, thanks), pick(rng, welcomes))
	}
	if rng.IntN(4) > 0 {
		return turn(insert(rng, boxInstructions, p.Question), p.Solution+" "+final(p.Answer, true))
	}
	return turn(insert(rng, plainInstructions, p.Question), p.Solution+" "+final(p.Answer, false)) + "\n" +
		turn(pick(rng, rewrites), final(p.Answer, true))
}

var (
	thanks   = []string{"Thank you.", "Thanks, that helps.", "I see."}
	welcomes = []string{"You are welcome.", "Glad to help.", "Good luck with the next one."}
	rewrites = []string{`Now put it inside \boxed{}.`, `Write the answer in \boxed{}, please.`}
)

// turnLayout returns the way a document writes its turns: on the line of the
// speaker, as the long instruction template does, or below, as the short one.
func turnLayout(rng *rand.Rand) func(user, assistant string) string {
	gap := pick(rng, []string{" ", "\n"})
	return func(user, assistant string) string {
		return "User:" + gap + user + "\nAssistant:" + gap + assistant
	}
}
