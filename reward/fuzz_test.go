package reward

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octorl/octorl/rollout/trajectory"
)

// addCases seeds a target with the pairs of testdata/cases.jsonl.
func addCases(f *testing.F) {
	for _, c := range readCases(f, filepath.Join("testdata", "cases.jsonl")) {
		f.Add(c.Gold, c.Pred)
	}
}

// FuzzVerify requires that no completion makes the verifier fail on a sound
// reference answer, that nothing makes it panic, and that a reference answer is
// right against itself.
func FuzzVerify(f *testing.F) {
	addCases(f)
	f.Add(`\frac{1}{2}`, `\boxed{\text{(A)} \frac1{-2} 3,000.5}`)
	f.Add("x=5", strings.Repeat(boxOpen, 1000))
	f.Add("((", `\boxed{((((}`)
	f.Fuzz(func(t *testing.T, reference, completion string) {
		if got := verify("42", completion); got.Verdict == Failed {
			t.Errorf("failed on a sound reference answer: %s", got.Reason)
		}
		if got := verify(reference, completion); strings.Contains(got.Reason, "panicked") {
			t.Error(got.Reason)
		}
		if cleaned := clean(reference); cleaned == reference && !blank(cleaned) && len(reference) <= maxAnswerBytes {
			if got := compareBare(reference, reference); got.Verdict != Right {
				t.Errorf("%q is %v against itself: %s", reference, got.Verdict, got.Reason)
			}
		}
	})
}

// FuzzCompare compares bare answers both ways: nothing panics, and what the one
// order calls failed is an unsound reference.
func FuzzCompare(f *testing.F) {
	addCases(f)
	f.Fuzz(func(t *testing.T, reference, answer string) {
		for _, pair := range [][2]string{{reference, answer}, {answer, reference}} {
			got := compareBare(pair[0], pair[1])
			if strings.Contains(got.Reason, "panicked") {
				t.Error(got.Reason)
			}
			if got.Verdict == Failed && clean(pair[0]) != "" && len(pair[0]) <= maxAnswerBytes {
				t.Errorf("%q against %q failed: %s", pair[1], pair[0], got.Reason)
			}
		}
		decideBare(reference, answer) // also where both are spelled alike
	})
}

// FuzzExtract requires that every extraction ends and that an answer to a
// completion with something put before it is still found where it was a box.
func FuzzExtract(f *testing.F) {
	addCases(f)
	f.Fuzz(func(t *testing.T, prefix, completion string) {
		for _, e := range extractions {
			e.Extract(completion)
			e.Extract(prefix + "\n" + completion)
		}
		inner, ok := ExtractBoxed(prefix + boxOpen + "7}")
		if !ok || inner != "7" && !strings.Contains(prefix, `\`) {
			t.Errorf("box behind %q holds %q, %t", prefix, inner, ok)
		}
		Repetitive(completion)
	})
}

// FuzzModes runs the other verifiers: they do not panic, and a completion does
// not make them fail.
func FuzzModes(f *testing.F) {
	addCases(f)
	f.Add("24 from 3 8 8 3", `\boxed{8/(3-8/3)}`)
	f.Fuzz(func(t *testing.T, reference, completion string) {
		for mode, v := range verifiers {
			sound := "42"
			if mode == "countdown" {
				sound = "24 from 3 8 8 3"
			}
			if got := v.Verify(context.Background(), trajectory.Problem{Answer: sound}, completion); got.Verdict == Failed {
				t.Errorf("%s failed on a sound reference answer: %s", mode, got.Reason)
			}
			if got := v.Verify(context.Background(), trajectory.Problem{Answer: reference}, completion); strings.Contains(got.Reason, "panicked") {
				t.Errorf("%s: %s", mode, got.Reason)
			}
		}
	})
}
