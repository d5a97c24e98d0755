package progress

import (
	"testing"
	"time"
)

func TestTimeLeft(t *testing.T) {
	clock := newClock()
	r := newRun("", []Stage{{"a", 1}, {"b", 3}, {"c", 2}}, clock.now)
	check := func(when string, want time.Duration) {
		t.Helper()
		if got := r.left(clock.now).Round(time.Second); got != want {
			t.Errorf("%s: %v left, want %v", when, got, want)
		}
	}
	check("at the start nothing is known", 0)
	r.step(Step{Stage: "a", Step: 0, NumSteps: 10}, clock.now)
	clock.advance(5 * time.Second)
	r.step(Step{Stage: "a", Step: 5, NumSteps: 10}, clock.now)
	// 5 s for half a weight: 5 s to go in a, 10 s a weight for b and c.
	check("halfway in a", 55*time.Second)
	clock.advance(5 * time.Second)
	r.step(Step{Stage: "a", Step: 10, NumSteps: 10}, clock.now)
	r.finish("a", "", clock.now)
	check("after a", 50*time.Second)
	r.step(Step{Stage: "b", Step: 0, NumSteps: 4}, clock.now)
	clock.advance(20 * time.Second)
	r.step(Step{Stage: "b", Step: 1, NumSteps: 4}, clock.now)
	// b needs 60 s more; 30 s for 1.75 weights make 34.3 s for c's two.
	check("in b, slower than its weight", 94*time.Second)
	r.step(Step{Stage: "b", Step: 4, NumSteps: 4}, clock.now)
	r.finish("b", "", clock.now)
	r.finish("c", "", clock.now)
	check("at the end", 0)
}

func TestTimeLeftAfterResumingCountsOnlyNewSteps(t *testing.T) {
	clock := newClock()
	r := newRun("", []Stage{{"a", 1}, {"b", 1}}, clock.now)
	r.finish("a", "done before", clock.now)
	r.step(Step{Stage: "b", Step: 50, NumSteps: 100}, clock.now)
	clock.advance(10 * time.Second)
	r.step(Step{Stage: "b", Step: 60, NumSteps: 100}, clock.now)
	if got := r.left(clock.now); got.Round(time.Second) != 40*time.Second {
		t.Errorf("%v left for 40 steps at one a second", got)
	}
	if r.step(Step{Stage: "z"}, clock.now) || r.finish("z", "", clock.now) {
		t.Error("an unknown stage was taken")
	}
}

// The first news may be of a later stage: of a resumed run, or of one that is
// watched from elsewhere.
func TestEarlierStagesAreDone(t *testing.T) {
	clock := newClock()
	r := newRun("", []Stage{{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}}, clock.now)
	r.step(Step{Stage: "c", Step: 3, NumSteps: 9}, clock.now)
	for i, want := range []bool{true, true, false, false} {
		if s := r.stages[i]; s.finished != want || s.finished && s.hasNews {
			t.Errorf("stage %s: finished %t, has news %t", s.Name, s.finished, s.hasNews)
		}
	}
}

func TestFormats(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{clock(59*time.Second + 600*time.Millisecond), "1:00"},
		{clock(3723 * time.Second), "1:02:03"},
		{speed(12), "12 tokens/s"},
		{speed(999.6), "1.0k tokens/s"},
		{speed(34567), "35k tokens/s"},
		{speed(2.5e6), "2.5M tokens/s"},
		{Number("x", 2.3456).Text, "2.35"},
		{Number("x", 12345.6).Text, "12346"},
		{Percent("x", 0.5).Text, "50.0 %"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
