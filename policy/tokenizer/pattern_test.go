package tokenizer

import (
	"slices"
	"strings"
	"testing"
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
		{gpt2, []string{"x", "   "}},
		{qwen2, []string{"a", "\u0301b", "\xff\xfe", " ", "1"}},
		{qwen2, []string{"don", "’t", "'x", " '", "1"}},
	}
	for _, c := range cases {
		text, got := strings.Join(c.want, ""), []string(nil)
		for start := 0; start < len(text); {
			end := c.pattern.next(text, start)
			got = append(got, text[start:end])
			start = end
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s splits %q into %q, want %q", c.pattern.name, text, got, c.want)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, folder := range fixtures(b) {
		tok, err := Load(folder)
		if err != nil {
			b.Fatal(err)
		}
		var text strings.Builder
		for _, c := range fixtureCases(b, folder) {
			text.WriteString(c.Text)
		}
		b.Run(tok.pattern.name, func(b *testing.B) {
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				tok.EncodePlain(text.String())
			}
		})
	}
}
