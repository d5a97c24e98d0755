package benchmark

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/octorl/octorl/reward"
)

func parse(t *testing.T, text string) *Spec {
	t.Helper()
	s, err := Parse("own.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func readRows(t *testing.T, s *Spec, rows string) []Problem {
	t.Helper()
	problems, err := s.read(strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	return problems
}

func TestFieldsOfRows(t *testing.T) {
	s := parse(t, `
name: own
file: own.jsonl
question: "{title?}\n{body.} {ask}\nOptions: {choices?}"
answer: "{value}"
level: "{grade}"
subject: "{kind}"
`)
	problems := readRows(t, s, `
{"title": null, "body": "Ada has 3 dogs", "ask": "How many?", "value": 3.0, "grade": "Level 2", "kind": "count", "choices": null}
{"title": "Cats", "body": "Bo has 5 cats.", "ask": "How many?", "value": 5.50, "grade": 4, "kind": "", "choices": ["4", 5.5], "more": NaN}
`)
	first, second := problems[0], problems[1]
	if first.Question != "Ada has 3 dogs. How many?" || first.Answer != "3" || first.Level != 2 || first.Subject != "count" || first.ID != "own/0" {
		t.Errorf("first row: %+v", first)
	}
	if second.Question != "Cats\nBo has 5 cats. How many?\nOptions: 4, 5.5" || second.Answer != "5.50" || second.Level != 4 || second.ID != "own/1" {
		t.Errorf("second row: %+v", second)
	}
}

func TestAnswersWithinTexts(t *testing.T) {
	for _, c := range []struct{ in, value, want string }{
		{"box", `so \\boxed{\\frac{1}{2}}.`, `\frac{1}{2}`},
		{"before-parentheses", "9 (apples)", "9"},
		{"after-hashes", "2 + 2 = 4\\n#### 4", "4"},
	} {
		s := parse(t, "name: own\nfile: own.jsonl\nquestion: \"{q}\"\nanswer: \"{a}\"\nanswerIn: "+c.in+"\n")
		if got := readRows(t, s, `{"q": "?", "a": "`+c.value+`"}`)[0].Answer; got != c.want {
			t.Errorf("%s of %q is %q, want %q", c.in, c.value, got, c.want)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		field string
		want  []string
	}{
		{`["red", 2.0]`, []string{"red", "2"}},
		{`"A) $f(-6)=0$ B) -10 and 10 C) (3, 4)"`, []string{"$f(-6)=0$", "-10 and 10", "(3, 4)"}},
		{`"A. one B. two"`, []string{"one", "two"}},
		{`"a ) 12 , b ) 5 : 6 , c ) none of these"`, []string{"12", "5 : 6", "none of these"}},
		{`"['a ) a ) 4 inches', 'b ) b ) 6 inches']"`, []string{"4 inches", "6 inches"}},
	} {
		r, err := parseRow([]byte(`{"o": ` + c.field + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := optionsOf(r["o"]); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("options of %s are %q, want %q (%v)", c.field, got, c.want, err)
		}
	}
	if _, err := optionsOf("none here"); err == nil {
		t.Error("took a text without letters for options")
	}
}

func TestShuffledOptionsKeepTheRightOne(t *testing.T) {
	places := map[string]int{}
	for i := range 200 {
		id := "row/" + strings.Repeat("x", i)
		options, answer := shuffled(id, "right", []string{"w1", "w2", "w3"})
		if options[answer[0]-'A'] != "right" {
			t.Fatalf("%s: answer %s of %q", id, answer, options)
		}
		again, _ := shuffled(id, "right", []string{"w1", "w2", "w3"})
		if !slices.Equal(options, again) {
			t.Fatalf("%s: %q, then %q", id, options, again)
		}
		places[answer]++
	}
	for _, l := range []string{"A", "B", "C", "D"} {
		if places[l] < 25 {
			t.Errorf("the right option stands at %s %d times of 200", l, places[l])
		}
	}
}

func TestFaultsOfSpecs(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"name: own\nfil: x\n", "own.yaml:2:1"},
		{"name: a b\n", "letters, digits"},
		{"name: own\n", "file is missing"},
		{"name: own\nfile: f\nquestion: \"{q}\"\nanswer: \"{a}\"\nshots: 1\n", "0 demonstrations"},
		{"name: own\nfile: f\nquestion: \"{q}\"\nanswer: \"{a}\"\nextract: bottom\n", "extract"},
		{"name: own\nfile: f\nquestion: \"{q}\"\nanswer: \"{a}\"\ndemonstrationsOf: gsm9k\n", "gsm8k"},
	} {
		if _, err := Parse("own.yaml", []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q in it", c.text, err, c.want)
		}
	}
}

func TestFaultsOfRowsNameTheLine(t *testing.T) {
	s := parse(t, "name: own\nfile: f\nquestion: \"{q}\"\nanswer: \"{a}\"\nid: \"{id}\"\n")
	for _, c := range []struct{ rows, want string }{
		{"{\"q\": \"x\", \"a\": \"1\", \"id\": 1}\n{", "line 2"},
		{`{"q": "x", "b": "1", "id": 1}`, `no field "a"; the row has b, id, q`},
		{`{"q": "x", "a": "", "id": 1}`, "may be empty"},
		{"{\"q\": \"x\", \"a\": \"1\", \"id\": 1}\n{\"q\": \"y\", \"a\": \"1\", \"id\": 1}", "that of line 1"},
		{"", "empty"},
	} {
		if _, err := s.read(strings.NewReader(c.rows)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q in it", c.rows, err, c.want)
		}
	}
}

func TestPromptOfDemonstrations(t *testing.T) {
	s := parse(t, `
name: own
file: f
question: "{q}"
answer: "{a}"
prompt: "Q: {question}\nA:"
shots: 1
demonstrations:
  - {question: "1+1?", solution: "The answer is 2."}
`)
	before, err := s.Preamble(1)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := before+s.Ask("2+2?"), "Q: 1+1?\nA: The answer is 2.\n\nQ: 2+2?\nA:"; got != want {
		t.Errorf("prompt is %q, want %q", got, want)
	}
	if _, err := s.Preamble(2); err == nil {
		t.Error("showed two demonstrations of one")
	}
}

func TestTolerances(t *testing.T) {
	text := "name: own\nfile: f\nquestion: \"{q}\"\nanswer: \"{a}\"\nextract: last-number\n"
	for _, c := range []struct {
		keys, gold, answer string
		published, strict  bool
	}{
		{"tolerance: 0.001\n", "3.14", "3.1405", true, false},
		{"tolerance: 0.001\n", "3.14", "3.142", false, false},
		{"tolerance: 0.001\n", "1,000", "1000", true, true},
		{"relative: 0.01\n", "4.5e33", "4.52e33", true, false},
		{"relative: 0.01\n", "4.5e33", "4.6e33", false, false},
		{"percent: true\n", "0.25", "25", true, false},
		{"percent: true\n", "0.25", "26", false, false},
		{"", "0.25", "25", false, false},
	} {
		s := parse(t, text+c.keys)
		for g, want := range map[Grading]bool{GradingPublished: c.published, GradingStrict: c.strict} {
			v, err := s.Verifier(g)
			if err != nil {
				t.Fatal(err)
			}
			p := Problem{}
			p.Answer = c.gold
			if r := v.Verify(context.Background(), p.Problem, "It is "+c.answer); (r.Verdict == reward.Right) != want {
				t.Errorf("%s%s: %s is %v against %s", c.keys, g, c.answer, r.Verdict, c.gold)
			}
		}
	}
}

func TestNumbersThatWouldTakeForEver(t *testing.T) {
	for _, text := range []string{"1e999999999", "1" + strings.Repeat("0", 1000), "0x10", "1_000", "", "1e", "∞"} {
		if _, ok := number(text); ok {
			t.Errorf("read %.20q as a number", text)
		}
	}
}

func TestOwnBenchmarkLiesBesideItsFile(t *testing.T) {
	dir := t.TempDir()
	yaml := "name: own\nfile: rows.jsonl\nquestion: \"{q}\"\nanswer: \"{a}\"\n"
	if err := os.WriteFile(filepath.Join(dir, "own.yaml"), []byte(yaml), 0o644); err != nil {
		t.Fatal(err)
	}
	s := find(t, filepath.Join(dir, "own.yaml"))
	if _, err := s.Problems(""); err == nil || !strings.Contains(err.Error(), "rows.jsonl") {
		t.Errorf("without rows: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "rows.jsonl"), []byte(`{"q": "1+1?", "a": 2}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if problems, err := s.Problems(""); err != nil || len(problems) != 1 || problems[0].Answer != "2" {
		t.Errorf("problems %+v, %v", problems, err)
	}
}
