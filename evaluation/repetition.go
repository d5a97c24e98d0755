package evaluation

const (
	minPeriod  = 5 // bytes of the shortest piece that counts
	minRepeats = 5 // times in a row that it must occur
)

// Repeats reports whether some piece of at least 5 bytes occurs 5 times in a
// row: the sign of a completion that has run into a loop. The regular
// expression (.{5,}?)\1{4,} of OctoThinker's repetition penalty means the same,
// within a line and in characters. The time is O(n log n) for ordinary text.
func Repeats(text string) bool {
	for period := minPeriod; period*minRepeats <= len(text); period++ {
		if repeatsAt(text, period) {
			return true
		}
	}
	return false
}

// repeatsAt reports whether text somewhere equals itself shifted by period over
// the length of minRepeats−1 periods. Such a run covers a multiple of its own
// length, so it is enough to look around those.
func repeatsAt(text string, period int) bool {
	run := period * (minRepeats - 1)
	end := len(text) - period // equality is defined before end
	for at := 0; at < end; at += run {
		from, to := at, at
		for to < end && text[to] == text[to+period] {
			to++
		}
		if to == at {
			continue
		}
		for from > 0 && text[from-1] == text[from-1+period] {
			from--
		}
		if to-from >= run {
			return true
		}
	}
	return false
}
