package reward

import (
	"math/big"
	"regexp"
	"strings"
	"unicode/utf8"
)

// tokenKind says what a token is.
type tokenKind uint8

const (
	tokenEnd    tokenKind = iota
	tokenNumber           // num, with its digits in text
	tokenSymbol           // a letter, or a command that is none of the others
	tokenFunc             // a function, by its name in functions
	tokenWord             // two or more letters that are no product of variables
	tokenOp               // everything else
	tokenOpaque           // what cannot be computed with, such as an ellipsis
)

// token is a piece of an answer.
type token struct {
	kind  tokenKind
	text  string
	num   *big.Rat
	space bool // white space is before it
	prose bool // it is in a text command
	both  bool // it is the word and
}

// lexer cuts an answer, LaTeX or plain, into tokens.
type lexer struct {
	text      string
	at        int
	space     bool
	prose     bool // within a text command
	thousands bool // commas may group digits
	depth     int  // of brackets, in which commas separate
	end       int  // one more than sentenceEnd returns, or 0
	tokens    []token
}

// lex returns the tokens of text without an end token. With thousands a comma
// outside brackets that is followed by exactly three digits groups digits.
func lex(text string, thousands bool) []token {
	l := lexer{text: text, thousands: thousands, tokens: make([]token, 0, 16)}
	l.run()
	return l.tokens
}

