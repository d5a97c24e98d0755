package tokenizer

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPatterns(t *testing.T) {
	cases := []struct {
		pattern *pattern
		want    []string // the pieces of their concatenation
	}{
		{llama3, []string{"I", "'ll", " we", "'VE", " x", "'ſ", "'", " ok"}},
		{gpt2, []string{"I", "'ll", " we", "'", "VE", " x", "'", "ſ", "'", " ok"}},
		{llama3, []string{"123", "456", "7", " ", "89½"}},
		{qwen2, []string{"1", "2", "3", " ", "8", "½"}},
		{gpt2, []string{"1234567", " 89½"}},
		{qwen2, []string{"(a", "+b", ")^", "2", "+", "3"}},
		{qwen2, []string{" ++\r\n\n", "  ", " x"}},
		{gpt2, []string{" ++", "\r\n\n  ", " x"}},
		{qwen2, []string{"a", " \t\n \r", "  ", "\tb"}},
		{gpt2, []string{"a", " \t\n \r  ", "\t", "b"}},
		{qwen2, []string{"\u00a0", "\u3000日本", "\u3000", "1"}},
		{gpt2, []string{"\u00a0", "\u3000", "日本", "\u3000", "1"}},
		{qwen2, []string{"x", "   "}},
		{llama3, []string{"x", " \n", "  "}},
		{cl100k, []string{"x", " \n", "  ", " y", " \n  "}},
		{gpt2, []string{"x", "   "}},
		{qwen2, []string{"a", "\u0301b", "\xff\xfe", " ", "1"}},
		{qwen2, []string{"don", "’t", "'x", " '", "1"}},
	}
	for _, c := range cases {
		text := strings.Join(c.want, "")
		if got := piecesByRegex(c.pattern, text); !slices.Equal(got, c.want) {
			t.Errorf("%s by its expression splits %q into %q, want %q", c.pattern.name, text, got, c.want)
		}
		got := pieces(c.pattern, text)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s splits %q into %q, want %q", c.pattern.name, text, got, c.want)
		}
	}
}

// alternatives are the parts of a pattern's expression before, at and after the
// look-ahead, which Go's regular expressions lack, as they lack Unicode's white
// space.
type alternatives struct{ before, spaces, after *regexp.Regexp }

var expressions = func() map[*pattern]alternatives {
	const blank = `\t-\r \x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}`
	compile := func(regex string) *regexp.Regexp {
		regex = strings.ReplaceAll(regex, `[^\s`, `[^`+blank)
		return regexp.MustCompile(`^(?:` + strings.ReplaceAll(regex, `\s`, `[`+blank+`]`) + `)`)
	}
	compiled := map[*pattern]alternatives{}
	for _, p := range patterns {
		before, after, _ := strings.Cut(p.regex, `|\s+(?!\S)|`)
		compiled[p] = alternatives{compile(before), compile(`\s+`), compile(after)}
	}
	return compiled
}()

// piecesByRegex splits text by the expression of p itself.
func piecesByRegex(p *pattern, text string) (pieces []string) {
	a := expressions[p]
	for text != "" {
		piece := a.before.FindString(text)
		if piece == "" {
			piece = a.spaces.FindString(text)
			if len(piece) < len(text) { // the last one is followed by something else
				_, width := utf8.DecodeLastRuneInString(piece)
				piece = piece[:len(piece)-width]
			}
		}
		if piece == "" {
			piece = a.after.FindString(text)
		}
		pieces, text = append(pieces, piece), text[len(piece):]
	}
	return pieces
}

func pieces(p *pattern, text string) (pieces []string) {
	for start := 0; start < len(text); {
		end := p.next(text, start)
		pieces = append(pieces, text[start:end])
		start = end
	}
	return pieces
}

// TestPatternsAgreeWithRegex compares the hand-written splitting with the
// expressions that it stands for.
func TestPatternsAgreeWithRegex(t *testing.T) {
	const seed = 5
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 600 {
		text := mixedText(rng)
		for _, p := range patterns {
			if got, want := pieces(p, text), piecesByRegex(p, text); !slices.Equal(got, want) {
				t.Fatalf("%s splits %q into %q, want %q", p.name, text, got, want)
			}
		}
	}
}

// mixedText returns characters of all classes, in short runs of one kind.
func mixedText(rng *rand.Rand) string {
	kinds := []string{
		"abcxyzABCXYZ", "éßжЖσς中あ한ǆ", "0123456789", "½Ⅷ٣೯", " ", "\t\v\f", "\n\r", "\u00a0\u2003\u3000\u0085\u2028", "'’",
		"stmdlvreSTMDLVREſ", "@[`{!\"#$%&()*+,-./:;<=>?\\^_|}~", "\u0301\u200d😀\u1ab0", "\x00\x7f", "\xff\x80\xe4\xbd\xf0",
	}
	var b strings.Builder
	for range 1 + rng.IntN(12) {
		kind := kinds[rng.IntN(len(kinds))]
		for range 1 + rng.IntN(1+rng.IntN(18)) {
			if utf8.ValidString(kind) {
				runes := []rune(kind)
				b.WriteRune(runes[rng.IntN(len(runes))])
			} else {
				b.WriteByte(kind[rng.IntN(len(kind))])
			}
		}
	}
	return b.String()
}

// TestNonLetters compares eight bytes at once with one at a time, for every byte
// among all its neighbors.
func TestNonLetters(t *testing.T) {
	for b := range 1 << 16 {
		text := string([]byte{byte(b), byte(b >> 8), 'a', 'Z', byte(b), '@', byte(b >> 8), byte(b)})
		mask := nonLetters(load8(text, 0))
		for i := range len(text) {
			c := text[i] | 0x20
			isLetter := 'a' <= c && c <= 'z'
			if got := byte(mask >> (8 * i)); got != 0x80 && !isLetter || got != 0 && isLetter {
				t.Fatalf("byte %d of %q has mask %#02x", i, text, got)
			}
		}
	}
}
