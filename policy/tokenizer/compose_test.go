package tokenizer

import (
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

// TestComposeLongByPackage compares the definition with package norm where both
// apply: on texts without long runs of marks.
func TestComposeLongByPackage(t *testing.T) {
	alphabet := []rune("aeoAcK\u0300\u0301\u0302\u0316\u0323\u0327\u0345\u034f\u1100\u1161\u11a8가각\u00e9\u1e69\u01d8\u212a\u2126\u0958\u09c7\u09be\u0bc6\u0bbe \n")
	random := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		text := make([]rune, random.IntN(20))
		for i := range text {
			text[i] = alphabet[random.IntN(len(alphabet))]
		}
		if got, want := composeLong(string(text)), norm.NFC.String(string(text)); got != want {
			t.Fatalf("composeLong(%+q) = %+q, package norm has %+q", string(text), got, want)
		}
	}
}

// TestComposedKeepsLongRuns checks that nothing is put between many marks.
func TestComposedKeepsLongRuns(t *testing.T) {
	acutes := strings.Repeat("\u0301", 100)
	dots := strings.Repeat("\u0323", 100)
	for _, c := range []struct{ text, want string }{
		{"b" + acutes, "b" + acutes},
		{"a" + acutes, "\u00e1" + acutes[2:]},                  // the first composes, the others stay
		{"b" + acutes + dots, "\u1e05" + dots[2:] + acutes},    // marks below come before marks above
		{acutes, acutes},                                       // no starter
		{"b\u034f" + acutes, "b\u034f" + acutes},               // one of the text's own
		{"x" + acutes + "e\u0301", "x" + acutes + "\u00e9"},    // what follows composes as ever
		{"b\xff" + acutes + "\xc3", "b\xff" + acutes + "\xc3"}, // bytes that are no UTF-8 stay
	} {
		if got := composed(c.text); got != c.want {
			t.Errorf("composed(%+q) = %+q, want %+q", c.text, got, c.want)
		}
	}
}
