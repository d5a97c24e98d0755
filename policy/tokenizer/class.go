package tokenizer

import (
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
