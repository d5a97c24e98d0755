package reward

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// maxExponent bounds the exponent of ten in 1e9 notation.
const maxExponent = 4000

// number reads a decimal number: digits with groups of thousands, a decimal
// point, a repeating part under a bar, or an exponent as in 1.5e-3.
func (l *lexer) number() {
	start := l.at
	whole := l.integer()
	fraction := ""
	if l.at < len(l.text) && l.text[l.at] == '.' {
		from := l.at + 1
		end := from
		for end < len(l.text) && isDigit(l.text[end]) {
			end++
		}
		if end == from && end < len(l.text) && strings.IndexByte("/*^)", l.text[end]) >= 0 {
			l.at = end // 1./3, as programs write it
		}
		if end > from || digitsRepeat(l.text[end:]) {
			fraction = l.text[from:end]
			l.at = end
		}
	}
	value := decimalValue(whole, fraction)
	if fraction != "" || l.text[l.at-1] == '.' {
		if repeating := l.repeating(); repeating != "" {
			value.Add(value, repeatingPart(repeating, len(fraction)))
		}
	}
	l.exponent(value)
	spelling := l.text[start:l.at]
	if fraction == "" && !strings.ContainsAny(spelling, `eE\.`) {
		spelling = whole
	}
	l.emit(tokenNumber, spelling)
	l.tokens[len(l.tokens)-1].num = value
}

// decimalValue returns whole.fraction; both are digits or empty.
func decimalValue(whole, fraction string) *big.Rat {
	if digits := whole + fraction; len(digits) <= 18 {
		n, _ := strconv.ParseInt("0"+digits, 10, 64)
		denominator := int64(1)
		for range fraction {
			denominator *= 10
		}
		return big.NewRat(n, denominator)
	}
	value, _ := new(big.Rat).SetString("0" + whole + "." + fraction + "0")
	return value
}

// integer reads digits, without the separators between groups of three.
func (l *lexer) integer() string {
	start := l.at
	for l.at < len(l.text) && isDigit(l.text[l.at]) {
		l.at++
	}
	whole := l.text[start:l.at]
	if len(whole) == 0 || len(whole) > 3 {
		return whole
	}
	rest := l.at
	groups := whole
	for {
		n := l.separator(l.text[rest:])
		if n == 0 || !threeDigits(l.text[rest+n:]) {
			break
		}
		groups += l.text[rest+n : rest+n+3]
		rest += n + 3
	}
	l.at = rest
	return groups
}

// separators of thousands that mean nothing else; a comma and a space are looked at closer.
var separators = []string{`{,}\!`, `{,}`, `,\!`, ` , \!`, `, \!`, `,\,`, `\,`, `\;`, `\ `, "~", "\u202f", "\u2009"}

// separator returns the length of the separator of thousands that s begins with.
func (l *lexer) separator(s string) int {
	if s == "" {
		return 0
	}
	if s[0] == ',' || s[0] == ' ' || s[0] == '{' || s[0] == '\\' || s[0] == '~' || s[0] >= 0x80 {
		for _, sep := range separators {
			if strings.HasPrefix(s, sep) {
				n := len(sep)
				for n < len(s) && s[n] == ' ' && sep != "~" {
					n++
				}
				return n
			}
		}
	}
	switch {
	case s[0] == ',' && l.thousands && (l.depth <= 0 || strings.HasPrefix(s, ",0")):
		return 1
	case s[0] == ' ' && l.thousands && l.depth <= 0 && !strings.HasPrefix(strings.TrimLeft(s[1:], "0123456789"), "/"):
		return 1
	}
	return 0
}

func threeDigits(s string) bool {
	return len(s) >= 3 && isDigit(s[0]) && isDigit(s[1]) && isDigit(s[2]) && (len(s) == 3 || !isDigit(s[3]))
}

var (
	// repeatingBar are digits under a bar or in parentheses, as behind 0.1 in
	// 0.1\overline{6} and 0.1(6).
	repeatingBar = regexp.MustCompile(`^(?:\\(?:overline|bar)(?:\s*\{\s*(\d+)\s*\}|\s*(\d))|\((\d+)\))`)
	// repeatingDots are digits of which the first and the last have a dot above.
	repeatingDots = regexp.MustCompile(`^\\dot\s*(?:\{(\d)\}|(\d))(?:(\d*)\\dot\s*(?:\{(\d)\}|(\d)))?`)
)

// digitsRepeat reports whether s begins with repeating digits.
func digitsRepeat(s string) bool {
	return len(s) > 2 && (s[0] == '\\' || s[0] == '(') && (repeatingBar.MatchString(s) || repeatingDots.MatchString(s))
}

// repeating reads the digits that repeat.
func (l *lexer) repeating() string {
	rest := l.text[l.at:]
	if !digitsRepeat(rest) {
		return ""
	}
	found := repeatingBar.FindStringSubmatch(rest)
	if found == nil {
		found = repeatingDots.FindStringSubmatch(rest)
	}
	l.at += len(found[0])
	return strings.Join(found[1:], "")
}

// repeatingPart returns 0.000ddd… with zeros before the first of the digits d,
// which repeat.
func repeatingPart(digits string, zeros int) *big.Rat {
	n, _ := new(big.Int).SetString(digits, 10)
	nines := new(big.Int).Sub(powerOfTen(len(digits)), big.NewInt(1))
	return new(big.Rat).SetFrac(n, nines.Mul(nines, powerOfTen(zeros)))
}

func powerOfTen(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// exponent reads e and an integer that stand right behind the digits.
func (l *lexer) exponent(value *big.Rat) {
	rest := l.text[l.at:]
	if rest == "" || rest[0] != 'e' && rest[0] != 'E' {
		return
	}
	n := 1
	if n < len(rest) && (rest[n] == '+' || rest[n] == '-') {
		n++
	}
	first, e := n, 0
	for n < len(rest) && isDigit(rest[n]) && e <= maxExponent {
		e = e*10 + int(rest[n]-'0')
		n++
	}
	if n == first || e > maxExponent || n < len(rest) && (isLetter(rest[n]) || rest[n] == '.') {
		return
	}
	l.at += n
	scale := new(big.Rat).SetInt(powerOfTen(e))
	if rest[1] == '-' {
		scale.Inv(scale)
	}
	value.Mul(value, scale)
}

func ratInt(n int64) *big.Rat { return new(big.Rat).SetInt64(n) }
