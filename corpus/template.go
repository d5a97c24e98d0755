package corpus

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Template names the text that turns a question into a prompt.
type Template string

const (
	// TemplateSimple marks question and answer and asks for nothing more.
	TemplateSimple Template = "simple"
	// TemplateComplex describes the conversation and asks for \boxed{}; the
	// wording is that of Open-Reasoner-Zero (arXiv:2503.24290).
	TemplateComplex Template = "complex"
	// TemplateDialogue is one turn of a dialogue.
	TemplateDialogue Template = "dialogue"
)

// boxInstruction is the request for a boxed answer in TemplateComplex.
const boxInstruction = `You must put your answer inside \boxed{} and Your final answer will be extracted automatically by the \boxed{} tag.`

// templates hold % in place of the question (arXiv:2506.20512 §2).
var templates = map[Template]string{
	TemplateSimple: "Question:\n%\nAnswer:\n",
	TemplateComplex: "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. " +
		"The assistant first thinks about the reasoning process in the mind and then provides the user with the answer. " +
		"User: " + boxInstruction + "\n%\nAssistant:",
	TemplateDialogue: "User:\n%\nAssistant:\n",
}

// Render returns the prompt for a question. It returns an error that lists the
// templates when name is none of them.
func Render(name Template, question string) (string, error) {
	text, ok := templates[name]
	if !ok {
		return "", fmt.Errorf("unknown prompt template %q; choose %s, %s or %s", name, TemplateSimple, TemplateComplex, TemplateDialogue)
	}
	return strings.Replace(text, "%", question, 1), nil
}

// insert puts the subject in place of % in one of the choices.
func insert(rng *rand.Rand, choices []string, subject string) string {
	return strings.Replace(pick(rng, choices), "%", subject, 1)
}
