package reward

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/octorl/octorl/rollout/trajectory"
)

// slowest is the file to which fuzzing adds a line for each input that takes
// longer than those before it.
var slowest = flag.String("slowest", "", "file for the slowest fuzzed inputs")

// watch has the longest time of one fuzz target in one process.
type watch struct {
	target string
	most   time.Duration
}

// run does work. What takes longer than all before is done again, so that the
// time noted is the least of three: other programs stop this one at times.
func (w *watch) run(t *testing.T, work func(), input ...string) {
	start := time.Now()
	work()
	least := time.Since(start)
	for again := 0; again < 2 && *slowest != "" && least > w.most; again++ {
		start = time.Now()
		work()
		least = min(least, time.Since(start))
	}
	if *slowest == "" || least <= w.most {
		return
	}
	w.most = least
	file, err := os.OpenFile(*slowest, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := fmt.Fprintf(file, "%s %d µs %q\n", w.target, least.Microseconds(), input); err != nil {
		t.Fatal(err)
	}
}

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
	w := watch{target: "FuzzVerify"}
	f.Fuzz(func(t *testing.T, reference, completion string) {
		w.run(t, func() {
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
		}, reference, completion)
	})
}

// FuzzCompare compares bare answers both ways: nothing panics, and what the one
// order calls failed is an unsound reference.
func FuzzCompare(f *testing.F) {
	addCases(f)
	w := watch{target: "FuzzCompare"}
	f.Fuzz(func(t *testing.T, reference, answer string) {
		w.run(t, func() {
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
		}, reference, answer)
	})
}

// FuzzExtract requires that every extraction ends and that an answer to a
// completion with something put before it is still found where it was a box.
func FuzzExtract(f *testing.F) {
	addCases(f)
	w := watch{target: "FuzzExtract"}
	f.Fuzz(func(t *testing.T, prefix, completion string) {
		w.run(t, func() {
			for _, e := range extractions {
				e.Extract(completion)
				e.Extract(prefix + "\n" + completion)
			}
			inner, ok := ExtractBoxed(prefix + boxOpen + "7}")
			if !ok || inner != "7" && !strings.Contains(prefix, `\`) {
				t.Errorf("box behind %q holds %q, %t", prefix, inner, ok)
			}
			Repetitive(completion)
		}, prefix, completion)
	})
}

// FuzzModes runs the other verifiers: they do not panic, and a completion does
// not make them fail.
func FuzzModes(f *testing.F) {
	addCases(f)
	f.Add("24 from 3 8 8 3", `\boxed{8/(3-8/3)}`)
	w := watch{target: "FuzzModes"}
	f.Fuzz(func(t *testing.T, reference, completion string) {
		w.run(t, func() {
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
		}, reference, completion)
	})
}
