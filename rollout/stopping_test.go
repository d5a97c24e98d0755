package rollout

import "testing"

func TestStopMatcher(t *testing.T) {
	// letters: 1 a, 2 bb, 3 c, 4 dd, 5 (no text), 7 g
	tests := []struct {
		stops  []string
		tokens []int32
		ends   int // tokens until the match, 0 for none
		text   string
	}{
		{nil, []int32{1, 2, 3}, 0, "abbc"},
		{[]string{""}, []int32{1, 2, 3}, 0, "abbc"},
		{[]string{"c"}, []int32{1, 2, 3, 1}, 3, "abb"},
		{[]string{"abbc"}, []int32{3, 3, 3, 3, 3, 1, 2, 3, 3}, 8, "ccccc"},
		{[]string{"abbc"}, []int32{3, 1, 5, 5, 5, 5, 5, 5, 2, 5, 3}, 11, "c"},
		{[]string{"bc", "ab"}, []int32{3, 3, 1, 2, 3}, 4, "cc"},
		{[]string{"bd"}, []int32{1, 2, 4, 4}, 3, "ab"},
		{[]string{"abbd"}, []int32{1, 2, 3, 1, 2}, 0, "abbcabb"},
	}
	for _, test := range tests {
		var m stopMatcher
		m.reset(test.stops)
		ends := 0
		for n := 1; n <= len(test.tokens) && ends == 0; n++ {
			if m.matches(letters, test.tokens[:n]) {
				ends = n
			}
		}
		if ends != test.ends {
			t.Errorf("stops %q in %v: ended after %d tokens, want %d", test.stops, test.tokens, ends, test.ends)
		}
		if ends == 0 {
			ends = len(test.tokens)
		}
		if got := cutStop(letters(test.tokens[:ends]), test.stops); got != test.text {
			t.Errorf("stops %q in %v: text %q, want %q", test.stops, test.tokens, got, test.text)
		}
	}
}
