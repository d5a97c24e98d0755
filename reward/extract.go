package reward

import (
	"fmt"
	"regexp"
	"strings"
)

// Extraction says where in a completion its answer is looked for.
type Extraction uint8

const (
	// FromBox takes the last \boxed{…} or \fbox{…}. Boxes with nothing but commas
	// or "and" between them are one list.
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
	if hasBox(text) {
		return boxes(text)
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

const boxOpen = `\boxed{`

// boxOpenings are the commands that frame an answer.
var boxOpenings = []string{boxOpen, `\fbox{`}

func hasBox(text string) bool {
	return strings.Contains(text, boxOpen) || strings.Contains(text, `\fbox{`)
}

// ExtractBoxed returns what is in the last \boxed{…} of text, whose braces may
// nest to any depth; a brace after a backslash is a character. It reports false
// when there is no box or the last one never closes, as in a truncated
// completion. The time is linear.
func ExtractBoxed(text string) (string, bool) {
	return contentAt(text, strings.LastIndex(text, boxOpen), boxOpen)
}

// contentAt returns what is between the opening at start and its end.
func contentAt(text string, start int, opening string) (string, bool) {
	if start < 0 {
		return "", false
	}
	content := text[start+len(opening):]
	end := closingBrace(content)
	if end < 0 {
		return "", false
	}
	return content[:end], true
}

// closingBrace returns the index of the brace that closes one opened before
// text, or −1.
func closingBrace(text string) int {
	depth := 1
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// lastBox returns where the last box opens.
func lastBox(text string) (start int, opening string) {
	start = -1
	for _, o := range boxOpenings {
		if i := strings.LastIndex(text, o); i > start {
			start, opening = i, o
		}
	}
	return start, opening
}

// maxBoxes bounds the boxes read as one list.
const maxBoxes = 32

// boxes returns the last box and those before it that stand with it in a list.
func boxes(text string) (string, bool) {
	start, opening := lastBox(text)
	answer, ok := contentAt(text, start, opening)
	for n := 1; ok && n < maxBoxes; n++ {
		before := strings.TrimRight(text[:start], " $,;\n\t\\(")
		before = strings.TrimSuffix(before, `\text{ and }`)
		text = text[:start]
		earlier, o := lastBox(text)
		content, closed := contentAt(text, earlier, o)
		if !closed || len(before) < earlier {
			break
		}
		if between := text[earlier+len(o)+len(content)+1:]; !listSeparator.MatchString(between) {
			break
		}
		answer = content + "," + answer
		start = earlier
	}
	return answer, ok
}

// listSeparator is what stands between boxes of one list.
var listSeparator = regexp.MustCompile(`^(?:\s|\$|\\[()]|\\q?quad|\\[,; ])*(?:,|;|\b(?:and|or)\b|\\text\s*\{\s*(?:,\s*)?(?:and|or)\s*\})(?:\s|\$|\\[()]|\\q?quad|\\[,; ]|(?:and|or)\b)*(?:[a-z](?:_\d)?\s*=\s*)?$`)
