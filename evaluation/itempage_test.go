package evaluation

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
)

// hostile is what a question or a completion may hold.
const hostile = "</script><script>alert(1)</script> & <b>\u2028 \x00 {{.}}"

func resultOf(items ...Item) (Result, map[string]ItemSet) {
	b := BenchmarkResult{
		Title: "<i>own</i>", Settings: Settings{Benchmark: "own", Samples: 2, Temperature: 1}, Asked: len(items), Rows: len(items),
		Summary: Summarize(items, 1, 2), Items: "own.jsonl",
	}
	return Result{Version: 1, Model: "dir/<model>", Finished: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Benchmarks: []BenchmarkResult{b}},
		map[string]ItemSet{"own.jsonl": {Items: items, Preamble: hostile}}
}

func TestItemPageShowsEveryItemAndEscapesEverything(t *testing.T) {
	var items []Item
	for i := range 70 {
		it := item(strings.Repeat("x", i+1), 1+i%3, "rw")
		it.Problem.Question, it.Prompt, it.Subject = hostile, hostile, hostile
		it.Completions[1].Text = hostile
		items = append(items, it)
	}
	r, sets := resultOf(items...)
	var page bytes.Buffer
	if err := WriteItemPage(&page, r, sets); err != nil {
		t.Fatal(err)
	}
	text := page.String()
	for _, raw := range []string{"<script>alert", "<i>own", "<model>", "<b>\u2028"} {
		if strings.Contains(text, raw) {
			t.Errorf("the page has %q in it", raw)
		}
	}
	if outside := regexp.MustCompile(`(?:src|href)\s*=|https?://`).FindString(strings.ReplaceAll(text, "http-equiv", "")); outside != "" {
		t.Errorf("the page refers to something outside: %s", outside)
	}
	var index pageIndex
	if err := json.Unmarshal([]byte(between(t, text, `id="index">`, `</script>`)), &index); err != nil {
		t.Fatal(err)
	}
	if len(index.Items) != 70 || index.Items[3].N != 2 || index.Items[3].Right != 1 || index.Benchmarks[0].Preamble != hostile {
		t.Errorf("index of %d items: %+v", len(index.Items), index.Items[3])
	}
	last := decodeBlock(t, between(t, text, `id="block2">`, `</script>`))
	if len(last) != 70-2*blockItems || last[5].Completions[1].Text != hostile || last[5].Completions[1].Verdict != "wrong" || last[5].ID != items[69].Problem.ID {
		t.Errorf("last block of %d: %+v", len(last), last)
	}
}

// between returns what stands between two marks.
func between(t *testing.T, text, before, after string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, before)
	inner, _, closed := strings.Cut(rest, after)
	if !ok || !closed {
		t.Fatalf("no %s … %s", before, after)
	}
	return inner
}

func decodeBlock(t *testing.T, text string) []pageItem {
	t.Helper()
	z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	var items []pageItem
	if err := json.NewDecoder(z).Decode(&items); err != nil {
		t.Fatal(err)
	}
	return items
}

func TestForestHoldsItsIntervals(t *testing.T) {
	f := Forest{Title: "difference", Unit: "points", Zero: true, Rows: []Estimate{
		{Name: "a <b>", Value: 3, Interval: Interval{1, 5}}, {Name: strings.Repeat("long ", 10), Value: 8, Interval: Interval{6, 9}},
	}}
	x := f.scale()
	if x.low > 0 || x.high < 9 {
		t.Errorf("axis from %v to %v", x.low, x.high)
	}
	svg := f.svg()
	if strings.Contains(svg, "<b>") || strings.Count(svg, "<circle") != 2 || !strings.Contains(svg, "…") || !strings.Contains(svg, `class="zero"`) {
		t.Errorf("plot %s", svg)
	}
}

func TestResultTableFitsATerminal(t *testing.T) {
	r, _ := resultOf(item("a", 1, "rw"), item("b", 2, "wu"))
	r.Benchmarks[0].Items, r.Benchmarks[0].TooLong = "olympiad_bench.jsonl", 1
	var out bytes.Buffer
	if err := WriteResultTable(&out, r); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 120 {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
	for _, want := range []string{"olympiad_bench maj@k", "accuracy by level", "no room for an answer: 1"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestResultIsReadAsItWasWritten(t *testing.T) {
	dir := t.TempDir()
	r, _ := resultOf(item("a", 1, "rw"), item("b", 2, "wu"))
	if err := WriteResult(dir, r); err != nil {
		t.Fatal(err)
	}
	got, err := ReadResult(dir)
	if err != nil || got.Benchmarks[0].Summary.PassAt[2] != 0.5 || got.Benchmarks[0].Summary.MajAt[2] != r.Benchmarks[0].Summary.MajAt[2] {
		t.Errorf("read %+v, %v", got, err)
	}
	r.Version = ResultVersion + 1
	if err := WriteResult(dir, r); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadResult(dir); err == nil || !strings.Contains(err.Error(), "newer octorl") {
		t.Errorf("a newer version: %v", err)
	}
}

func TestSummaryOfVotesAndSubjects(t *testing.T) {
	a, b := item("a", 1, "rww"), item("b", 1, "uwr")
	a.Subject, b.Subject = "algebra", "geometry"
	a.Completions[1].Answer, a.Completions[2].Answer = "5 ", "5"
	s := Summarize([]Item{a, b}, 1, 3)
	// a: one right against two equal wrong ones; b: one right, one wrong, one silent.
	if want := (0.0 + 0.5) / 2; !near(s.MajAt[3], want, 1e-12) || s.Mixed != 1 {
		t.Errorf("maj@3 %v, mixed %v; want %v, 1", s.MajAt[3], s.Mixed, want)
	}
	if len(s.Subjects) != 2 || s.Subjects[1] != (SubjectAccuracy{"geometry", 1, 1.0 / 3}) {
		t.Errorf("subjects %+v", s.Subjects)
	}
	if want := (20 + 30 + 10 + 20) / 4.0; s.MeanTokensWrong != want {
		t.Errorf("tokens of wrong ones %v, want %v", s.MeanTokensWrong, want)
	}
}
