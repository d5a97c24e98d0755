package main

import (
	"strings"
	"unicode/utf8"
)

// valid replaces what is not UTF-8 by U+FFFD, one for each part that could have
// begun a character or single byte that could not, as Hugging Face's decoders
// do: an untrained policy draws any bytes. A text in parts that break no
// character gives the same as the whole.
func valid(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && n <= 1 {
			n = beginning(text[i:])
		}
		b.WriteRune(r)
		i += n
	}
	return b.String()
}

// beginning returns the bytes of text that begin a character, at least 1, where
// text does not begin with a whole one.
func beginning(text string) int {
	n := 1
	for n < len(text) && !utf8.FullRuneInString(text[:n+1]) {
		n++
	}
	return n
}
