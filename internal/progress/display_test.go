package progress

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

// start returns a display of two stages on a terminal, its clock and what a
// person sees.
func start(t *testing.T, columns, rows int) (*Display, *fakeClock, *terminal) {
	t.Helper()
	clock, seen := newClock(), &terminal{t: t, columns: columns}
	d := New(seen, Options{
		Title:    "quickstart",
		Stages:   []Stage{{Name: "pretrain", Weight: 1}, {Name: "rl", Weight: 3}},
		Terminal: Terminal{Interactive: true, Size: func() (int, int) { return seen.columns, rows }},
		Now:      clock.read,
	})
	return d, clock, seen
}

func TestFrameOfARun(t *testing.T) {
	d, clock, seen := start(t, 80, 24)
	d.Draw()
	if got, want := seen.shows(), "quickstart  0:00 elapsed\n  · pretrain\n  · rl"; got != want {
		t.Errorf("at the start\n%s\nwant\n%s", got, want)
	}
	d.Step(Step{Stage: "pretrain", Step: 0, NumSteps: 10})
	clock.advance(20 * time.Second)
	d.Step(Step{Stage: "pretrain", Step: 10, NumSteps: 10})
	d.Finish("pretrain", "loss 4.1")
	d.Step(Step{Stage: "rl", Step: 0, NumSteps: 4})
	clock.advance(15 * time.Second)
	d.Step(Step{Stage: "rl", Step: 1, NumSteps: 4, TokensPerSecond: 1234,
		Metrics: []Metric{Number("reward", -0.25), Percent("accuracy", 0.375)}})
	d.Evaluated("rl", 1, 0.4)
	d.Sample(Sample{Question: "2 + 2?", Completion: "It is\n\x1b[31m4", Right: true})
	d.Draw()
	want := `quickstart  0:35 elapsed, about 0:45 left
  ✓ pretrain  0:20  loss 4.1
  ▶ rl        █████████░░░░░░░░░░░░░░░░░░░░░░░░░  1/4  1.2k tokens/s  0:45 left
      reward -0.25  accuracy 37.5 %
      held-out accuracy 40.0 % at step 1
  ────────────────────────────────────────────────────────────
  2 + 2?
  It is⏎·[31m4
  right`
	if got := seen.shows(); got != want {
		t.Errorf("in rl\n%s\nwant\n%s", got, want)
	}
	if seen.colored {
		t.Error("colored without leave")
	}
}

func TestEveryFrameReplacesTheLastInOneWrite(t *testing.T) {
	d, clock, seen := start(t, 60, 20)
	for step := range 12 {
		clock.advance(time.Second)
		d.Step(Step{Stage: "rl", Step: step, NumSteps: 12, Metrics: make([]Metric, step%2)})
		before := seen.writes
		d.Draw()
		if seen.writes != before+1 {
			t.Fatalf("frame %d took %d writes", step, seen.writes-before)
		}
		if n := strings.Count(seen.shows(), "quickstart"); n != 1 {
			t.Fatalf("%d headers on the screen:\n%s", n, seen.shows())
		}
	}
	before := seen.writes
	d.Draw()
	if seen.writes != before {
		t.Error("an unchanged frame was written again")
	}
}

func TestFramesFitAnySize(t *testing.T) {
	for columns := 1; columns <= 100; columns += 3 {
		for rows := 1; rows <= 14; rows++ {
			d, _, seen := start(t, columns, rows)
			d.Step(Step{Stage: "rl", Step: 1, NumSteps: 2, TokensPerSecond: 10, Metrics: []Metric{{"reward", "1"}}})
			d.Sample(Sample{Question: strings.Repeat("q", 200), Completion: "世界\t\u0301a"})
			d.Draw()
			if len(seen.rows) > max(rows-1, 1) {
				t.Errorf("%d×%d: %d rows", columns, rows, len(seen.rows))
			}
			for _, r := range seen.rows {
				if len(r) >= columns && columns > 1 {
					t.Errorf("%d×%d: a row of %d columns", columns, rows, len(r))
				}
			}
		}
	}
}

func TestLogsGoAboveTheFrame(t *testing.T) {
	d, _, seen := start(t, 60, 20)
	d.Draw()
	fmt.Fprintf(d, "first\n")
	fmt.Fprintf(d, "second")
	if got, want := seen.shows(), "first\nsecond\nquickstart  0:00 elapsed\n  · pretrain\n  · rl"; got != want {
		t.Errorf("screen\n%s\nwant\n%s", got, want)
	}
}

