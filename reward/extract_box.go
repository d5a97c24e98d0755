package reward

import (
	"regexp"
	"strings"
)

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
// A box of which the text says that it is not the answer has "not" before it.
func boxes(text string) (string, bool) {
	start, opening := lastBox(text)
	answer, ok := contentAt(text, start, opening)
	if !ok {
		return "", false
	}
	if strings.TrimSpace(answer) == "" {
		return answer, true
	}
	last, whole := answer, text
	rest := text[start+len(opening)+len(answer)+1:]
	for n, looked := 1, 1; n < maxBoxes && looked < maxRepeated; looked++ {
		text = text[:start]
		window := text[max(0, start-maxAnswerBytes-maxContext):] // a look at all of it, box after box, takes quadratic time
		earlier, o := lastBox(window)
		content, closed := contentAt(window, earlier, o)
		if !closed {
			break
		}
		separator := separatorOf(window[earlier+len(o)+len(content)+1:])
		if separator == "" {
			break
		}
		if start -= len(window) - earlier; separator == "," || strings.TrimSpace(content) != strings.TrimSpace(last) {
			answer = content + separator + answer
			n++
		}
	}
	if denied(whole[:start]) || deniedAfter.MatchString(rest[:min(len(rest), maxContext)]) {
		return "not " + answer, true
	}
	return answer, true
}

// maxRepeated bounds the boxes looked at for one that differs.
const maxRepeated = 1 << 12

// separatorOf returns what separates boxes of a list that have the text between
// them: a comma where a list says so, and a semicolon where nothing else is
// between them, or words that make the one an alternative to the other.
func separatorOf(between string) string {
	switch {
	case len(between) > maxContext:
		return ""
	case listSeparator.MatchString(between):
		return ","
	case strings.Trim(between, " \t\r\n$.,;()\\") == "":
		return ";"
	case enumerated.MatchString(between), alternative.MatchString(withoutText.Replace(between)):
		return " || "
	}
	return ""
}

// listSeparator is what stands between boxes of one list.
var listSeparator = regexp.MustCompile(`^(?:\s|\$|\\[()]|\\q?quad|\\[,; ])*(?:,|;|\b(?:and|or)\b|\\text\s*\{\s*(?:,\s*)?(?:and|or)\s*\})(?:\s|\$|\\[()]|\\q?quad|\\[,; ]|(?:and|or)\b)*(?:[a-z](?:_\d)?\s*=\s*)?$`)

// enumerated is what stands between boxes of which each has a number or a mark before
// it, or that are put beside each other.
var enumerated = regexp.MustCompile(`^[\s$.,;()\\]*(?:vs\.?|versus|[-−+*/:|•]|\n\s*\(?(?:\d{1,3}|[a-z])[.)])[\s$()\\]*$`)

// withoutText removes the looks of words between boxes.
var withoutText = strings.NewReplacer(`\text{`, "", `\quad`, "", "}", "")

// alternative are words within a sentence between answers that do not choose one.
var alternative = regexp.MustCompile(`(?i)^[\s$,;()\\]*(?:[a-z']+[\s,$]+){0,4}(?:also|maybe|perhaps|possibly|could|might|either|alternatively)\b(?:\s+[a-z']+){0,4}[\s$,;:()\\]*$`)

// denial is what a text ends with before a value that it says is not the answer.
var denial = regexp.MustCompile(`(?i)(?:\\neq?\b|≠|\b(?:not|never|cannot|neither|nor)|n['’]t)(?:\s+(?:be|been|have|equals?|to|the|correct|right|answer|is|simply))*[ \t*$"“(:\\\[]*\n?[ \t*$"“(:\\\[]*$`)

// deniedAfter is what follows an answer that the text takes back.
var deniedAfter = regexp.MustCompile(`(?i)^[\s$.)*\\\]]*(?:is|was)(?:\s+not|n['’]t)?\s+(?:(?:the|a)\s+)?(?:wrong|incorrect|false)\b|^[\s$.)*\\\]]*(?:is|was)(?:\s+not|n['’]t)\s+(?:the\s+)?(?:answer|correct|right)\b`)

// denied reports whether a text says that the value behind it is not the answer.
func denied(before string) bool {
	return denial.MatchString(before[max(0, len(before)-maxContext):])
}
