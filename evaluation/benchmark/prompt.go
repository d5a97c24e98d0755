package benchmark

import (
	"fmt"
	"strings"
)

// Preamble returns the text before a question that shows the first shots
// demonstrations, or an error where there are not as many.
func (s *Spec) Preamble(shots int) (string, error) {
	if shots < 0 || shots > len(s.Demonstrations) {
		return "", fmt.Errorf("benchmark %s has %d demonstrations, and %d were asked for", s.Name, len(s.Demonstrations), shots)
	}
	var b strings.Builder
	for _, d := range s.Demonstrations[:shots] {
		b.WriteString(s.Ask(strings.TrimSpace(d.Question)) + s.Lead + strings.TrimSpace(d.Solution) + "\n\n")
	}
	return b.String(), nil
}

// Ask returns the prompt of one question in the benchmark's own form.
func (s *Spec) Ask(question string) string {
	return strings.Replace(s.Prompt, "{question}", question, 1)
}
