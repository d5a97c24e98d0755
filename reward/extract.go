package reward

import "strings"

const boxOpen = `\boxed{`

// ExtractBoxed returns what is in the last \boxed{…} of text, whose braces may
// nest to any depth; a brace after a backslash is a character. It reports false
// when there is no box or the last one never closes, as in a truncated
// completion. The time is linear.
func ExtractBoxed(text string) (string, bool) {
	start := strings.LastIndex(text, boxOpen)
	if start < 0 {
		return "", false
	}
	content := text[start+len(boxOpen):]
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
