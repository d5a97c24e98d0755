package jinja

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// token is a word of an expression.
type token struct {
	kind  tokenKind
	text  string // as written; of a string, its value
	value Value  // of a number
	line  int
}

type tokenKind int

const (
	endToken tokenKind = iota // after the last of a tag
	nameToken
	stringToken
	numberToken
	symbolToken
)

var (
	nameSpelling   = regexp.MustCompile(`^[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*`)
	floatSpelling  = regexp.MustCompile(`^\d+(?:_\d+)*(?:\.\d+(?:_\d+)*)?(?:[eE][+-]?\d+(?:_\d+)*)?`)
	intSpelling    = regexp.MustCompile(`^(?:0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[0-9a-fA-F])+|[1-9](?:_?\d)*|0(?:_?0)*)`)
	symbolSpelling = regexp.MustCompile(`^(?://|\*\*|==|!=|>=|<=|[-+/*%~\[\](){}<>=.:|,])`)
)

// lex reads the token that source begins with and returns its length.
func lex(source string) (token, int, error) {
	if source[0] == '\'' || source[0] == '"' {
		return lexString(source)
	}
	if source[0] >= '0' && source[0] <= '9' {
		return lexNumber(source)
	}
	if m := nameSpelling.FindString(source); m != "" {
		if len(m) > maxName {
			return token{}, 0, fmt.Errorf("%w: a name of %d bytes", ErrLimit, len(m))
		}
		return token{kind: nameToken, text: m}, len(m), nil
	}
	if m := symbolSpelling.FindString(source); m != "" {
		return token{kind: symbolToken, text: m}, len(m), nil
	}
	r, _ := utf8.DecodeRuneInString(source)
	return token{}, 0, fmt.Errorf("unexpected character %q", r)
}

func lexNumber(source string) (token, int, error) {
	whole, float := intSpelling.FindString(source), floatSpelling.FindString(source)
	if len(float) > len(whole) && strings.ContainsAny(float, ".eE") {
		v, err := strconv.ParseFloat(strings.ReplaceAll(float, "_", ""), 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return token{}, 0, fmt.Errorf("number %s: %w", float, err)
		}
		return token{kind: numberToken, text: float, value: v}, len(float), nil
	}
	v, err := strconv.ParseInt(whole, 0, 64)
	if err != nil {
		return token{}, 0, fmt.Errorf("number %s is too large", whole)
	}
	return token{kind: numberToken, text: whole, value: v}, len(whole), nil
}

// lexString reads a string with the escapes of Python.
func lexString(source string) (token, int, error) {
	quote := source[0]
	var b strings.Builder
	for i := 1; i < len(source); {
		switch c := source[i]; {
		case c == quote:
			return token{kind: stringToken, text: b.String()}, i + 1, nil
		case c == '\\' && i+1 < len(source):
			n, err := unescape(&b, source[i+1:])
			if err != nil {
				return token{}, 0, err
			}
			i += 1 + n
		default:
			b.WriteByte(c)
			i++
		}
	}
	return token{}, 0, errors.New("a string without its closing quote")
}

var simpleEscapes = map[byte]string{
	'\n': "", '\\': "\\", '\'': "'", '"': "\"", 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
}

// unescape writes what source means after a backslash, and returns the bytes
// used. Unknown escapes are kept as they are.
func unescape(b *strings.Builder, source string) (int, error) {
	c := source[0]
	if text, ok := simpleEscapes[c]; ok {
		b.WriteString(text)
		return 1, nil
	}
	digits, base, from := 0, 16, 1
	switch {
	case c == 'x':
		digits = 2
	case c == 'u':
		digits = 4
	case c == 'U':
		digits = 8
	case c >= '0' && c <= '7':
		from, base = 0, 8
		for digits < 3 && digits < len(source) && source[digits] >= '0' && source[digits] <= '7' {
			digits++
		}
	default:
		b.WriteByte('\\')
		return 0, nil
	}
	end := from + digits
	if end > len(source) {
		return 0, fmt.Errorf("a string ends inside the escape \\%c", c)
	}
	v, err := strconv.ParseUint(source[from:end], base, 32)
	if err != nil || v > utf8.MaxRune {
		return 0, fmt.Errorf("escape \\%s is no character", source[:end])
	}
	b.WriteRune(rune(v))
	return end, nil
}
