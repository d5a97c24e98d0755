package evaluation

import "strings"

// Demonstration is a solved problem shown before the question. Its solution
// ends in the form in which the verifier expects answers.
type Demonstration struct {
	Question, Solution string
}

// FewShotStop is the stop string for completions of FewShot prompts: a policy
// that has not learned to stop goes on with a question of its own.
const FewShotStop = "\nQuestion:"

// FewShot returns the prompt that shows the demonstrations in order, then asks
// question, as base models are evaluated (arXiv:2201.11903 §3.1). Demonstrations
// must come from training problems; the caller sees to that.
func FewShot(demonstrations []Demonstration, question string) string {
	var b strings.Builder
	for _, d := range demonstrations {
		b.WriteString("Question: " + strings.TrimSpace(d.Question))
		b.WriteString("\nAnswer: " + strings.TrimSpace(d.Solution) + "\n\n")
	}
	b.WriteString("Question: " + strings.TrimSpace(question) + "\nAnswer:")
	return b.String()
}
