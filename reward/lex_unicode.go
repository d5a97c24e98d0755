package reward

import (
	"math/big"
	"strings"
	"unicode"
	"unicode/utf8"
)

// runes are characters outside ASCII that stand for a token.
var runes = map[rune]token{
	'−': {kind: tokenOp, text: "-"}, '–': {kind: tokenOp, text: "-"}, '×': {kind: tokenOp, text: "*"}, '·': {kind: tokenOp, text: "*"}, '⋅': {kind: tokenOp, text: "*"},
	'÷': {kind: tokenOp, text: "/"}, '⁄': {kind: tokenOp, text: "/"}, '±': {kind: tokenOp, text: "pm"}, '∓': {kind: tokenOp, text: "mp"},
	'≤': {kind: tokenOp, text: "<="}, '≥': {kind: tokenOp, text: ">="}, '≠': {kind: tokenOp, text: "!="}, '≈': {kind: tokenOp, text: "~"},
	'∈': {kind: tokenOp, text: "in"}, '∪': {kind: tokenOp, text: "cup"}, '∩': {kind: tokenOp, text: "cap"}, '√': {kind: tokenOp, text: "sqrt"},
	'°': {kind: tokenOp, text: "deg"}, '′': {kind: tokenOp, text: "'"}, '⟨': {kind: tokenOp, text: "("}, '⟩': {kind: tokenOp, text: ")"},
	'π': {kind: tokenSymbol, text: "pi"}, '∞': {kind: tokenSymbol, text: "infty"}, '∅': {kind: tokenSymbol, text: "emptyset"}, 'ℝ': {kind: tokenSymbol, text: "reals"},
	'₹': {kind: tokenWord, text: "₹"}, '¥': {kind: tokenWord, text: "¥"}, '€': {kind: tokenWord, text: "€"}, '£': {kind: tokenWord, text: "£"}, '¢': {kind: tokenWord, text: "¢"},
	'½': {kind: tokenNumber, text: "½", num: big.NewRat(1, 2)}, '¼': {kind: tokenNumber, text: "¼", num: big.NewRat(1, 4)},
	'¾': {kind: tokenNumber, text: "¾", num: big.NewRat(3, 4)}, '⅓': {kind: tokenNumber, text: "⅓", num: big.NewRat(1, 3)},
	'⅔': {kind: tokenNumber, text: "⅔", num: big.NewRat(2, 3)},
}

const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹"

func (l *lexer) unicode() {
	r, size := utf8.DecodeRuneInString(l.text[l.at:])
	if i := strings.IndexRune(superscripts, r); i >= 0 && r != utf8.RuneError {
		l.superscript()
		return
	}
	l.at += size
	if t, ok := runes[r]; ok {
		t.space, t.prose = l.space, l.prose
		l.tokens = append(l.tokens, t)
		l.space = false
		return
	}
	switch {
	case r == '\u00a0' || r == '\u2009' || r == '\u202f':
		l.space = true
	case unicode.Is(unicode.Greek, r):
		l.emit(tokenSymbol, greekName(r))
	default:
		l.emit(tokenOpaque, string(r))
	}
}

// superscript reads digits above the line as a power.
func (l *lexer) superscript() {
	var digits strings.Builder
	for l.at < len(l.text) {
		r, size := utf8.DecodeRuneInString(l.text[l.at:])
		i := strings.IndexRune(superscripts, r)
		if i < 0 || r == utf8.RuneError {
			break
		}
		digits.WriteByte('0' + byte(len([]rune(superscripts[:i]))))
		l.at += size
	}
	l.emit(tokenOp, "^")
	l.emit(tokenNumber, digits.String())
	l.tokens[len(l.tokens)-1].num, _ = new(big.Rat).SetString(digits.String())
}

// greek are the Greek letters from α, as LaTeX names them.
var greek = strings.Fields("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma sigma tau upsilon phi chi psi omega")

func greekName(r rune) string {
	switch {
	case 'α' <= r && r <= 'ω':
		return greek[r-'α']
	case 'Α' <= r && r <= 'Ω':
		name := greek[r-'Α']
		return strings.ToUpper(name[:1]) + name[1:]
	}
	return string(r)
}
