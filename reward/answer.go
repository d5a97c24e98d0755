package reward

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// answer is an answer as it was read: a formula, or a text.
type answer struct {
	text    string // without what surrounds it
	formula *node  // nil for a text
	err     error  // why it is no formula
}

var (
	introduction = regexp.MustCompile(`(?i)^(?:(?:so|thus|hence|therefore),?\s+)?(?:the\s+)?(?:final\s+)?(?:answer|result)(?:\s+is\s*:?|\s*:)\s*`)
	// introductionText is an introduction in a text command.
	introductionText = regexp.MustCompile(`(?i)^\\text\s*\{[a-z ]*(?:answer|result)(?:\s+is\s*:?|\s*:)\s*\}\s*`)
	// label is a name in words on the left of an equation: \text{Area} =.
	label = regexp.MustCompile(`^(?:\\text(?:bf|rm|it)?\s*\{[A-Za-z ]+\}|[A-Za-z][A-Za-z ]{2,40})\s*=\s*`)
	// statement is what a sentence says before the value: The probability is …
	statement = regexp.MustCompile(`^(?:\\text(?:rm)?\s*\{\s*)?[A-Z][A-Za-z ]{2,60}? (?:is|are|equals|is equal to)\s*:?(?:\s*\}\s*|\s+)`)
)

// clean removes what surrounds an answer: boxes, formula edges, an introduction,
// special tokens, and a period at the end.
func clean(text string) string {
	if hasBox(text) {
		if inner, ok := boxes(text); ok {
			text = inner
		}
	}
	if i := strings.LastIndex(text, "####"); i >= 0 {
		text = text[i+len("####"):]
	}
	text = trimSpecial(text)
	for {
		before := text
		text = strings.TrimSpace(text)
		if strings.Trim(text, "0123456789.,-") != "" { // most answers are numbers
			text = trimEdges(strings.Trim(trimIntroduction(text), "*` \n"))
		}
		text = trimStops(text)
		if text == before {
			return text
		}
	}
}

// trimSpecial removes what follows the first special token, such as <|im_end|>
// or </s>.
func trimSpecial(text string) string {
	text = text[:specialAt(text)]
	if i := strings.Index(text, "</s>"); i >= 0 {
		text = text[:i]
	}
	return text
}

// specialAt returns where the first special token of text is, or its length: a
// token such as <|im_end|>, <|eot_id|> or <｜end▁of▁sentence｜>, or its beginning where the text ends.
func specialAt(text string) int {
	for at := 0; ; {
		i := strings.IndexByte(text[at:], '<')
		if i < 0 {
			return len(text)
		}
		at += i
		rest := text[at+1:]
		if strings.HasPrefix(rest, "｜") {
			return at
		}
		if name, ok := strings.CutPrefix(rest, "|"); ok {
			n := 0
			for n < len(name) && (isLetter(name[n]) || isDigit(name[n]) || name[n] == '_') {
				n++
			}
			if n > 0 && strings.HasPrefix(name[n:], "|>") || n > 2 && n == len(name) {
				return at
			}
		}
		at++
	}
}

