package evaluation

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ResultVersion is the version of the layout of results.json. A change of
// meaning, or a field removed or renamed, raises it.
const ResultVersion = 1

// Result is what the evaluation of one checkpoint says: the file results.json.
// The items themselves lie beside it, see BenchmarkResult.Items.
type Result struct {
	Version    int               `json:"version"` // ResultVersion
	Model      string            `json:"model"`   // as it was given
	Digest     string            `json:"digest"`  // of the checkpoint's files
	Finished   time.Time         `json:"finished"`
	Benchmarks []BenchmarkResult `json:"benchmarks"`
	Readiness  *Readiness        `json:"readiness,omitempty"` // of a base model, where it was asked for
}

// Label names the ways of asking, each once: "8-shot, 4-shot: greedy, 4 at T=1".
func (r Result) Label() string {
	var forms, ways []string
	add := func(to *[]string, text string) {
		if !slices.Contains(*to, text) {
			*to = append(*to, text)
		}
	}
	for _, b := range r.Benchmarks {
		add(&forms, b.Settings.form())
		add(&ways, b.Settings.way())
	}
	return strings.Join(forms, ", ") + ": " + strings.Join(ways, ", ")
}

// BenchmarkResult is the summary of one benchmark under one way of asking.
type BenchmarkResult struct {
	Title    string   `json:"title"` // of the benchmark, for people
	Settings Settings `json:"settings"`
	Asked    int      `json:"asked"`   // problems asked
	Rows     int      `json:"rows"`    // problems that the benchmark has
	TooLong  int      `json:"tooLong"` // problems that do not fit the policy, counted as not solved
	Seconds  float64  `json:"seconds"` // of all sessions together
	Summary  Summary  `json:"summary"`
	Items    string   `json:"items"` // file of JSON lines, relative to results.json
}

// Name is the benchmark's, with the template where several were asked for.
func (b BenchmarkResult) Name() string { return strings.TrimSuffix(b.Items, ".jsonl") }

// Settings is all that decides what a checkpoint answers to a benchmark. Items
// of different settings are never mixed.
type Settings struct {
	Benchmark   string   `json:"benchmark"`
	Model       string   `json:"model"`       // digest of the checkpoint's files
	Prompts     string   `json:"prompts"`     // digest of the benchmark's prompts and reference answers
	Shots       int      `json:"shots"`       // demonstrations before the question
	Template    string   `json:"template"`    // empty for the benchmark's own form
	Grading     string   `json:"grading"`     // where answers are looked for and how they are compared
	Samples     int      `json:"samples"`     // completions of a problem
	Temperature float32  `json:"temperature"` // 0 is greedy
	MaxTokens   int      `json:"maxTokens"`
	Stops       []string `json:"stops"`
	Seed        uint64   `json:"seed"`
}

// form names how a question is put.
func (s Settings) form() string {
	if s.Template != "" {
		return s.Template
	}
	return fmt.Sprintf("%d-shot", s.Shots)
}

// way names how completions are drawn.
func (s Settings) way() string {
	if s.Temperature == 0 {
		return "greedy"
	}
	return fmt.Sprintf("%d at T=%g", s.Samples, s.Temperature)
}

// ResultsFile is the name of a Result in its folder.
const ResultsFile = "results.json"

// ReadResult reads the Result in a folder. Of a file that is missing, damaged or
// of a newer version the error says so.
func ReadResult(dir string) (Result, error) {
	path := filepath.Join(dir, ResultsFile)
	var r Result
	data, err := os.ReadFile(path)
	if err != nil {
		return r, fmt.Errorf("read evaluation: %w; give a folder that octorl eval --out has finished", err)
	}
	err = json.Unmarshal(data, &r)
	switch {
	case err == nil && r.Version > ResultVersion:
		err = fmt.Errorf("it has version %d and this program knows %d; use a newer octorl", r.Version, ResultVersion)
	case err == nil && r.Version < 1:
		err = errors.New("it names no version")
	}
	if err != nil {
		return r, fmt.Errorf("read evaluation %s: %w", path, err)
	}
	return r, nil
}

// WriteFile writes a file of an evaluation to path: aside, synced, renamed.
func WriteFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return fmt.Errorf("write evaluation: %w", err)
	}
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		os.Remove(path + ".tmp")
		return fmt.Errorf("write evaluation %s: %w", path, err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return fmt.Errorf("write evaluation: %w", err)
	}
	return nil
}

// WriteResult writes r into a folder: aside, synced, renamed.
func WriteResult(dir string, r Result) error {
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("write evaluation: %w", err)
	}
	return WriteFile(filepath.Join(dir, ResultsFile), func(w io.Writer) error {
		_, err := w.Write(append(data, '\n'))
		return err
	})
}
