package reward

import (
	"fmt"
	"strings"
	"testing"
)

// TestManyCandidates gives completions that name every value, of which the last is
// the reference answer.
func TestManyCandidates(t *testing.T) {
	const n = 1000
	var boxed, numbers, hashes, sentences strings.Builder
	for i := range n {
		fmt.Fprintf(&boxed, `\boxed{%d} `, i)
		fmt.Fprintf(&numbers, "%d, ", i)
		fmt.Fprintf(&hashes, "#### %d\n", i)
		fmt.Fprintf(&sentences, "The answer is %d.\n", i)
	}
	last := fmt.Sprint(n)
	for _, completion := range []string{
		boxed.String() + boxOpen + last + "}", numbers.String() + last, "The answer is " + numbers.String() + last + ".",
		hashes.String() + "#### " + last, sentences.String() + "The answer is " + last + ".",
		strings.Repeat(`\boxed{3}`, n) + boxOpen + last + "}",
	} {
		problem := publicCase{Mode: "response", Gold: last, Pred: completion}
		if got := problem.verify(); got.Verdict == Right {
			t.Errorf("%.30q…, which ends with the reference answer, is right", completion)
		}
	}
	same := publicCase{Mode: "response", Gold: last, Pred: strings.Repeat(boxOpen+last+"} ", n)}
	if got := same.verify(); got.Verdict != Right {
		t.Errorf("the same box over and over is %v: %s", got.Verdict, got.Reason)
	}
}

// TestManyBoxesTakeLinearTime would take minutes if each box were looked for in all
// of the completion.
func TestManyBoxesTakeLinearTime(t *testing.T) {
	completion := strings.Repeat("word ", 1<<20) + strings.Repeat(`\boxed{42} `, 2*maxRepeated)
	if got := verify("42", completion); got.Verdict != Right {
		t.Errorf("%v: %s", got.Verdict, got.Reason)
	}
}
