package reward

import (
	"strings"
	"unicode"
)

// notation replaces spellings that mean the same by one of them. At each
// position the first that matches counts, so the line break \\ is there to keep
// its second backslash from starting a command.
var notation = strings.NewReplacer(
	`\\`, `\\`,
	`\dfrac`, `\frac`, `\tfrac`, `\frac`, `\cfrac`, `\frac`,
	`\left(`, `(`, `\left[`, `[`, `\left\{`, `\{`, `\left|`, `|`,
	`\right)`, `)`, `\right]`, `]`, `\right\}`, `\}`, `\right|`, `|`,
	`\(`, ``, `\)`, ``, `\[`, ``, `\]`, ``, `\$`, ``, `$`, ``,
	`\%`, `%`, `^\circ`, `°`, `^{\circ}`, `°`,
	`\!`, ``, `\,`, ``, `\;`, ` `, `\:`, ` `, `\ `, ` `, `~`, ` `, `\quad`, ` `, `\displaystyle`, ``,
	`{,}`, `,`, `−`, `-`,
)

// wrappers are commands that change how their argument looks, not what it is.
var wrappers = []string{`\text{`, `\textbf{`, `\textit{`, `\textrm{`, `\textnormal{`, `\mathrm{`, `\mathbf{`, `\mbox{`}

// normalize returns an answer in the spelling in which answers are compared:
// without dollar signs, text commands, spaces that separate no words, a leading
// plus, parentheses around all of it, and periods, percent and degree signs at
// the end.
func normalize(answer string) string {
	s := joinSpaces(unwrap(notation.Replace(answer)))
	for {
		before := s
		s = strings.TrimPrefix(strings.TrimRight(s, ".%°"), "+")
		s = strings.TrimSpace(trimParentheses(s))
		if s == before {
			return s
		}
	}
}

// unwrap removes the wrappers with their braces and keeps their arguments.
func unwrap(s string) string {
	var b strings.Builder
	var wrapped []bool // of each open brace, whether a wrapper opened it
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			if n := wrapperAt(s[i:]); n > 0 {
				wrapped = append(wrapped, true)
				i += n - 1
				continue
			}
			b.WriteByte(c)
			if i+1 < len(s) {
				i++
				b.WriteByte(s[i])
			}
			continue
		case c == '{':
			wrapped = append(wrapped, false)
		case c == '}' && len(wrapped) > 0:
			last := wrapped[len(wrapped)-1]
			wrapped = wrapped[:len(wrapped)-1]
			if last {
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// wrapperAt returns the length of the wrapper that s begins with, or 0.
func wrapperAt(s string) int {
	for _, w := range wrappers {
		if strings.HasPrefix(s, w) {
			return len(w)
		}
	}
	return 0
}

// joinSpaces removes white space except between letters or digits, where one
// space stays: "4 2" is not 42.
func joinSpaces(s string) string {
	var b strings.Builder
	space, previous := false, rune(0)
	for _, r := range s {
		if unicode.IsSpace(r) {
			space = true
			continue
		}
		if space && isWord(previous) && isWord(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		space, previous = false, r
	}
	return b.String()
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '.' }

// trimParentheses removes a pair of parentheses around all of s, unless commas
// make it a tuple or an interval.
func trimParentheses(s string) string {
	if len(s) < 2 || s[0] != '(' || s[len(s)-1] != ')' || strings.Contains(s, ",") {
		return s
	}
	depth := 0
	for i := range len(s) - 1 {
		switch s[i] {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 {
			return s // (a)(b)
		}
	}
	return s[1 : len(s)-1]
}
