package evaluation

import (
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// demo returns a report with every part.
func demo() Report {
	noisy := func(f func(float64) float64, n int) (x, y []float64) {
		for i := range n {
			at := float64(i)
			x, y = append(x, at), append(y, f(at/float64(n))*(1+0.08*math.Sin(at*12.9898)))
		}
		return x, y
	}
	series := func(name string, f func(float64) float64) Series {
		x, y := noisy(f, 150)
		return Series{Name: name, X: x, Y: y}
	}
	row := func(stage, letters string) StageRow {
		r := StageRow{stage, Summarize([]Item{item("a", 1, letters[:1]), item("b", 1, letters[1:2]), item("c", 2, letters[2:])}, 1)}
		return r
	}
	comparison, _ := Compare("RL from mid-trained", []Item{item("a", 1, "r"), item("b", 1, "r"), item("c", 1, "w")},
		"RL from base", []Item{item("a", 1, "w"), item("b", 1, "r"), item("c", 1, "w")}, 1)
	rising := func(u float64) float64 { return 0.1 + 0.6*(1-math.Exp(-4*u)) }
	return Report{
		Run: "toy-1", Recipe: "quickstart", Seed: 17, Finished: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Elapsed: 4*time.Minute + 31*time.Second,
		Notes:       []string{"Two cores, no GPU."},
		Comparisons: []Comparison{comparison},
		Stages:      []StageRow{row("base", "uww"), row("mid-trained", "wrwr"), row("RL from mid-trained", "rrww"), row("RL from base", "uwu")},
		Curves: []ChartGroup{
			{"Reinforcement learning", []Chart{
				{Title: "Reward", XLabel: "step", YLabel: "mean", Series: []Series{series("from mid-trained", func(u float64) float64 { return 2*rising(u) - 1 }), series("from base", func(u float64) float64 { return -0.9 + 0.2*u })}},
				{Title: "Accuracy", XLabel: "step", YLabel: "share", Series: []Series{series("from mid-trained", rising), series("from base", func(u float64) float64 { return 0.02 + 0.05*u })}},
				{Title: "Completion length", XLabel: "step", YLabel: "tokens", Series: []Series{series("all", func(u float64) float64 { return 80 + 40*u }), series("right", func(u float64) float64 { return 60 + 10*u })}},
				{Title: "Entropy", XLabel: "step", YLabel: "nats a token", Series: []Series{series("from mid-trained", func(u float64) float64 { return 0.9 - 0.5*u })}},
			}},
			{"Mid-training", []Chart{
				{Title: "Loss", XLabel: "step", YLabel: "nats a token", Series: []Series{series("stable", func(u float64) float64 { return 1.5 + 3*math.Exp(-8*u) })}},
				{Title: "Learning rate", XLabel: "step", YLabel: "", Series: []Series{{Name: "stable", X: []float64{0, 20, 100, 150}, Y: []float64{0, 3e-4, 3e-4, 3e-5}}}},
				{Title: "Speed", XLabel: "step", YLabel: "tokens/s", Series: []Series{series("stable", func(u float64) float64 { return 21000 })}},
			}},
		},
		Samples: []Sample{
			{"RL from mid-trained", "What is 3·(4+5)?", "27", "<think>\n4+5 = 9, 3·9 = 27. Check: 27/3 = 9.\n</think>\nThe answer is \\boxed{27}.", "right", 34, "stop"},
			{"RL from base", "Solve <x> - 2 = 1.", "3", "<script>alert(1)</script> " + strings.Repeat("and ", 60), "unparsable", 96, "length"},
		},
	}
}

func TestWriteReport(t *testing.T) {
	var b strings.Builder
	if err := WriteReport(&b, demo()); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	if path := os.Getenv("OCTORL_DEMO_REPORT"); path != "" {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		"<title>octorl – toy-1</title>", "quickstart", "17", "2026-01-02 03:04 UTC", "4m31s", "Two cores, no GPU.",
		"RL from mid-trained solves 66.7% of 3 held-out problems, RL from base 33.3%",
		"pass@1", "Completion length", "Solve &lt;x&gt; - 2 = 1.", "&lt;script&gt;alert(1)&lt;/script&gt;",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("page lacks %q", want)
		}
	}
	for _, outside := range []string{"<script", "http:", "https:", "src=", "href=", "url(", "@import"} {
		if strings.Contains(page, outside) {
			t.Errorf("page has %q: it must need nothing else", outside)
		}
	}
	if got := strings.Count(page, "<svg"); got != 7 || strings.Count(page, "</svg>") != got {
		t.Errorf("page has %d drawings, want 7", got)
	}
}

func TestWriteReportOfNothing(t *testing.T) {
	var b strings.Builder
	if err := WriteReport(&b, Report{Run: "empty"}); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"<h2>", "<table>", "<svg", "finished", "took"} {
		if strings.Contains(b.String(), part) {
			t.Errorf("page without content has %s", part)
		}
	}
}

func TestWriteTable(t *testing.T) {
	var b strings.Builder
	rows := []StageRow{{"base", Summarize([]Item{item("a", 1, "r"), item("b", 3, "u")}, 1)}, {"RL", Summarize([]Item{item("a", 1, "rw"), item("b", 3, "wf")}, 1)}}
	rows[1].PassAt = map[int]float64{1: 0.25, 8: 1}
	if err := WriteTable(&b, rows); err != nil {
		t.Fatal(err)
	}
	want := `stage  accuracy  95% interval  pass@1  pass@8  format  truncated  repeating
base      50.0%  9.5% – 90.5%   50.0%       –   50.0%      50.0%      50.0%
RL        25.0%  2.7% – 80.2%   25.0%  100.0%  100.0%       0.0%       0.0%

stage  tokens  tokens right  problems  failed
base     10.0          10.0         2       0
RL       15.0          10.0         2       1

accuracy by level       1     3
base               100.0%  0.0%
RL                  50.0%  0.0%
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// TestTablesFitTheTerminal has names and numbers of columns of every size.
func TestTablesFitTheTerminal(t *testing.T) {
	for n := range 30 {
		long := table{Header: []string{strings.Repeat("s", 1+n)}, Rows: [][]string{{"a"}}}
		for i := range n {
			long.Header = append(long.Header, strings.Repeat("h", 1+i*7%13))
			long.Rows[0] = append(long.Rows[0], strings.Repeat("–", 1+i*5%11))
		}
		var b strings.Builder
		cells := 0
		for _, part := range long.fold(terminalColumns) {
			if part.Header[0] != long.Header[0] {
				t.Errorf("%d columns: a part begins with %s", n, part.Header[0])
			}
			cells += len(part.Header) - 1
			if err := part.write(&b); err != nil {
				t.Fatal(err)
			}
		}
		if cells != n {
			t.Errorf("%d of %d columns", cells, n)
		}
		for line := range strings.Lines(b.String()) {
			if w := utf8.RuneCountInString(line); w > terminalColumns { // the line end included
				t.Errorf("%d columns: a line of %d", n, w)
			}
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errNoSpace }

var errNoSpace = errors.New("no space left")

func TestWritersReportTheirError(t *testing.T) {
	if err := WriteReport(fullDisk{}, demo()); !errors.Is(err, errNoSpace) {
		t.Errorf("WriteReport returned %v", err)
	}
	if err := WriteTable(fullDisk{}, demo().Stages); !errors.Is(err, errNoSpace) {
		t.Errorf("WriteTable returned %v", err)
	}
}
