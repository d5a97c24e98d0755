package tokenizer

import (
	"math/bits"
	"unicode"
	"unicode/utf8"
)

// class is what the split patterns can tell about a character.
type class uint8

const (
	other   class = iota // none of the following, and bytes that are not UTF-8
	letter               // \p{L}
	number               // \p{N}
	space                // \s, the White_Space property, without newline
	newline              // \r and \n
)

// classes holds the class of every character of the basic plane.
var classes = func() *[1 << 16]class {
	var t [1 << 16]class
	for r := range rune(len(t)) {
		t[r] = classify(r)
	}
	return &t
}()

func classify(r rune) class {
	switch {
	case r == '\r' || r == '\n':
		return newline
	case unicode.Is(unicode.White_Space, r):
		return space
	case unicode.Is(unicode.L, r):
		return letter
	case unicode.Is(unicode.N, r):
		return number
	}
	return other
}

// isLetter tells the bytes that are letters on their own.
var isLetter = func() (t [256]bool) {
	for b := range utf8.RuneSelf {
		t[b] = classes[b] == letter
	}
	return t
}()

// classAt returns the class and the length in bytes of the character at text[i].
func classAt(text string, i int) (class, int) {
	if b := text[i]; b < utf8.RuneSelf {
		return classes[b], 1
	}
	r, n := utf8.DecodeRuneInString(text[i:])
	if int(r) < len(classes) {
		return classes[r], n
	}
	return classify(r), n
}

// skip returns the end of the run of class c that starts at i, which is i where
// there is none.
func skip(text string, i int, c class) int {
	for i < len(text) {
		if b := text[i]; b < utf8.RuneSelf {
			if classes[b] != c {
				return i
			}
			i++
			continue
		}
		got, n := classAt(text, i)
		if got != c {
			return i
		}
		i += n
	}
	return i
}

// letters is skip for letters, eight bytes at a time where they are ASCII.
func letters(text string, i int) int {
	for i+8 <= len(text) {
		others := nonLetters(load8(text, i))
		if others == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(others) / 8
		if text[i] < utf8.RuneSelf {
			return i
		}
		break
	}
	return skip(text, i, letter)
}

// nonLetters returns w with the highest bit of a byte set where the byte is not
// an ASCII letter, and all other bits clear.
func nonLetters(w uint64) uint64 {
	const ones = 0x0101010101010101
	low := w&(0x7F*ones) | 0x20*ones // lower case
	fromA := low + (0x80-'a')*ones   // the highest bit tells low ≥ 'a'
	afterZ := low + (0x7F-'z')*ones  // and low > 'z'
	return ^(fromA &^ afterZ &^ w) & (0x80 * ones)
}

// load8 returns the eight bytes of text from i on, the first as the lowest.
func load8(text string, i int) uint64 {
	s := text[i : i+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
