package reward

import (
	"math/big"
	"strings"
	"unicode"
)

// equivalent reports whether two normalized answers mean the same: they are
// spelled alike or are the same number. A number may have a name, as in x=5,
// which counts only against another name.
func equivalent(reference, answer string) bool {
	if reference == answer {
		return true
	}
	wantName, want := cutName(reference)
	gotName, got := cutName(answer)
	if wantName != "" && gotName != "" && wantName != gotName {
		return false
	}
	x, ok := parseNumber(want)
	if !ok {
		return false
	}
	y, ok := parseNumber(got)
	return ok && x.Cmp(y) == 0
}

// cutName splits x=5 or f(x)=5 into the name and the value; the name is empty
// where there is none.
func cutName(s string) (name, value string) {
	name, value, ok := strings.Cut(s, "=")
	if !ok || name == "" || !unicode.IsLetter(rune(name[0])) && name[0] != '\\' || strings.ContainsAny(name, " ,+-*/<>") {
		return "", s
	}
	return name, value
}

// parseNumber reads an integer, a decimal, a fraction a/b or \frac{a}{b} of
// those, or a mixed number, with a sign before it and before each part of a
// fraction. There are no exponents, so its size is bounded by that of s.
func parseNumber(s string) (*big.Rat, bool) {
	rest, negative := cutSign(s)
	x, ok := parseUnsigned(rest)
	if ok && negative {
		x.Neg(x)
	}
	return x, ok
}

func parseUnsigned(s string) (*big.Rat, bool) {
	if whole, arguments, ok := strings.Cut(s, `\frac`); ok {
		numerator, rest := cutArgument(arguments)
		denominator, rest := cutArgument(rest)
		if rest != "" {
			return nil, false
		}
		return mixed(whole, numerator, denominator)
	}
	whole, fraction, ok := strings.Cut(s, " ")
	if !ok {
		whole, fraction = "", s
	}
	if numerator, denominator, isFraction := strings.Cut(fraction, "/"); isFraction {
		return mixed(whole, numerator, denominator)
	}
	return parseDecimal(s)
}

// mixed returns whole + numerator/denominator. A whole, unless it is empty,
// needs a proper fraction of unsigned integers.
func mixed(whole, numerator, denominator string) (*big.Rat, bool) {
	n, okN := parseSigned(numerator)
	d, okD := parseSigned(denominator)
	if !okN || !okD || d.Sign() == 0 {
		return nil, false
	}
	q := new(big.Rat).Quo(n, d)
	if whole == "" {
		return q, true
	}
	if !isDigits(whole) || !isDigits(numerator) || !isDigits(denominator) || n.Cmp(d) >= 0 {
		return nil, false
	}
	w, ok := parseDecimal(whole)
	return q.Add(q, w), ok
}

// cutArgument splits off the first argument of a command: a group in braces or
// one character.
func cutArgument(s string) (argument, rest string) {
	if s == "" {
		return "", ""
	}
	if s[0] != '{' {
		return s[:1], s[1:]
	}
	end := closingBrace(s[1:])
	if end < 0 {
		return "", ""
	}
	return s[1 : end+1], s[end+2:]
}

func cutSign(s string) (rest string, negative bool) {
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		return rest, true
	}
	return strings.TrimPrefix(s, "+"), false
}

func parseSigned(s string) (*big.Rat, bool) {
	rest, negative := cutSign(s)
	x, ok := parseDecimal(rest)
	if ok && negative {
		x.Neg(x)
	}
	return x, ok
}

// parseDecimal reads digits with at most one decimal point and, before it,
// commas between groups of three.
func parseDecimal(s string) (*big.Rat, bool) {
	whole, fraction, point := strings.Cut(dropThousands(s), ".")
	if whole+fraction == "" || !isDigits(whole) || !isDigits(fraction) || point && fraction == "" {
		return nil, false
	}
	digits, ok := new(big.Int).SetString(whole+fraction, 10)
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(len(fraction))), nil)
	return new(big.Rat).SetFrac(digits, scale), ok
}

// dropThousands removes the commas of 1,234,567.8 and leaves all else as it is.
func dropThousands(s string) string {
	whole, _, _ := strings.Cut(s, ".")
	groups := strings.Split(whole, ",")
	for i, group := range groups {
		if i > 0 && len(group) != 3 || len(group) == 0 || len(group) > 3 && len(groups) > 1 || !isDigits(group) {
			return s
		}
	}
	return strings.Join(groups, "") + s[len(whole):]
}

func isDigits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}