func (l *lexer) run() {
	for l.at < len(l.text) {
		switch c := l.text[l.at]; {
		case c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '~':
			l.space = true
			l.at++
		case c == '$':
			l.dollar()
		case c == '\\':
			l.command()
		case c == '0' && hexadecimal.MatchString(l.text[l.at:]):
			l.at++
			l.emit(tokenOpaque, "0x")
		case isDigit(c) || c == '.' && l.at+1 < len(l.text) && (isDigit(l.text[l.at+1]) || l.text[l.at+1] == '\\' && digitsRepeat(l.text[l.at+1:])):
			l.number()
		case c < utf8.RuneSelf && isLetter(c):
			l.letters()
		case c < utf8.RuneSelf:
			l.punctuation()
		default:
			l.unicode()
		}
	}
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func (l *lexer) emit(kind tokenKind, text string) {
	l.tokens = append(l.tokens, token{kind: kind, text: text, space: l.space, prose: l.prose})
	l.space = false
}

func (l *lexer) last() token {
	if len(l.tokens) == 0 {
		return token{}
	}
	return l.tokens[len(l.tokens)-1]
}

// hexadecimal is a number as programs write it to the base sixteen.
var hexadecimal = regexp.MustCompile(`^0[xX][0-9A-Fa-f]`)

// dollar reads a $, which is a currency before an amount that no other $
// follows, and the edge of a formula elsewhere.
func (l *lexer) dollar() {
	l.at++
	rest := l.text[l.at:]
	if rest != "" && isDigit(rest[0]) && strings.Count(l.text, "$")%2 == 1 {
		l.emit(tokenOp, "$")
		return
	}
	l.space = true
}

// command reads what begins with a backslash.
func (l *lexer) command() {
	rest := l.text[l.at+1:]
	if rest == "" {
		l.at++
		l.emit(tokenOpaque, `\`)
		return
	}
	n := 0
	for n < len(rest) && isLetter(rest[n]) {
		n++
	}
	if n == 0 {
		l.escaped(rest[0])
		return
	}
	name := rest[:n]
	l.at += 1 + n
	if name == "operatorname" && l.at < len(l.text) && l.text[l.at] == '*' {
		l.at++
	}
	l.named(name)
}

// lineGap is the space below a line that \\ may ask for.
var lineGap = regexp.MustCompile(`^\[-?[\d.]+\s*(?:pt|em|ex|mm|cm|in)\]`)

// escaped reads a backslash and one character that is no letter.
func (l *lexer) escaped(c byte) {
	l.at += 2
	switch c {
	case '!', ',', ';', ':', ' ', '(', ')', '[', ']', '\n', '/', '-':
		l.space = true
	case '{', '}':
		l.bracket(`\` + string(c))
	case '%':
		l.emit(tokenOp, "%")
	case '$':
		l.emit(tokenOp, "$")
	case '\\':
		if gap := lineGap.FindString(l.text[l.at:]); gap != "" {
			l.at += len(gap)
		}
		l.emit(tokenOp, `\\`)
	case '|':
		l.emit(tokenOp, "|")
	case '&', '#', '_':
		l.emit(tokenOpaque, string(c))
	default:
		l.emit(tokenOpaque, `\`+string(c))
	}
}

// named reads a command by its name, with its argument if that is text.
func (l *lexer) named(name string) {
	switch {
	case ignored[name]:
		l.space = true
		if (name == "left" || name == "right") && l.at < len(l.text) && l.text[l.at] == '.' {
			l.at++ // the invisible bracket
		}
	case name == "mathbb" && strings.HasPrefix(l.text[l.at:], "{R}"):
		l.at += len("{R}")
		l.emit(tokenSymbol, "reals")
	case (name == "overrightarrow" || name == "vec") && vectorName.MatchString(l.text[l.at:]):
		vector := vectorName.FindStringSubmatch(l.text[l.at:])
		l.at += len(vector[0])
		l.emit(tokenSymbol, "→"+vector[1])
	case lengths[name]:
		l.argumentSkipped()
	case bars[name] && barredNumber.MatchString(l.text[l.at:]):
		l.emit(tokenOpaque, name) // digits under a bar or a hat are not that number
	case marked[name] != "" && markedLetter.MatchString(l.text[l.at:]):
		letter := markedLetter.FindStringSubmatch(l.text[l.at:])
		l.at += strings.Index(letter[0], letter[1]+letter[2]) + 1
		if letter[1] != "" {
			l.at += strings.IndexByte(l.text[l.at:], '}') + 1
		}
		l.emit(tokenSymbol, letter[1]+letter[2]+marked[name]) // a mean, a conjugate, an estimate
	case wrappers[name] || accents[name]:
		l.wrapped(wrappers[name] && name != "operatorname")
	case name == "begin" || name == "end":
		l.environment(name)
	case opaque[name]:
		l.emit(tokenOpaque, name)
	case operators[name] != "":
		l.operator(operators[name])
	case functions[name] != "":
		l.emit(tokenFunc, functions[name])
	case name == "emptyset" || name == "varnothing":
		l.emit(tokenSymbol, "emptyset")
	default:
		l.emit(tokenSymbol, strings.TrimPrefix(name, "var"))
	}
}

// vectorName are the two points of a vector, whose order counts.
var vectorName = regexp.MustCompile(`^\s*\{\s*([A-Z]{2})\s*\}`)

// marked are accents that make another variable of a letter.
var marked = map[string]string{"overline": "̄", "bar": "̄", "hat": "̂", "widehat": "̂", "tilde": "̃", "widetilde": "̃"}

// markedLetter is an argument of one letter, but for the names of unit vectors.
var markedLetter = regexp.MustCompile(`^\s*(?:\{\s*([A-Za-hl-z])\s*\}|([A-Za-hl-z])(?:[^A-Za-z]|$))`)

// barredNumber is an argument of digits.
var barredNumber = regexp.MustCompile(`^\s*(?:\{[\d.,\s]+\}|\d)`)

// argumentSkipped passes over an argument in braces.
func (l *lexer) argumentSkipped() {
	l.space = true
	if strings.HasPrefix(l.text[l.at:], "*") {
		l.at++
	}
	if !strings.HasPrefix(l.text[l.at:], "{") {
		return
	}
	if end := closingBrace(l.text[l.at+1:]); end >= 0 {
		l.at += end + 2
	}
}

func (l *lexer) operator(text string) {
	if text == "(" || text == ")" || text == "[" || text == "]" || text == `\{` || text == `\}` {
		l.bracket(text)
		return
	}
	l.emit(tokenOp, text)
}

// bracket counts the brackets in which a comma separates.
func (l *lexer) bracket(text string) {
	switch text {
	case "(", "[", `\{`:
		l.depth++
	case ")", "]", `\}`:
		l.depth--
	}
	l.emit(tokenOp, text)
}

// wrapped reads the argument of a command that only changes its looks.
func (l *lexer) wrapped(prose bool) {
	start := l.at
	for start < len(l.text) && l.text[start] == ' ' {
		start++
	}
	if start == len(l.text) || l.text[start] != '{' {
		return // an argument of one token
	}
	end := closingBrace(l.text[start+1:])
	if end < 0 {
		l.at = len(l.text)
		l.emit(tokenOpaque, "{")
		return
	}
	inner := lexer{text: l.text[start+1 : start+1+end], space: l.space || prose, prose: l.prose || prose, thousands: l.thousands, depth: l.depth}
	inner.tokens = l.tokens
	if strings.Count(l.text[:start], `\`) > maxDepth {
		inner.text = "" // commands within commands take quadratic time
		inner.emit(tokenOpaque, "{")
	}
	inner.run()
	l.tokens = inner.tokens
	l.at = start + 1 + end + 1
	l.space = inner.space || prose
}

// environment reads \begin{name} or \end{name}.
func (l *lexer) environment(command string) {
	rest := l.text[l.at:]
	end := strings.IndexByte(rest, '}')
	if end < 1 || rest[0] != '{' {
		l.emit(tokenOpaque, command)
		return
	}
	name := rest[1:end]
	l.at += end + 1
	if name == "array" && strings.HasPrefix(l.text[l.at:], "{") {
		if columns := closingBrace(l.text[l.at+1:]); columns >= 0 {
			l.at += columns + 2
		}
	}
	l.emit(tokenOp, command)
	l.tokens[len(l.tokens)-1].text = command + " " + strings.TrimSuffix(name, "*")
}

// letters reads a run of letters: a function, an operator, a word, or a product
// of variables.
func (l *lexer) letters() {
	start := l.at
	for l.at < len(l.text) && isLetter(l.text[l.at]) {
		l.at++
	}
	run := l.text[start:l.at]
	switch {
	case len(run) == 1:
		l.letter(run)
	case operators[run] == "," || run == "union" || run == "pm":
		l.emit(tokenOp, operators[run])
		l.tokens[len(l.tokens)-1].both = run == "and"
	case run == "to":
		l.emit(tokenOp, ":")
	case run == "sqrt":
		l.emit(tokenOp, "sqrt")
	case run == "pct":
		l.emit(tokenOp, "%")
	case run == "min" && l.last().kind == tokenNumber && !strings.HasPrefix(l.text[l.at:], "("):
		l.word(run) // minutes
	case functions[run] != "" && !l.prose, run == "pi", run == "infty":
		l.keyword(run)
	case run == "infinity" || run == "inf" || run == "oo":
		l.emit(tokenSymbol, "infty")
	case l.prose || l.wordLike(run):
		l.word(run)
	default:
		l.product(run)
	}
}

func (l *lexer) keyword(run string) {
	if f := functions[run]; f != "" {
		l.emit(tokenFunc, f)
		return
	}
	l.emit(tokenSymbol, run)
}

// unitQuotient is what follows the first letter of m/s and the like.
var unitQuotient = regexp.MustCompile(`^/(?:s|h|min|sec|hr)(?:\^|$|[^a-zA-Z])`)

// opensSet is what follows a U that is a union.
var opensSet = regexp.MustCompile(`^\s*(?:\\left\s*)?(?:[(\[]|\\\{)`)

func (l *lexer) letter(run string) {
	rest := l.text[l.at:]
	previous := l.last()
	switch number := previous.kind == tokenNumber; {
	case l.prose && previous.text == "}" && isUnit(run):
		l.emit(tokenWord, run)
	case run == "U" && strings.Contains(`)]\}`, previous.text) && previous.text != "" && opensSet.MatchString(rest):
		l.emit(tokenOp, "cup")
	case (previous.text == "sq" || previous.text == "square" || previous.text == "cubic") && isUnit(run):
		l.emit(tokenWord, run)
	case number && isUnit(run) && (l.prose || l.space && unitQuotient.MatchString(rest)):
		l.emit(tokenWord, run)
	case number && run == "x" && strings.HasPrefix(strings.TrimLeft(rest, " "), "10^"):
		l.emit(tokenOp, "*") // 6.02 x 10^23
	default:
		l.emit(tokenSymbol, run)
	}
}

func isUnit(word string) bool {
	_, ok := unitOf(word)
	return ok
}

func (l *lexer) word(run string) {
	switch run {
	case "percent", "percentage":
		l.emit(tokenOp, "%")
	default:
		l.emit(tokenWord, run)
	}
}

// product reads a run of letters as variables, and dx in dy/dx as below it.
func (l *lexer) product(run string) {
	if n := len(l.tokens) - 3; n >= 0 && len(run) == 2 && run[0] == 'd' && l.tokens[n].text == "d" && l.tokens[n+1].kind == tokenSymbol && l.tokens[n+2].text == "/" {
		above := l.tokens[n+1].text
		l.tokens = l.tokens[:n]
		for _, text := range []string{"frac", "{", "d", above, "}", "{", "d", run[1:], "}"} {
			kind := tokenOp
			if len(text) == 1 && isLetter(text[0]) || text == above {
				kind = tokenSymbol
			}
			l.emit(kind, text)
		}
		return
	}
	for i := range len(run) {
		l.emit(tokenSymbol, run[i:i+1])
	}
}

// wordLike tells words from products such as xy.
func (l *lexer) wordLike(run string) bool {
	if run == "USD" || run == "EUR" || shortWords[strings.ToLower(run)] || numerals[strings.ToLower(run)] != "" {
		return true
	}
	previous := l.last()
	after := previous.kind == tokenNumber || previous.kind == tokenWord || previous.text == "}" || previous.text == "pi" || previous.text == "$"
	if after && isUnitWord(run) {
		return true
	}
	if !strings.ContainsAny(run, "aeiouAEIOU") {
		return len(run) > 6
	}
	return len(run) >= 4 || len(run) == 3 && l.space && after
}

// marks are characters that stand for tokens of more than one character, or of another spelling.
var marks = map[string]string{"<=": "<=", ">=": ">=", "!=": "!=", "==": "=", "**": "^"}

// sentenceEnd returns from where on text has nothing but what may follow a sentence.
func (l *lexer) sentenceEnd() int {
	if l.end == 0 {
		l.end = 1 + len(strings.TrimRight(l.text, " .\n\t$})"))
	}
	return l.end - 1
}

func (l *lexer) punctuation() {
	if l.at+1 < len(l.text) {
		if text := marks[l.text[l.at:l.at+2]]; text != "" {
			l.at += 2
			l.emit(tokenOp, text)
			return
		}
	}
	c := l.text[l.at : l.at+1]
	l.at++
	switch {
	case c == "{" && (strings.HasPrefix(l.text[l.at:], "}^") || strings.HasPrefix(l.text[l.at:], "}_")) && l.last().kind == tokenNumber:
		l.at++ // {}^\circ
	case c == "{":
		l.emit(tokenOp, c)
	case c == "(" || c == ")" || c == "[" || c == "]":
		l.bracket(c)
	case strings.Contains("+-*/^_}|=<>!%:;,&'", c):
		l.emit(tokenOp, c)
	case c == "." && l.at >= l.sentenceEnd() && !strings.Contains(l.text[max(0, l.at-3):], "..."):
		// the end of a sentence
	case c == "." && l.last().kind == tokenWord && !l.last().space || c == "." && shortened[l.last().text]:
		// an abbreviation
	default:
		l.emit(tokenOpaque, c)
	}
}

// shortened are units that a period may follow.
var shortened = set("sq", "cu", "ft", "in", "yd", "mi", "lb", "lbs", "oz", "hr", "hrs", "min", "mins", "sec")
