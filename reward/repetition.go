package reward

const (
	minUnit   = 5 // characters
	minCopies = 5
)

// Repetitive reports whether five copies of the same five or more characters
// stand next to each other, as the expression (.{5,}?)\1{4,} of OctoThinker's
// repetition penalty finds them, except that a line may end within a copy. It
// marks completions that ran into a loop. The time is O(n log n) but for texts
// made to resist it.
func Repetitive(text string) bool {
	chars := []rune(text)
	for period := minUnit; period*minCopies <= len(chars); period++ {
		if repeats(chars, period) {
			return true
		}
	}
	return false
}

// repeats reports whether chars has minCopies copies of period characters in a
// row, which is a run of (minCopies−1)·period characters equal to those a period
// further on. Such a run has a multiple of its length in it, so only the
// surroundings of those are looked at.
func repeats(chars []rune, period int) bool {
	run, end := (minCopies-1)*period, len(chars)-period
	for at := 0; at < end; at += run {
		first, last := at, at
		for last < end && last-at < run && chars[last] == chars[last+period] {
			last++
		}
		if last == at {
			continue
		}
		for first > 0 && at-first < run && chars[first-1] == chars[first-1+period] {
			first--
		}
		if last-first >= run {
			return true
		}
	}
	return false
}
