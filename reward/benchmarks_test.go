package reward

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/octorl/octorl/rollout/trajectory"
)

// benchmarkGold names the field with the reference answer of each benchmark.
var benchmarkGold = map[string]string{
	"aime24.jsonl": "answer", "aime25.jsonl": "answer", "amc23.jsonl": "answer", "asdiv.jsonl.gz": "answer",
	"gpqa_diamond.jsonl.gz": "Correct Answer", "gsm8k.jsonl.gz": "answer", "math.jsonl.gz": "solution", "math500.jsonl": "answer",
	"mathqa.jsonl.gz": "correct", "mawps.jsonl.gz": "target", "mmlu_stem.jsonl.gz": "answer", "ocw.jsonl": "answer",
	"olympiad_bench.jsonl.gz": "final_answer", "sat.jsonl": "Answer", "svamp.jsonl": "Answer", "tabmwp.jsonl.gz": "answer",
}

func readGold(t *testing.T, name, field string) []string {
	f, err := os.Open(filepath.Join(dataFolder("benchmarks"), name))
	if err != nil {
		t.Skipf("no benchmarks: set OCTORL_FIXTURES to the folder of fixtures, whose neighbor is benchmarks: %v", err)
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	var all []string
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		row := map[string]any{}
		line := notANumber.ReplaceAllString(lines.Text(), "${1}null")
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		switch v := row[field].(type) {
		case string:
			all = append(all, v)
		case float64:
			all = append(all, fmt.Sprint(v))
		case []any:
			all = append(all, v[0].(string))
		}
	}
	if err := lines.Err(); err != nil || len(all) == 0 {
		t.Fatalf("%s: %d answers, %v", name, len(all), err)
	}
	return all
}

var (
	loneNumber   = regexp.MustCompile(`^-?\d+(\.\d+)?$`)
	loneInteger  = regexp.MustCompile(`^\d+$`)
	sizedBracket = regexp.MustCompile(`\\(?:left|right)([()|\[\]\\])`)
	aroundSigns  = regexp.MustCompile(`\s*([=+,])\s*`)
	fractionOf   = regexp.MustCompile(`^\\d?frac\{(\d+)\}\{(\d+)\}$`)
	notANumber   = regexp.MustCompile(`([\[,:]\s*)NaN`) // as Python writes JSON
	bareList     = regexp.MustCompile(`^[^()\[\]!a-zA-Z]+(?:, [^()\[\]!a-zA-Z]+)+$`)
	tupleOf      = regexp.MustCompile(`^\((-?\d+),\s*(-?\d+)\)$`)
)

// rewritten returns spellings of gold that mean the same.
func rewritten(gold string) []string {
	forms := []string{
		gold, " " + gold + " ", "$" + gold + "$",
		strings.ReplaceAll(gold, `\frac`, `\dfrac`),
		sizedBracket.ReplaceAllString(gold, "$1"),
	}
	if strings.Contains(gold, "$") || strings.Contains(gold, `\text`) || !strings.ContainsAny(gold, `\^`) {
		forms = forms[:2]
	} else {
		forms = append(forms, aroundSigns.ReplaceAllString(gold, " $1 "))
	}
	if loneInteger.MatchString(gold) {
		forms = append(forms, gold+".0", gold+".", `\text{`+gold+"}", "0"+gold, `\boxed{`+gold+"}", gold+`\text{ units}`, "x = "+gold, `\frac{`+gold+"}{1}")
	}
	if m := fractionOf.FindStringSubmatch(gold); m != nil {
		forms = append(forms, m[1]+"/"+m[2], `\frac{-`+m[1]+"}{-"+m[2]+"}", `\frac{2 \cdot `+m[1]+"}{2 \\cdot "+m[2]+"}", `\left(`+gold+`\right)`)
	}
	if bareList.MatchString(gold) && !strings.ContainsAny(gold, "=") {
		items := strings.Split(gold, ",")
		slices.Reverse(items)
		forms = append(forms, strings.Join(items, ", "), `\{`+gold+`\}`)
	}
	return forms
}

// changed returns answers with another value than gold.
func changed(gold string) []string {
	var forms []string
	switch {
	case loneNumber.MatchString(gold):
		forms = append(forms, gold+"1", gold+"+1", "1+"+gold, gold+" or 1", gold+", "+gold+"1", "2"+gold, gold+" and 0")
		if strings.Trim(gold, "-0.") != "" {
			forms = append(forms, "-("+gold+")", `\frac{1}{`+gold+`1}`, gold+"i")
		}
	case fractionOf.MatchString(gold):
		m := fractionOf.FindStringSubmatch(gold)
		forms = append(forms, "-"+gold, gold+"+1")
		if m[1] != m[2] {
			forms = append(forms, `\frac{`+m[2]+"}{"+m[1]+"}")
		}
	case tupleOf.MatchString(gold):
		m := tupleOf.FindStringSubmatch(gold)
		forms = append(forms, "["+m[1]+","+m[2]+"]", m[1], "("+m[1]+","+m[2]+",0)")
		if m[1] != m[2] {
			forms = append(forms, "("+m[2]+","+m[1]+")")
		}
	default:
		forms = append(forms, gold+"+123457", "123457", "-("+gold+")-123457", gold+" or 123457", `\frac{123457}{`+gold+"}")
		if !strings.Contains(gold, "pm") && !strings.HasPrefix(gold, "0 ") {
			forms = append(forms, "-("+gold+")", "2("+gold+")")
		}
	}
	return forms
}

// TestBenchmarkAnswers compares the reference answers of each benchmark with
// rewritten and changed ones.
func TestBenchmarkAnswers(t *testing.T) {
	for name, field := range benchmarkGold {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && strings.HasSuffix(name, ".gz") {
				t.Skip("takes seconds")
			}
			all, wrong, faults := 0, 0, 0
			for _, gold := range readGold(t, name, field) {
				bare := clean(gold)
				if len(gold) > maxAnswerBytes || bare == "" || blank(bare) {
					continue
				}
				p := trajectory.Problem{Answer: gold}
				for _, form := range append(rewritten(bare), gold) {
					all++
					if got := CompareAnswer(context.Background(), p, form); got.Verdict != Right {
						wrong++
						t.Logf("%q is %v against %q: %s", form, got.Verdict, bare, got.Reason)
					}
				}
				for _, form := range changed(bare) {
					if got := CompareAnswer(context.Background(), p, form); got.Verdict == Right && bare != "1" && bare != form {
						faults++
						t.Errorf("%q is right against %q by %s", form, bare, got.Method)
					}
				}
			}
			t.Logf("%d of %d rewritten answers are right, %d changed ones", all-wrong, all, faults)
			if 1000*wrong > all {
				t.Errorf("%d of %d rewritten answers are not right, want 0.1 %%", wrong, all)
			}
		})
	}
}
