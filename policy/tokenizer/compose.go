package tokenizer

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// graphemeJoiner is what package norm puts into runs of more than 30 combining
// marks (the stream-safe format), which plain NFC leaves as they are.
const graphemeJoiner = "\u034f"

// composed returns text in the normal form NFC.
func composed(text string) string {
	out := norm.NFC.String(text)
	if strings.Count(out, graphemeJoiner) == strings.Count(text, graphemeJoiner) {
		return out
	}
	return composeLong(text)
}

// mark is a character with its class of combining, 0 for starters.
type mark struct {
	char  rune // below 0 for a byte that is no UTF-8, which stays: -1 for 0x00
	class uint8
}

// composeLong is composed by the standard's definition: decompose, order the
// marks behind each starter, compose. Its pairs come from package norm, which
// takes two characters as they are.
func composeLong(text string) string {
	marks := decomposed(text)
	for from := 0; from < len(marks); {
		to := from + 1
		for to < len(marks) && marks[to].class != 0 {
			to++
		}
		run := marks[from:to]
		slices.SortStableFunc(run, func(a, b mark) int { return cmp.Compare(a.class, b.class) })
		from = to
	}
	var b strings.Builder
	for _, m := range composePairs(marks) {
		if m.char < 0 {
			b.WriteByte(byte(-1 - m.char))
			continue
		}
		b.WriteRune(m.char)
	}
	return b.String()
}

// composePairs composes each starter with what follows it and is not blocked.
func composePairs(marks []mark) []mark {
	var out []mark
	starter := -1 // the last in out
	for _, m := range marks {
		if starter >= 0 && (len(out) == starter+1 || out[len(out)-1].class != 0 && out[len(out)-1].class < m.class) {
			if c, ok := pair(out[starter].char, m.char); ok {
				out[starter].char = c
				continue
			}
		}
		if m.class == 0 {
			starter = len(out)
		}
		out = append(out, m)
	}
	return out
}

// decomposed returns the canonical decomposition of each character, in the
// order of text.
func decomposed(text string) []mark {
	var marks []mark
	for i, size := 0, 0; i < len(text); i += size {
		var char rune
		if char, size = utf8.DecodeRuneInString(text[i:]); char == utf8.RuneError && size == 1 {
			marks = append(marks, mark{char: -1 - rune(text[i])})
			continue
		}
		for _, part := range norm.NFD.String(string(char)) {
			marks = append(marks, mark{part, norm.NFD.PropertiesString(string(part)).CCC()})
		}
	}
	return marks
}

// pair returns the one character that a starter and what follows it compose to.
func pair(starter, follower rune) (rune, bool) {
	one := norm.NFC.String(string([]rune{starter, follower}))
	char, size := utf8.DecodeRuneInString(one)
	return char, size == len(one)
}
