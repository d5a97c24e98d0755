package evaluation

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"

	"github.com/octorl/octorl/reward"
	"github.com/octorl/octorl/rollout/trajectory"
)

// ItemSet is the items of one benchmark of a result.
type ItemSet struct {
	Items    []Item
	Preamble string // demonstrations that were shown before each question
}

// blockItems is how many items of a page are compressed together.
const blockItems = 32

// pageIndex is what the page's script knows of all items.
type pageIndex struct {
	BlockSize  int             `json:"blockSize"`
	Benchmarks []pageBenchmark `json:"benchmarks"`
	Items      []pageRow       `json:"items"`
}

type pageBenchmark struct {
	Name     string `json:"name"`
	Title    string `json:"title"`
	Preamble string `json:"preamble"`
}

// pageRow is an item in the list: counts of its completions.
type pageRow struct {
	Benchmark int    `json:"b"`
	ID        string `json:"id"`
	Subject   string `json:"subject"`
	Text      string `json:"text"` // beginning of the question
	N         int    `json:"n"`
	Right     int    `json:"right"`
	None      int    `json:"none"`
	Failed    int    `json:"failed"`
	Cut       int    `json:"cut"`
	Loop      int    `json:"loop"`
	Tokens    int    `json:"tokens"` // mean
}

// pageItem is an item to read.
type pageItem struct {
	ID          string           `json:"id"`
	Level       int              `json:"level"`
	Subject     string           `json:"subject"`
	Prompt      string           `json:"prompt"`
	Answer      string           `json:"answer"`
	Completions []pageCompletion `json:"completions"`
}

type pageCompletion struct {
	Verdict string `json:"verdict"`
	Tokens  int    `json:"tokens"`
	Finish  string `json:"finish"`
	Answer  string `json:"answer"`
	Reason  string `json:"reason"`
	Text    string `json:"text"`
}

// itemPage is what the template shows.
type itemPage struct {
	Result
	Label        string
	Summary, AtK table
	Notes        []string
	Charts       []Chart
	Forests      []Forest
	Checks       table // of a readiness
	Index        template.HTML
	Blocks       template.HTML
	Script       template.JS
}

var itemTemplate = pageTemplate("itempage.html.tmpl")

// WriteItemPage writes a result as one HTML page that needs nothing else, on which
// each item can be read with its prompt, completions and verdicts. sets are by
// BenchmarkResult.Items. Texts are compressed and shown as text only; thousands of items
// open at once. The error is the writer's.
func WriteItemPage(w io.Writer, r Result, sets map[string]ItemSet) error {
	script, err := pageFiles.ReadFile("itempage.js")
	if err != nil {
		panic("evaluation: " + err.Error())
	}
	page := itemPage{
		Result: r, Label: r.Label(), Summary: summaryTable(r.Benchmarks), AtK: atKTable(r.Benchmarks), Script: template.JS(script),
		Charts: atKCharts(r.Benchmarks), Forests: accuracyForests(r.Benchmarks),
	}
	for _, note := range r.notes(func(b BenchmarkResult) string { return b.Title }) {
		page.Notes = append(page.Notes, note+".")
	}
	if r.Readiness != nil {
		page.Checks = r.Readiness.checkTable()
	}
	if page.Index, page.Blocks, err = pageData(r, sets); err == nil {
		err = itemTemplate.ExecuteTemplate(w, "itempage.html.tmpl", page)
	}
	if err != nil {
		return fmt.Errorf("write page of evaluation of %s: %w", r.Model, err)
	}
	return nil
}

// pageData returns the script elements with the index and the blocks. JSON escapes
// what would end an element, and base64 has no such character.
func pageData(r Result, sets map[string]ItemSet) (index, blocks template.HTML, err error) {
	all := pageIndex{BlockSize: blockItems, Items: []pageRow{}}
	var items []pageItem
	for b, result := range r.Benchmarks {
		set := sets[result.Items]
		all.Benchmarks = append(all.Benchmarks, pageBenchmark{result.Name(), result.heading(), set.Preamble})
		for _, it := range set.Items {
			if len(it.Completions) > 0 {
				all.Items = append(all.Items, rowOf(b, it))
				items = append(items, pageItemOf(it))
			}
		}
	}
	data, err := json.Marshal(all)
	if err != nil {
		return "", "", err
	}
	var out strings.Builder
	for n := 0; n*blockItems < len(items); n++ {
		block, err := compressed(items[n*blockItems : min((n+1)*blockItems, len(items))])
		if err != nil {
			return "", "", err
		}
		fmt.Fprintf(&out, "<script type=\"text/plain\" id=\"block%d\">%s</script>\n", n, block)
	}
	return template.HTML(`<script type="application/json" id="index">` + string(data) + `</script>`), template.HTML(out.String()), nil
}

