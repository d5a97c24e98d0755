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
