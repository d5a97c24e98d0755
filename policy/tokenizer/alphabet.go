package tokenizer

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The byte alphabet of GPT-2 writes each byte as one printable character, so
// that a vocabulary of bytes can be kept in JSON: printable Latin-1 bytes stand
// for themselves, the other 68 for U+0100 onwards in order.
var (
	byteRunes [256]rune
	runeBytes = map[rune]byte{}
)

func init() {
	shifted := rune(0x100)
	for b := range 256 {
		r := rune(b)
		if b < '!' || b > '~' && b < 0xA1 || b == 0xAD {
			r = shifted
			shifted++
		}
		byteRunes[b] = r
		runeBytes[r] = byte(b)
	}
}

// toAlphabet writes raw bytes in the byte alphabet.
func toAlphabet(raw string) string {
	var b strings.Builder
	for i := range len(raw) {
		b.WriteRune(byteRunes[raw[i]])
	}
	return b.String()
}

// fromAlphabet returns the bytes that a word of the byte alphabet stands for.
func fromAlphabet(word string) (string, error) {
	raw := make([]byte, 0, len(word))
	for i, r := range word {
		b, ok := runeBytes[r]
		if !ok {
			return "", fmt.Errorf("token %q has %q at byte %d, which stands for no byte: the vocabulary is not byte-level", word, r, i)
		}
		raw = append(raw, b)
	}
	return string(raw), nil
}

// completePrefix returns the length of the longest prefix of b that does not
// end within a character. Bytes that can begin no character count as complete.
func completePrefix(b []byte) int {
	for i := max(0, len(b)-utf8.UTFMax+1); i < len(b); i++ {
		if utf8.RuneStart(b[i]) && !utf8.FullRune(b[i:]) {
			return i
		}
	}
	return len(b)
}
