package benchmark

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/octorl/octorl/corpus"
	"github.com/octorl/octorl/rollout/trajectory"
)

func asked(id, text string) Problem {
	return Problem{Problem: trajectory.Problem{ID: "own/" + id, Source: "own", Question: text}, Stem: text}
}

func TestOverlapsByHand(t *testing.T) {
	o := NewOverlaps(4)
	o.Add([]Problem{asked("a", "How many red apples does Ada eat?"), asked("b", "Too short, this."), asked("c", "Let $x_1 + x_2 = 5$ hold.")})
	for _, c := range []struct{ text, want string }{
		{"She asked how many RED apples-- there are", "own/a"},
		{"how many green red apples does", ""},
		{`\(x_1+x_2 = 5\)`, "own/c"},
		{"does ada eat", ""},
		{"many red apples does and later red apples does ada", "own/a"},
		{"", ""},
	} {
		var ids []string
		for _, f := range o.Find(c.text) {
			ids = append(ids, f.Problem)
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%q: found %q, want %q", c.text, got, c.want)
		}
	}
	if o.Short("own") != 1 {
		t.Errorf("%d short questions, want 1", o.Short("own"))
	}
}

// TestOverlapsEqualComparison compares with looking for every window of every
// question as a text.
func TestOverlapsEqualComparison(t *testing.T) {
	const seed = 5
	random := rand.New(rand.NewPCG(seed, 0))
	text := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteString([]string{"a ", "b ", "c "}[random.IntN(3)])
		}
		return b.String()
	}
	for range 200 {
		o := NewOverlaps(3 + random.IntN(4))
		var problems []Problem
		for i := range 5 {
			problems = append(problems, asked(fmt.Sprint(i), text(random.IntN(12))))
		}
		o.Add(problems)
		document := text(20)
		got := map[string]bool{}
		for _, f := range o.Find(document) {
			got[f.Problem] = true
		}
		want := map[string]bool{}
		for _, p := range problems {
			w := words(p.Stem)
			for i := 0; i+o.window <= len(w); i++ {
				if strings.Contains(" "+document, " "+strings.Join(w[i:i+o.window], " ")+" ") {
					want[p.ID] = true
				}
			}
		}
		if !maps.Equal(got, want) {
			t.Fatalf("seed %d: %q has %v, want %v", seed, document, got, want)
		}
	}
}

// TestOverlapOfTheCorpusIsAsMeasured compares with the counts in the README of the
// data, which another program measured: documents with an overlap, and rows, which
// count once a file.
func TestOverlapOfTheCorpusIsAsMeasured(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 60 MB")
	}
	files, err := filepath.Glob(filepath.Join(dataFolder(), "..", "corpus", "*.jsonl.gz"))
	if err != nil || len(files) == 0 {
		t.Skip("no corpus: set OCTORL_FIXTURES to the folder of fixtures, whose neighbor is corpus")
	}
	o := NewOverlaps(DefaultWindow)
	for _, name := range Names() {
		o.Add(problemsOf(t, find(t, name)))
	}
	documents, rows := 0, map[string]int{}
	for _, path := range files {
		seen := map[string]bool{}
		for _, text := range textsOf(t, path) {
			found := o.Find(text)
			documents += min(len(found), 1)
			for _, f := range found {
				if !seen[f.Problem] {
					rows[f.Benchmark]++
				}
				seen[f.Problem] = true
			}
		}
	}
	want := map[string]int{"math": 25, "math500": 4, "olympiad_bench": 5, "mmlu_stem": 3}
	if documents != 26 || !maps.Equal(rows, want) {
		t.Errorf("%d documents, rows %v; want 26, %v", documents, rows, want)
	}
	train, err := corpus.GSM8K(corpus.GSM8KTrain)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string][]string{}
	for _, p := range train {
		for _, f := range o.Find(p.Question) {
			if !slices.Contains(seen[f.Benchmark], f.Problem) {
				seen[f.Benchmark] = append(seen[f.Benchmark], f.Problem)
			}
		}
	}
	if len(seen["gsm8k"]) != 3 || len(seen["asdiv"]) != 5 || len(seen["mawps"]) != 3 {
		t.Errorf("gsm8k-train overlaps with %v, want 3 rows of GSM8K, 5 of ASDiv, 3 of MAWPS", seen)
	}
}

func textsOf(t *testing.T, path string) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for d := json.NewDecoder(bufio.NewReader(z)); d.More(); {
		var row struct{ Text string }
		if err := d.Decode(&row); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, row.Text)
	}
	return texts
}
