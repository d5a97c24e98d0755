package reward

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestRepetitive(t *testing.T) {
	cases := []struct {
		text string
		want bool
	}{
		{strings.Repeat("abcde", 5), true},
		{strings.Repeat("abcde", 4) + "abcd", false},
		{"x" + strings.Repeat("abcdefg", 5) + "y", true},
		{strings.Repeat("ab", 12), false}, // 24 characters; a unit is ababab at least
		{strings.Repeat("ab", 15), true},
		{strings.Repeat("a", 24), false},
		{strings.Repeat("a", 25), true},
		{strings.Repeat("日本", 9), false}, // counted in characters
		{strings.Repeat("a line\n", 5), true},
		{"", false},
		{"The train runs 80 miles in an hour, so in 2 hours it runs 160 miles.", false},
	}
	for _, c := range cases {
		if got := Repetitive(c.text); got != c.want {
			t.Errorf("Repetitive(%q) = %t, want %t", c.text, got, c.want)
		}
	}
}

// TestRepetitiveByDefinition compares with trying all units at all places.
func TestRepetitiveByDefinition(t *testing.T) {
	const seed = 5
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	found := 0
	for range 2000 {
		unit := randomLetters(rng, 4+rng.IntN(8))
		text := randomLetters(rng, rng.IntN(30)) + strings.Repeat(unit, 3+rng.IntN(3)) + randomLetters(rng, rng.IntN(30))
		want := repetitiveByDefinition(text)
		if want {
			found++
		}
		if got := Repetitive(text); got != want {
			t.Fatalf("Repetitive(%q) = %t, want %t", text, got, want)
		}
	}
	if found < 200 || found > 1800 {
		t.Errorf("%d of 2000 texts are repetitive: the test compares little", found)
	}
}

func randomLetters(rng *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "ab"[rng.IntN(2)]
	}
	return string(b)
}

func repetitiveByDefinition(text string) bool {
	for start := range len(text) {
		for unit := minUnit; start+unit*minCopies <= len(text); unit++ {
			if text[start:start+unit*minCopies] == strings.Repeat(text[start:start+unit], minCopies) {
				return true
			}
		}
	}
	return false
}
