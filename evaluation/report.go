package evaluation

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"time"
)

// Sample is a completion to show, with what the verifier said of it.
type Sample struct {
	Stage      string
	Problem    string
	Reference  string // the reference answer
	Completion string
	Verdict    string
	Tokens     int
	Finish     string
}

// ChartGroup is the curves of one stage or kind of stage.
type ChartGroup struct {
	Title  string
	Charts []Chart
}

// Link is a page beside the report.
type Link struct{ Text, Path string }

// Report is what the page about a run shows. Empty parts are left out.
type Report struct {
	Run, Recipe string
	Seed        uint64
	Finished    time.Time
	Elapsed     time.Duration
	Notes       []string // sentences under the header, e.g. the hardware and what to expect

	Comparisons []Comparison
	Stages      []StageRow
	Items       []Link // pages with the items of each stage
	Curves      []ChartGroup
	Samples     []Sample
}

//go:embed *.html.tmpl itempage.js
var pageFiles embed.FS

// pageTemplate returns a page, with what all pages share.
func pageTemplate(name string) *template.Template {
	return template.Must(template.New(name).Funcs(template.FuncMap{
		"svg":     func(c drawing) template.HTML { return template.HTML(c.svg()) },
		"color":   func(i int) int { return i % seriesColors },
		"percent": percent,
		"points":  points,
	}).ParseFS(pageFiles, "shared.html.tmpl", name))
}

// drawing is what has a picture of itself, whose texts are escaped.
type drawing interface{ svg() string }

var reportTemplate = pageTemplate("report.html.tmpl")

// WriteReport writes r as one HTML page that needs nothing else: no scripts, no
// fonts, no pictures from elsewhere. It follows the reader's light or dark
// setting and fits a phone. All text is escaped. The error is the writer's.
func WriteReport(w io.Writer, r Report) error {
	page := struct {
		Report
		StageTable, LevelTable table
	}{r, stageTable(r.Stages), levelTable(r.Stages)}
	if err := reportTemplate.ExecuteTemplate(w, "report.html.tmpl", page); err != nil {
		return fmt.Errorf("write report of run %s: %w", r.Run, err)
	}
	return nil
}
