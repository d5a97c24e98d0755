package rollout

import "strings"

// stopMatcher finds the first stop string in a completion that grows token by
// token, decoding only the tokens whose text can still take part in a match.
type stopMatcher struct {
	stops   []string
	longest int // bytes of the longest stop
	from    int // tokens before it are too far back to matter
}

// reset prepares m for a new completion. Empty stop strings are ignored.
func (m *stopMatcher) reset(stops []string) {
	*m = stopMatcher{stops: stops}
	for _, s := range stops {
		m.longest = max(m.longest, len(s))
	}
}

// matches reports whether the last of tokens completes a stop string.
func (m *stopMatcher) matches(decode func([]int32) string, tokens []int32) bool {
	if m.longest == 0 {
		return false
	}
	if firstStop(decode(tokens[m.from:]), m.stops) >= 0 {
		return true
	}
	// Keep one byte less than the longest stop: all that a match may begin with.
	// Tokens without text, such as special ones, stay within the window.
	for m.from+1 < len(tokens) && len(decode(tokens[m.from+1:])) >= m.longest-1 {
		m.from++
	}
	return false
}

// firstStop returns where the earliest stop string begins in text, or -1.
func firstStop(text string, stops []string) int {
	first := -1
	for _, s := range stops {
		if i := strings.Index(text, s); s != "" && i >= 0 && (first < 0 || i < first) {
			first = i
		}
	}
	return first
}

// cutStop returns text up to its first stop string.
func cutStop(text string, stops []string) string {
	if at := firstStop(text, stops); at >= 0 {
		return text[:at]
	}
	return text
}
