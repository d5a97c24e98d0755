package benchmark

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// documentedRow is a row of the table of benchmarks in docs/evaluation.md.
type documentedRow struct {
	rows, shots, answer, data string
}

// documentedTable reads that table, and what ends a completion of a base model.
func documentedTable(t *testing.T) (table map[string]documentedRow, ends string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/evaluation.md")
	if err != nil {
		t.Fatal(err)
	}
	table = map[string]documentedRow{}
	before := documentedRow{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if cells[0] == "ends at" {
			ends = cells[1]
		}
		names := regexp.MustCompile("`([a-z0-9_]+)`").FindAllStringSubmatch(cells[0], -1)
		if len(cells) != 5 || len(names) == 0 || strings.HasPrefix(cells[0], "`generated`") {
			continue
		}
		row := documentedRow{shots: cells[2], answer: cells[3], data: cells[4]}
		row.answer, _, _ = strings.Cut(row.answer, ";") // of options
		if row.answer == "the same" {
			row.answer = before.answer
		}
		before = row
		counts := strings.Split(cells[1], "; ")
		if len(counts) != len(names) {
			t.Fatalf("%d numbers of problems for %d benchmarks: %s", len(counts), len(names), line)
		}
		for i, name := range names {
			row.rows = strings.ReplaceAll(counts[i], ",", "")
			table[name[1]] = row
		}
	}
	return table, ends
}

// answerRules are the words of the table for where an answer is.
var answerRules = map[string]struct {
	extract    string
	finalFirst bool
}{
	"last number": {"last-number", false},
	`box, else "the answer is", else last value`:                      {"auto", false},
	`"final answer", else box, else "the answer is", else last value`: {"auto", true},
	`"final answer", else last option letter`:                         {"choice", true},
}

// TestSpecsAreAsDocumented compares every benchmark with the table of the docs, which
// has the published settings (arXiv:2506.20512, eval/configs of its repository).
func TestSpecsAreAsDocumented(t *testing.T) {
	table, ends := documentedTable(t)
	if names := Names(); len(table) != len(names) {
		t.Errorf("the docs have %d benchmarks, the binary %d", len(table), len(names))
	}
	for _, name := range Names() {
		s, row := find(t, name), table[name]
		data := map[bool]string{true: "in the binary", false: "`--data`"}[s.Embedded()]
		if fmt.Sprint(s.Rows) != row.rows || fmt.Sprint(s.Shots) != row.shots || data != row.data {
			t.Errorf("%s has %d problems, %d shots, %s; the docs say %+v", name, s.Rows, s.Shots, data, row)
		}
		if rule, known := answerRules[row.answer]; !known || rule.extract != s.Extract || rule.finalFirst != s.FinalFirst {
			t.Errorf("%s: answers by %s, final answer first %v; the docs say %s", name, s.Extract, s.FinalFirst, row.answer)
		}
		var stops []string
		for _, stop := range s.Stops {
			stops = append(stops, "`"+strings.ReplaceAll(stop, "\n", `\n`)+"`")
		}
		if got := "end token, " + strings.Join(stops, ", ") + fmt.Sprintf(", %d,%03d tokens", s.MaxTokens/1000, s.MaxTokens%1000); got != ends {
			t.Errorf("%s ends at %s, the docs say %s", name, got, ends)
		}
	}
}

// TestPublishedAnswerRules judges completions in which the published rules find
// different answers (arXiv:2506.20512, eval of its repository):
//
//	GSM8K and its like   the last number
//	MATH and its like    "final answer is $..$. I hope", else boxed, else "he answer is", else the last number
//	OlympiadBench        the text after "Final Answer:", else boxed
//	choices              "the final answer is (X)", else the last (X)
//
// and numbers that the published comparison takes for equal, or not: a difference
// under 0.001, hundredths and hundredfolds.
func TestPublishedAnswerRules(t *testing.T) {
	grade := []string{"gsm8k", "svamp", "mawps"}
	math := []string{"math", "math500", "amc23", "olympiad_bench", "ocw", "aime24"}
	choice := []string{"mathqa", "mmlu_stem", "sat", "gpqa_diamond"}
	final := "Final Answer: The final answer is $6$. I hope it is correct."
	for _, c := range []struct {
		benchmarks             []string
		completion, gold, want string
	}{
		{grade, "The answer is 5. There are 7 left.", "7", "right"},
		{grade, `The answer is \boxed{5}, of 7.`, "5", "wrong"},
		{math, `Here it is \boxed{5}.` + "\n" + final, "6", "right"},
		{math, final + ` With \boxed{5}.`, "6", "right"},
		{math, `So \boxed{5}. The answer is 7.`, "5", "right"},
		{math, "The answer is 7. There are 9 in all.", "7", "right"},
		{math, "It is 3, or rather 9", "9", "right"},
		{choice, "Not (C). Final Answer: The final answer is (B). I hope it is correct.", "B", "right"},
		{choice, "The final answer is (B). I hope it is correct. As for (C)…", "B", "right"},
		{choice, "(A) is too small, so (C).", "C", "right"},
		{[]string{"gsm8k", "math", "svamp", "tabmwp", "asdiv", "mawps", "amc23", "math500"}, "The answer is 3.1405.", "3.14", "right"},
		{[]string{"gsm8k", "math", "svamp", "tabmwp", "asdiv", "mawps", "amc23", "math500"}, "The answer is 25.", "0.25", "right"},
		{[]string{"gsm8k", "math", "svamp", "tabmwp", "asdiv", "mawps", "amc23", "math500"}, "The answer is 3.142.", "3.14", "wrong"},
		{[]string{"olympiad_bench", "aime24", "aime25"}, "The answer is 3.1405.", "3.14", "wrong"},
		{[]string{"ocw"}, "The answer is 4.52.", "4.5", "right"},
		{[]string{"ocw"}, "The answer is 4.56.", "4.5", "wrong"},
	} {
		for _, name := range c.benchmarks {
			v, err := find(t, name).Verifier(GradingPublished)
			if err != nil {
				t.Fatal(err)
			}
			p := Problem{}
			p.Answer = c.gold
			if r := v.Verify(context.Background(), p.Problem, c.completion); r.Verdict.String() != c.want {
				t.Errorf("%s: %q is %v against %s (%s), want %s", name, c.completion, r.Verdict, c.gold, r.Extracted, c.want)
			}
		}
	}
}
