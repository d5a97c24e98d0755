package evaluation

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestRepeats(t *testing.T) {
	tests := []struct {
		text string
		want bool
	}{
		{"", false},
		{"the answer is 12", false},
		{strings.Repeat("a", 24), false},
		{strings.Repeat("a", 25), true}, // five times "aaaaa"
		{strings.Repeat("abcd", 6), false},
		{strings.Repeat("abcd", 10), true}, // five times "abcdabcd"
		{"so " + strings.Repeat("wait, ", 4) + "no", false},
		{"so " + strings.Repeat("wait, ", 5) + "no", true},
		{strings.Repeat("line of text\n", 5), true},
	}
	for _, test := range tests {
		if got := Repeats(test.text); got != test.want {
			t.Errorf("Repeats(%q) = %v, want %v", test.text, got, test.want)
		}
	}
}

// The definition, tried at every place.
func TestRepeatsEqualsDefinition(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	found := 0
	for range 300 {
		text := randomText(random)
		want := false
		for period := 5; period*5 <= len(text); period++ {
			for at := 0; at+period*5 <= len(text); at++ {
				want = want || text[at:at+period*5] == strings.Repeat(text[at:at+period], 5)
			}
		}
		if got := Repeats(text); got != want {
			t.Fatalf("Repeats(%q) = %v, want %v", text, got, want)
		}
		if want {
			found++
		}
	}
	if found == 0 || found == 300 {
		t.Errorf("%d of 300 texts repeat: the test compares only one case", found)
	}
}

// randomText returns random letters around a piece repeated 3 to 6 times, the
// last time perhaps cut short.
func randomText(random *rand.Rand) string {
	letters := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('a' + random.IntN(3))
		}
		return string(b)
	}
	piece := letters(4 + random.IntN(12))
	run := strings.Repeat(piece, 6)[:len(piece)*(3+random.IntN(3))+random.IntN(len(piece))]
	return letters(random.IntN(40)) + run + letters(random.IntN(40))
}
