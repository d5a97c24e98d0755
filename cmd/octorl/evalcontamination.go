package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/octorl/octorl/corpus"
	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/evaluation/benchmark"
)

// contamination looks for the questions of benchmarks in corpora: files of JSON
// Lines or plain text, or bundled corpora by name.
func (v *evalVerb) contamination(ctx context.Context, w io.Writer) error {
	if len(v.Folders) == 0 {
		return errors.New("what to search? give files of JSON Lines or text, or bundled corpora by name")
	}
	if v.Window < 2 {
		return fmt.Errorf("--window %d: want at least 2 words", v.Window)
	}
	for _, name := range v.Folders { // before anything takes long
		f, err := openCorpus(name)
		if err != nil {
			return err
		}
		f.Close()
	}
	o, c, err := v.openOverlaps()
	if err != nil {
		return err
	}
	for _, name := range v.Folders {
		f := evaluation.Contaminated{File: strings.TrimSuffix(strings.TrimSuffix(filepath.Base(name), ".gz"), ".jsonl")}
		err := eachDocument(name, func(id string, texts []string) error {
			var traces []evaluation.Trace
			for _, text := range texts {
				for _, found := range o.Find(text) {
					traces = append(traces, evaluation.Trace{Document: id, Benchmark: found.Benchmark, Problem: found.Problem, Words: found.Words})
				}
			}
			f.Add(traces)
			return ctx.Err()
		})
		if err != nil {
			return fmt.Errorf("search corpus %s: %w", name, err)
		}
		c.Files = append(c.Files, f)
	}
	if err := c.Write(w); err != nil || v.Out == "" {
		return err
	}
	data, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		return fmt.Errorf("write contamination: %w", err)
	}
	if err := os.WriteFile(v.Out, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("write contamination: %w", err)
	}
	_, err = fmt.Fprintf(w, "\neach trace with its document: %s\n", v.Out)
	return err
}

// openOverlaps indexes the benchmarks asked for, or all whose problems are at hand.
func (v *evalVerb) openOverlaps() (*benchmark.Overlaps, evaluation.Contamination, error) {
	o := benchmark.NewOverlaps(v.Window)
	c := evaluation.Contamination{Window: v.Window, Short: map[string]int{}}
	names := v.Benchmarks
	if names == nil {
		names = benchmark.Names()
	}
	for _, name := range names {
		s, err := benchmark.Find(name)
		if err != nil {
			return nil, c, err
		}
		problems, err := s.Problems(v.Data)
		if errors.Is(err, benchmark.ErrNoData) && v.Benchmarks == nil {
			fmt.Fprintf(os.Stderr, "%s is left out: its problems are not at hand; see octorl eval --list\n", name)
			continue
		}
		if err != nil {
			return nil, c, err
		}
		o.Add(problems)
		c.Benchmarks, c.Short[s.Name] = append(c.Benchmarks, s.Name), o.Short(s.Name)
	}
	return o, c, nil
}

// eachDocument calls use with the texts of every document of a corpus: all strings of
// a line of JSON, or a whole file of text.
func eachDocument(name string, use func(id string, texts []string) error) error {
	in, err := openCorpus(name)
	if err != nil {
		return err
	}
	defer in.Close()
	lines := bufio.NewReaderSize(in, 1<<16)
	if magic, _ := lines.Peek(2); string(magic) == "\x1f\x8b" {
		z, err := gzip.NewReader(lines)
		if err != nil {
			return err
		}
		lines = bufio.NewReaderSize(z, 1<<16)
	}
	if ext := filepath.Ext(strings.TrimSuffix(name, ".gz")); ext == ".txt" || ext == ".md" || ext == ".tex" {
		text, err := io.ReadAll(lines)
		if err != nil {
			return err
		}
		return use(filepath.Base(name), []string{string(text)})
	}
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return err
		}
		if strings.TrimSpace(string(line)) != "" {
			var row any
			if err := json.Unmarshal(line, &row); err != nil {
				return fmt.Errorf("line %d: %w; want JSON Lines, or a name that ends in .txt, .md or .tex", number, err)
			}
			if err := use(fmt.Sprintf("line %d", number), stringsOf(row, nil)); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// openCorpus opens a bundled corpus or a file. Its error says what there is instead.
func openCorpus(name string) (io.ReadCloser, error) {
	if f, err := corpus.OpenBundled(name); err == nil {
		return f, nil
	}
	info, err := os.Stat(name)
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder", name)
	}
	if err != nil {
		return nil, fmt.Errorf("search corpus: %w; give files of JSON Lines or text, or bundled corpora: %s", err, strings.Join(corpus.Bundled, ", "))
	}
	return os.Open(name)
}

// stringsOf appends all strings within a value of JSON.
func stringsOf(value any, all []string) []string {
	switch v := value.(type) {
	case string:
		return append(all, v)
	case []any:
		for _, x := range v {
			all = stringsOf(x, all)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			all = stringsOf(v[key], all)
		}
	}
	return all
}