// trimStops removes spaces, marks and line breaks from the end. A mark behind a
// backslash is a space of LaTeX and goes with it.
func trimStops(text string) string {
	for {
		bare := strings.TrimRight(text, " ")
		n := len(bare)
		switch {
		case strings.HasSuffix(bare, "..."):
			return bare // goes on
		case n < len(text) && strings.HasSuffix(bare, `\`), strings.HasSuffix(bare, `\\`):
			text = strings.TrimSuffix(strings.TrimSuffix(bare, `\`), `\`)
		case n > 1 && bare[n-2] == '\\' && strings.IndexByte(",;:!", bare[n-1]) >= 0:
			text = strings.TrimSuffix(bare[:n-2], `\`)
		case n > 0 && strings.IndexByte(".,;:", bare[n-1]) >= 0:
			text = bare[:n-1]
		default:
			return bare
		}
	}
}

// trimIntroduction removes "the answer is" and a sign of approximation. Looking
// for the words first spares most answers the expressions.
func trimIntroduction(text string) string {
	if strings.Contains(text, "nswer") || strings.Contains(text, "esult") || strings.Contains(text, "NSWER") {
		text = introductionText.ReplaceAllString(introduction.ReplaceAllString(text, ""), "")
	}
	if strings.Contains(text, " is") || strings.Contains(text, " are") || strings.Contains(text, " equals") {
		if before := statement.FindString(text); before != "" && !denies(before) && strings.HasPrefix(before, `\`) == strings.Contains(before, "}") {
			text = text[len(before):]
		}
	}
	for _, sign := range introductionSigns {
		rest, ok := strings.CutPrefix(text, sign)
		if !ok || len(sign) > 3 && rest != "" && isLetter(rest[0]) || sign == "=" && strings.HasPrefix(rest, "=") {
			continue
		}
		return strings.TrimLeft(rest, " ")
	}
	return text
}

// introductionSigns stand before an answer without being part of it.
var introductionSigns = []string{"~", "≈", "=", `\approx`, `\sim`, `\Rightarrow`, `\implies`, `\therefore`}

// trimEdges removes the edges of a formula that is all of text.
func trimEdges(text string) string {
	for _, edge := range formulaEdges {
		if len(text) < len(edge[0])+len(edge[1]) || !strings.HasPrefix(text, edge[0]) || !strings.HasSuffix(text, edge[1]) {
			continue
		}
		inner := text[len(edge[0]) : len(text)-len(edge[1])]
		if !strings.Contains(inner, edge[1]) && !strings.HasSuffix(inner, `\`) {
			return inner
		}
	}
	return text
}

// allReals is the set of real numbers in words.
var allReals = regexp.MustCompile(`^(?i)(?:the )?(?:set of )?all real(?:s| numbers)$`)

// read reads an answer that is clean.
func read(text string, thousands bool, b *budget) answer {
	a := answer{text: text}
	if strings.Contains(text, " real") && allReals.MatchString(plain(text)) {
		a.formula = &node{op: opSym, name: "reals"}
		return a
	}
	a.formula, a.err = parse(text, thousands, b)
	if a.err != nil {
		a.formula = nil
		if name := label.FindString(text); name != "" && name != text && !denies(name) {
			if value, err := parse(text[len(name):], thousands, b); err == nil {
				a.formula, a.err = value, nil
			}
		} else if rest, ok := afterEquals(text); ok {
			if value, err := parse(rest, thousands, b); err == nil {
				a.formula, a.err = value, nil
			}
		}
	}
	return a
}

// limits are the commands with which nothing is computed, but which may stand
// left of the value that they have.
var limits = regexp.MustCompile(`\\(?:lim|sum|prod|int|[cl]?dots)[^a-zA-Z]`)

// afterEquals returns what is behind the last sign of equality of a text that
// begins with a limit, a sum or one that leaves terms out.
func afterEquals(text string) (value string, ok bool) {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			depth++
		case '}':
			depth--
		case '=':
			if depth == 0 {
				value, ok = text[i+1:], limits.MatchString(text[:i])
			}
		}
	}
	return value, ok
}

// denies reports whether one of the words of a label says something about the
// value, as in "not x = 5".
func denies(name string) bool {
	for word := range strings.FieldsSeq(strings.ToLower(plain(name))) {
		if denials[word] {
			return true
		}
	}
	return false
}

// commandArguments are the commands whose arguments need no braces around a digit.
var commandArguments = map[string]int{"frac": 2, "binom": 2, "sqrt": 1}

// spelling writes the tokens of a text without spaces, but for one between
// numbers, without looks, and without braces around single tokens.
func spelling(text string) string {
	var b strings.Builder
	number := false
	write := func(text string, isNumber bool) {
		if number && isNumber {
			b.WriteByte(' ')
		}
		number = isNumber
		b.WriteString(text)
	}
	tokens := lex(text, true)
	arguments := 0 // of a command, to come
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		if t.text == "{" && i+2 < len(tokens) && tokens[i+2].text == "}" && tokens[i+1].text != "{" && tokens[i+1].text != "}" {
			write(tokens[i+1].text, tokens[i+1].kind == tokenNumber)
			i += 2
			arguments--
			continue
		}
		rest := t.text
		for ; arguments > 0 && t.kind == tokenNumber && len(rest) > 1 && isDigits(rest); arguments-- {
			write(rest[:1], true) // \frac12 has two arguments
			rest = rest[1:]
		}
		write(rest, t.kind == tokenNumber)
		if arguments--; t.text == "{" {
			arguments = 0
		}
		if n := commandArguments[t.text]; n > 0 && t.kind == tokenOp {
			arguments = n
		}
	}
	return b.String()
}

// foldText brings a text to a form in which case, spaces, an article before it
// and marks around it do not count.
func foldText(text string) string {
	s := strings.ToLower(spelling(text))
	if lower := strings.ToLower(plain(text)); strings.HasPrefix(lower, "an ") || strings.HasPrefix(lower, "the ") || strings.HasPrefix(lower, "a ") {
		article, _, _ := strings.Cut(lower, " ")
		s = strings.TrimPrefix(s, article)
	}
	if !strings.HasSuffix(s, "...") {
		s = strings.TrimRight(strings.TrimLeft(s, ",;:"), ".,;:")
	}
	if called := strings.TrimRight(s, "!"); called != s && strings.Trim(called, "abcdefghijklmnopqrstuvwxyz") == "" && len(called) > 1 {
		s = called
	}
	for _, mark := range []string{`"`, "'"} {
		if inner := strings.TrimSuffix(strings.TrimPrefix(s, mark), mark); len(inner) == len(s)-2 {
			s = inner
		}
	}
	return s
}

var clock = regexp.MustCompile(`^(\d{1,2})(?::(\d\d))?(?::(\d\d))?\s*(?:([ap])\.?\s*m?\.*)?$`)

// clockLooks removes commands from a time.
var clockLooks = strings.NewReplacer(`\text`, "", `\mathrm`, "", "{", "", "}", "", `\`, "", "~", " ", "$", "")

// timeOfDay reads a time such as 12:05, 9 a.m. or 4:30p as seconds from midnight,
// and whether it says which half of the day it is in.
func timeOfDay(text string) (seconds int, half, ok bool) {
	if len(text) > 40 || text == "" {
		return 0, false, false
	}
	text = strings.ToLower(clockLooks.Replace(text))
	m := clock.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil || m[2] == "" && m[4] == "" {
		return 0, false, false
	}
	hours, _ := strconv.Atoi(m[1])
	minutes, _ := strconv.Atoi("0" + m[2])
	s, _ := strconv.Atoi("0" + m[3])
	if minutes > 59 || s > 59 || hours > 24 || m[4] != "" && hours > 12 {
		return 0, false, false
	}
	if m[4] != "" {
		hours %= 12
	}
	if m[4] == "p" {
		hours += 12
	}
	return hours*3600 + minutes*60 + s, m[4] != "" || hours > 12, true
}

// sameTime compares times of day; without a.m. or p.m. either half will do. It
// reports in decided whether there is no other way to compare the two.
func sameTime(x, y string) (same, decided bool) {
	if !strings.ContainsAny(x, ":mM") {
		return false, false
	}
	a, halfA, okA := timeOfDay(x)
	b, halfB, okB := timeOfDay(y)
	if !okA || !okB {
		// What says a.m. or p.m., or has minutes such as 05, is nothing else.
		return false, halfA || halfB && strings.ContainsAny(y, "mMpPaA") || okA && (strings.Contains(x, ":0") || isUnreduced(x)) && !strings.HasPrefix(y, `\`)
	}
	const halfDay = 12 * 3600
	return a == b || (!halfA || !halfB) && a%halfDay == b%halfDay, true
}

// isUnreduced reports whether a:b has a common divisor, so that it is no ratio but
// a time.
func isUnreduced(text string) bool {
	a, b, _ := strings.Cut(text, ":")
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	for y != 0 {
		x, y = y, x%y
	}
	return errX == nil && errY == nil && x > 1
}

var (
	optionForm  = regexp.MustCompile(`^[\[(]?([A-Ja-j])[\])]?$`)
	optionWord  = regexp.MustCompile(`^(?i:the\s+)?(?i:option|choice)\s+`)
	chosenForm  = regexp.MustCompile(`^\(?([A-Ja-j])(?:\)|[.:]\s|\)\s)`)
	otherOption = regexp.MustCompile(`(?:^|[\s(,])[A-J](?:[\s),.:]|$)|^\s*[-+*/=<>^,;]|(?i:\b(?:or|and|nor|not)\b)`)
)

// sameOption compares with a reference that is an option letter. The answer may
// repeat the text of the option but name no other. It reports in isOption
// whether the reference is a letter.
func sameOption(reference, text string) (same, isOption bool) {
	if strings.ContainsAny(reference, "0123456789+-^=,") {
		return false, false // as most references, which need no further look
	}
	letter := optionForm.FindStringSubmatch(plain(reference))
	if letter == nil {
		return false, false
	}
	text = optionWord.ReplaceAllString(plain(text), "")
	chosen := chosenForm.FindStringSubmatch(text)
	if chosen == nil {
		chosen = optionForm.FindStringSubmatch(text)
	}
	if chosen == nil {
		return false, true
	}
	rest := text[len(chosen[0]):]
	return strings.EqualFold(letter[1], chosen[1]) && !otherOption.MatchString(rest), true
}

var looks = regexp.MustCompile(`\\(?:text|textbf|mathbf|mathrm|textrm|mbox|bf|rm)\b|[{}$\\]`)

// plain removes text commands and braces.
func plain(text string) string {
	if len(text) < 3 {
		return text
	}
	return strings.TrimSpace(looks.ReplaceAllString(text, ""))
}

var emptyBraces = regexp.MustCompile(`^\\\{(?:\s|\\[,;: ])*\\\}$`)

// blank reports whether an answer has neither a letter nor a digit, or is no text.
func blank(text string) bool {
	if strings.HasPrefix(text, `\{`) && emptyBraces.MatchString(text) {
		return false // the empty set
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return true
	}
	for _, r := range text {
		if r >= utf8.RuneSelf || isDigit(byte(r)) || isLetter(byte(r)) {
			return false
		}
	}
	return true
}
