package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestEncodeAgreesWithMergingNaively compares the cache, the tables and the word
// loops with splitting by the expression and replacing one pair after the other,
// on text in which the same words come again.
func TestEncodeAgreesWithMergingNaively(t *testing.T) {
	const seed = 13
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	tok := train(t, 420, nil, sample, "naïve café 日本日本 \n\n\t\t== ==== 12")
	for _, p := range patterns {
		tok.pattern = p
		for range 40 {
			var text strings.Builder
			words := []string{" the", "train", " naïve", " internationalization", "日本", "\n\n", " ====", "12", mixedText(rng), mixedText(rng)}
			for range 60 {
				text.WriteString(words[rng.IntN(len(words))])
			}
			var want []int32
			for _, piece := range piecesByRegex(p, text.String()) {
				want = append(want, mergeNaively(tok, []byte(piece))...)
			}
			if got := tok.Encode(text.String()); !slices.Equal(got, want) {
				t.Fatalf("%s: Encode(%q) = %v, want %v", p.name, text.String(), got, want)
			}
		}
	}
}

func TestPieceCache(t *testing.T) {
	const text = "abcdefghijklmnopqrstuvwxyz"
	c := newPieceCache()
	for start := range len(text) {
		for n := 1; n <= maxCachedBytes && start+n <= len(text); n++ {
			key := keyOf(text, start, start+n)
			if again := keyOf(text[start:]+"and more text after it", 0, n); again != key {
				t.Fatalf("key of %q depends on what follows", text[start:start+n])
			}
			if c.find(key) != nil {
				t.Fatalf("%q is there already", text[start:start+n])
			}
			ids := []int32{int32(start), int32(n), 7}[:1+(start+n)%maxCachedIDs]
			c.put(key, ids)
			if got := c.find(key).appendTo([]int32{1}); !slices.Equal(got[1:], ids) {
				t.Fatalf("%q has ids %v, want %v", text[start:start+n], got, ids)
			}
		}
	}
	zeros := keyOf("\x00\x00", 0, 2)
	if c.put(keyOf("\x00", 0, 1), []int32{1}); c.find(zeros) != nil {
		t.Error("one zero byte is taken for two")
	}
	if c.put(zeros, make([]int32, maxCachedIDs+1)); c.find(zeros) != nil {
		t.Error("more ids than fit are kept")
	}
}

func TestEncodeAllocatesPerCallNotPerWord(t *testing.T) {
	tok := train(t, 400, nil, sample)
	text := strings.Repeat(sample, 50)
	// The ids, and now and then working memory that the pool has let go.
	if got := testing.AllocsPerRun(20, func() { tok.EncodePlain(text) }); got > 10 {
		t.Errorf("%v allocations for %d words", got, len(strings.Fields(text)))
	}
}

func FuzzPatterns(f *testing.F) {
	f.Add("I'LL pay 1234\n\n  for\u00a0日本!\r\n ")
	f.Fuzz(func(t *testing.T, text string) {
		for _, p := range patterns {
			if got, want := pieces(p, text), piecesByRegex(p, text); !slices.Equal(got, want) {
				t.Errorf("%s splits %q into %q, want %q", p.name, text, got, want)
			}
		}
	})
}