func TestCloseGivesTheCursorBackOnce(t *testing.T) {
	d, _, seen := start(t, 60, 20)
	d.Draw()
	if !seen.hidden {
		t.Error("the cursor is shown while frames are drawn")
	}
	d.Close()
	if seen.hidden || seen.row != 3 || seen.column != 0 {
		t.Errorf("cursor hidden %v at row %d, column %d; want below 3 rows", seen.hidden, seen.row, seen.column)
	}
	bytes := seen.bytes
	d.Step(Step{Stage: "rl", Step: 1, NumSteps: 2})
	d.Draw()
	d.Close()
	if seen.bytes != bytes {
		t.Error("a closed display writes")
	}
	fmt.Fprintln(d, "bye")
	if !strings.HasSuffix(seen.shows(), "\nbye") {
		t.Errorf("a log after closing is lost:\n%s", seen.shows())
	}
}

func TestNarrowedTerminalKeepsNoRemains(t *testing.T) {
	d, clock, seen := start(t, 80, 20)
	d.Step(Step{Stage: "rl", Step: 1, NumSteps: 2, TokensPerSecond: 10})
	d.Draw()
	wrapped := &terminal{t: t, columns: 30}
	for i, r := range seen.rows {
		if i > 0 {
			wrapped.print('\n')
		}
		for _, c := range r {
			wrapped.print(c)
		}
	}
	seen.columns, seen.rows, seen.row, seen.column = 30, wrapped.rows, wrapped.row, wrapped.column
	clock.advance(time.Second)
	d.Draw()
	if len(seen.rows) != 3 || !strings.HasPrefix(seen.shows(), "quickstart  0:01") {
		t.Errorf("after narrowing\n%s", seen.shows())
	}
}

func TestColorsOnlyOnRequest(t *testing.T) {
	d, _, seen := start(t, 80, 20)
	d.opt.Terminal.Color = true
	d.Draw()
	if !seen.colored || !strings.HasPrefix(seen.shows(), "quickstart") {
		t.Errorf("colored %v:\n%s", seen.colored, seen.shows())
	}
}

func TestFollowDrawsAtEveryTickUntilItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, clock, seen := start(t, 60, 20)
		ticks, done := make(chan time.Time), make(chan struct{})
		go func() { d.Follow(t.Context(), ticks); close(done) }()
		for range 3 {
			clock.advance(time.Second)
			ticks <- clock.now
			synctest.Wait()
		}
		close(ticks)
		<-done
		if seen.writes != 3 {
			t.Errorf("%d writes in 3 ticks", seen.writes)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		d.Follow(ctx, nil)
	})
}

func TestPlainLines(t *testing.T) {
	clock, out := newClock(), &bytes.Buffer{}
	d := New(out, Options{Stages: []Stage{{Name: "rl", Weight: 1}}, Now: clock.read})
	for step := range 21 {
		d.Step(Step{Stage: "rl", Step: step, NumSteps: 20, Metrics: []Metric{Number("reward", 0.5)}})
		d.Draw()
		clock.advance(time.Second)
	}
	d.Step(Step{Stage: "unknown", Step: 1, NumSteps: 2})
	d.Evaluated("rl", 20, 0.5)
	d.Sample(Sample{Question: "2 + 2?", Completion: "4\n", Verdict: "unparsable"})
	d.Sample(Sample{Question: "too soon"})
	d.Finish("rl", "accuracy 50.0 %")
	fmt.Fprintln(d, "log")
	d.Close()
	want := `rl step 0/20  reward 0.5
rl step 5/20  reward 0.5  0:15 left in all
rl step 10/20  reward 0.5  0:10 left in all
rl step 15/20  reward 0.5  0:05 left in all
rl step 20/20  reward 0.5
rl held-out accuracy 50.0 % at step 20
sample: 2 + 2? → 4 [unparsable]
rl done accuracy 50.0 %
log
`
	if out.String() != want {
		t.Errorf("lines\n%s\nwant\n%s", out, want)
	}
}

func TestOneLineHasOnlyPrintableRunesOfOneColumn(t *testing.T) {
	for in, want := range map[string]string{
		" a \n b\tc ":    "a ⏎ b c",
		"\x1b[2Jx\r\x00": "·[2Jx ·",
		"\xff":           "\uFFFD",
		"½ → \\boxed{é}": "½ → \\boxed{é}",
		"数":              "·",
	} {
		if got := oneLine(in); got != want {
			t.Errorf("oneLine(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCutAndBarKeepTheirWidth(t *testing.T) {
	for columns := range 8 {
		if n := utf8.RuneCountInString(cut("äbcdef", columns)); n != min(columns, 6) {
			t.Errorf("cut to %d gives %d columns", columns, n)
		}
		for _, share := range []float64{0, 0.01, 0.5, 0.99, 1} {
			if n := utf8.RuneCountInString(bar(share, columns)); n != columns {
				t.Errorf("bar of %g in %d columns has %d", share, columns, n)
			}
		}
	}
}