// compressed returns a value as JSON, gzip and base64.
func compressed(value any) (string, error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if err := json.NewEncoder(z).Encode(value); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(out.Bytes()), nil
}

// listedRunes is how much of a question the list shows and finds.
const listedRunes = 160

func rowOf(benchmark int, it Item) pageRow {
	text := []rune(strings.Join(strings.Fields(it.Problem.Question), " "))
	row := pageRow{
		Benchmark: benchmark, ID: it.Problem.ID, Subject: it.Subject, Text: string(text[:min(len(text), listedRunes)]), N: len(it.Completions),
	}
	for _, c := range it.Completions {
		row.Tokens += c.Tokens
		switch c.Verdict {
		case reward.Right:
			row.Right++
		case reward.Unparsable:
			row.None++
		case reward.Failed:
			row.Failed++
		}
		if c.Finish == trajectory.FinishLength {
			row.Cut++
		}
		if reward.Repetitive(c.Text) {
			row.Loop++
		}
	}
	row.Tokens /= row.N
	return row
}

func pageItemOf(it Item) pageItem {
	p := pageItem{ID: it.Problem.ID, Level: it.Problem.Level, Subject: it.Subject, Prompt: it.Prompt, Answer: it.Problem.Answer}
	for _, c := range it.Completions {
		p.Completions = append(p.Completions, pageCompletion{c.Verdict.String(), c.Tokens, string(c.Finish), c.Answer, c.Reason, c.Text})
	}
	return p
}

// heading is the title with the way of asking, where a benchmark may have several.
func (b BenchmarkResult) heading() string {
	title := b.Title
	if _, template, several := strings.Cut(b.Name(), "@"); several {
		title += ", " + template
	}
	if b.Settings.Temperature > 0 {
		title += ", sampled"
	}
	return title
}

// atKCharts draws pass@k and maj@k of what was sampled.
func atKCharts(benchmarks []BenchmarkResult) []Chart {
	var charts []Chart
	for _, b := range benchmarks {
		if b.Settings.Samples <= 1 || len(b.Summary.PassAt) < 2 {
			continue
		}
		charts = append(charts, Chart{
			Title: b.heading(), XLabel: "k", YLabel: "share", Powers: true,
			Series: []Series{seriesAtK("pass@k", b.Summary.PassAt), seriesAtK("maj@k", b.Summary.MajAt)},
		})
	}
	return charts
}

// seriesAtK returns shares by the logarithm of k.
func seriesAtK(name string, shares map[int]float64) Series {
	s := Series{Name: name}
	for _, k := range sortedKeys(shares) {
		s.X, s.Y = append(s.X, math.Log2(float64(k))), append(s.Y, shares[k])
	}
	return s
}

// accuracyForests draws accuracy by benchmark, and by level and subject within one.
func accuracyForests(benchmarks []BenchmarkResult) []Forest {
	all := Forest{Title: "accuracy", Unit: "%"}
	var forests []Forest
	for _, b := range benchmarks {
		all.Rows = append(all.Rows, estimate(b.heading(), b.Summary.Accuracy, b.Summary.Problems))
		within := Forest{Title: b.heading() + ": accuracy by level and subject", Unit: "%"}
		for _, l := range b.Summary.Levels {
			within.Rows = append(within.Rows, estimate(fmt.Sprintf("level %d (%d)", l.Level, l.Problems), l.Accuracy, l.Problems))
		}
		for _, s := range b.Summary.Subjects {
			e := estimate(fmt.Sprintf("%s (%d)", strings.ReplaceAll(s.Subject, "_", " "), s.Problems), s.Accuracy, s.Problems)
			e.Series = 2
			within.Rows = append(within.Rows, e)
		}
		if len(within.Rows) > 0 {
			forests = append(forests, within)
		}
	}
	return append([]Forest{all}, forests...)
}

// estimate is an accuracy in percent with Wilson's interval.
func estimate(name string, accuracy float64, problems int) Estimate {
	i := Wilson(accuracy*float64(problems), problems, z95)
	return Estimate{Name: name, Value: 100 * accuracy, Interval: Interval{100 * i.Low, 100 * i.High}}
}
