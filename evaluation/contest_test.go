package evaluation

import (
	"bytes"
	"strings"
	"testing"
)

// entry is an evaluation of one benchmark whose items have the verdicts in letters.
func entry(name string, letters ...string) Compared {
	var items []Item
	for i, l := range letters {
		items = append(items, item(string(rune('a'+i)), 1, l))
	}
	r, _ := resultOf(items...)
	r.Model = name
	return Compared{Name: name, Result: r, Items: map[string][]Item{"own": items}}
}

func TestContest(t *testing.T) {
	c, err := NewContest([]Compared{
		entry("<first>", "ww", "ww", "ww", "ww", "ww", "ww", "ww", "ww"), entry("second", "rr", "rr", "rr", "rr", "rr", "rr", "rr", "ww"),
		entry("third", "rr", "rr", "rr", "rr", "rr", "rr", "ww", "rr"),
	})
	if err != nil {
		t.Fatal(err)
	}
	pairs := c.Pairs["own"]
	if len(pairs) != 3 || pairs[0].A != "second" || pairs[0].B != "<first>" || pairs[0].Difference != 7.0/8 || pairs[0].verdict() != "better" {
		t.Errorf("pairs %+v", pairs)
	}
	if p := pairs[2]; p.A != "third" || p.B != "second" || p.Difference != 0 || p.verdict() != "undecided" {
		t.Errorf("third against second: %+v", p)
	}
	var table, page bytes.Buffer
	if err := c.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(table.String(), "own: second − <first>") || !strings.Contains(table.String(), "+87.5") {
		t.Errorf("table:\n%s", table.String())
	}
	if err := c.WritePage(&page); err != nil {
		t.Fatal(err)
	}
	if text := page.String(); strings.Contains(text, "<first>") || strings.Count(text, "<svg") != 3 || !strings.Contains(text, "pass@k") {
		t.Errorf("page:\n%s", text)
	}
}

func TestContestRefuses(t *testing.T) {
	other := entry("other", "rr")
	other.Result.Benchmarks[0].Items = "else.jsonl"
	for _, entries := range [][]Compared{
		{entry("same", "rr"), entry("same", "rr")},
		{entry("one", "rr"), other},
		{entry("one", "rr"), entry("two", "ff")},
	} {
		if _, err := NewContest(entries); err == nil {
			t.Errorf("compared %s and %s", entries[0].Name, entries[1].Name)
		}
	}
}
