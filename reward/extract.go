package reward

import (
	"fmt"
	"strings"
)

// Extraction says where in a completion its answer is looked for.
type Extraction uint8

const (
	// FromBox takes the last \boxed{…} or \fbox{…}. Boxes with nothing but spaces,
	// commas or "and" between them are one list, as are those with "or maybe".
	FromBox Extraction = iota
	// FromLastNumber takes the last number, as few-shot GSM8K does.
	FromLastNumber
	// FromChoice takes the last option letter: (B), "answer is B".
	FromChoice
	// FromFinalAnswer takes what follows the last "Final Answer", "the answer
	// is", "Answer:", "A:" or "####".
	FromFinalAnswer
	// FromAnywhere takes the box if there is any, else the final answer, else the
	// last formula or number.
	FromAnywhere
)

// extractions are the names in flags and recipes.
var extractions = map[string]Extraction{
	"boxed": FromBox, "last-number": FromLastNumber, "choice": FromChoice, "final-answer": FromFinalAnswer, "auto": FromAnywhere,
}

// ParseExtraction returns the extraction named boxed, last-number, choice,
// final-answer or auto.
func ParseExtraction(name string) (Extraction, error) {
	e, ok := extractions[name]
	if !ok {
		return 0, fmt.Errorf("extraction %q: want boxed, last-number, choice, final-answer or auto", name)
	}
	return e, nil
}

// Extract returns the answer in a completion, as it is written there. It reports
// false when there is none. Thoughts, which end with </think>, are left out, and
// so a completion cut off within them has no answer. The time is linear.
func (e Extraction) Extract(completion string) (string, bool) {
	text, ok := afterThoughts(completion)
	if !ok {
		return "", false
	}
	var answer string
	switch e {
	case FromBox:
		return boxes(text)
	case FromLastNumber:
		answer = lastNumber(text)
	case FromChoice:
		answer = lastChoice(text)
	case FromFinalAnswer:
		answer, _ = finalAnswer(text)
	case FromAnywhere:
		return anywhere(text)
	}
	return answer, answer != ""
}

func anywhere(text string) (string, bool) {
	if start, opening := lastBox(text); start >= 0 {
		answer, ok := boxes(text)
		if ok && strings.TrimSpace(answer) == "" { // as an instruction is quoted
			if after, marked := finalAnswer(text[start+len(opening):]); marked && after != "" {
				return after, true
			}
		}
		return answer, ok
	}
	if answer, ok := finalAnswer(text); ok {
		return answer, answer != ""
	}
	answer := lastValue(text)
	if answer == "" {
		answer = loneChoice(text)
	}
	return answer, answer != ""
}

// afterThoughts returns what follows the last </think>, without special tokens
// at the end. It reports false when thoughts begin and do not end.
func afterThoughts(text string) (string, bool) {
	if i := strings.LastIndex(text, "</think>"); i >= 0 {
		text = text[i+len("</think>"):]
	}
	if strings.Contains(text, "<think>") {
		return "", false
	}
	if i := specialAt(text); i < len(text) && !strings.Contains(text[i:], boxOpen) {
		text = text[:i]
	}
	return text, true
}
