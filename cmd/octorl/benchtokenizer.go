package main

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/octorl/octorl/policy/tokenizer"
)

// benchTokenizerVerb measures a tokenizer.
type benchTokenizerVerb struct {
	Files     []string `arg:"" optional:"" help:"JSON lines with text, also packed by gzip; without any, texts made up to be hard." type:"existingfile"`
	Tokenizer string   `required:"" help:"Checkpoint folder, tokenizer.json, vocab.json beside its merges.txt, or tiktoken file." placeholder:"DIR|FILE"`
	Every     int      `help:"Take every so many'th line of all files." default:"1"`
	Reps      int      `help:"Repetitions." default:"3"`
	JSON      bool     `name:"json" help:"Print one JSON object instead of a table."`
}

// Help implements kong's help of a verb.
func (v *benchTokenizerVerb) Help() string {
	return "Encodes the texts of each file on one core: by a tokenizer just loaded, which has seen none of them, and by the same once more. " +
		"Rates are medians. The digest is the SHA-256 of all ids as little-endian int32. scripts/peers/tokenizers_bench.py runs Hugging Face's " +
		"tokenizers on the same texts. Hard texts come in two lengths: where a tokenizer took quadratic time, the longer would have a sixteenth of the shorter's rate."
}

// tokenizerBench is the rate at the texts of one file.
type tokenizerBench struct {
	Name   string  `json:"name"`
	Texts  int     `json:"texts"`
	Bytes  int     `json:"bytes"`
	Tokens int     `json:"tokens"`
	First  float64 `json:"first"` // MB/s, median, by a tokenizer that has seen no text
	Again  float64 `json:"again"` // the same, once more
	Digest string  `json:"sha256"`
}

// Run implements the verb.
func (v *benchTokenizerVerb) Run(ctx context.Context) error {
	names, texts := hardTexts()
	if len(v.Files) > 0 {
		names, texts = nil, nil
	}
	lines := 0
	for _, path := range v.Files {
		all, err := v.read(path, &lines)
		if err != nil {
			return err
		}
		name, _, _ := strings.Cut(filepath.Base(path), ".")
		names, texts = append(names, name), append(texts, all)
	}
	var rows []tokenizerBench
	for i, name := range names {
		row, err := v.measure(ctx, name, texts[i])
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	if v.JSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"measurements": rows})
	}
	return writeTokenizerBench(os.Stdout, rows)
}

// read returns the texts of a file that are wanted, and counts its lines.
func (v *benchTokenizerVerb) read(path string, lines *int) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := io.Reader(f)
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	var texts []string
	d := json.NewDecoder(in)
	for object := 1; ; object++ {
		var row struct{ Text string }
		if err := d.Decode(&row); err == io.EOF {
			return texts, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s, object %d: %w", path, object, err)
		}
		if *lines%max(v.Every, 1) == 0 {
			texts = append(texts, row.Text)
		}
		*lines++
	}
}

// measure encodes texts with fresh tokenizers.
func (v *benchTokenizerVerb) measure(ctx context.Context, name string, texts []string) (tokenizerBench, error) {
	row := tokenizerBench{Name: name, Texts: len(texts)}
	for _, t := range texts {
		row.Bytes += len(t)
	}
	var first, again []float64
	for range max(v.Reps, 1) {
		if err := ctx.Err(); err != nil {
			return row, err
		}
		tok, err := tokenizer.Load(v.Tokenizer)
		if err != nil {
			return row, err
		}
		ids := make([][]int32, len(texts))
		for _, rates := range []*[]float64{&first, &again} {
			start := time.Now()
			for i, t := range texts {
				ids[i] = tok.Encode(t)
			}
			*rates = append(*rates, float64(row.Bytes)/1e6/time.Since(start).Seconds())
		}
		row.Tokens, row.Digest = digestOfIDs(ids)
	}
	slices.Sort(first)
	slices.Sort(again)
	row.First, row.Again = quantileOf(first, 0.5), quantileOf(again, 0.5)
	return row, nil
}

// digestOfIDs returns the number of ids and their digest.
func digestOfIDs(ids [][]int32) (n int, digest string) {
	h := sha256.New()
	var b []byte
	for _, text := range ids {
		b = b[:0]
		for _, id := range text {
			b = binary.LittleEndian.AppendUint32(b, uint32(id))
		}
		h.Write(b)
		n += len(text)
	}
	return n, hex.EncodeToString(h.Sum(nil))
}

// hardTexts returns texts of one piece or of rare ones, each in two lengths.
func hardTexts() (names []string, texts [][]string) {
	for _, t := range []struct{ name, unit string }{
		{"one letter", "a"}, {"one word", "internationalization"}, {"digits", "0123456789"}, {"spaces", " "}, {"spaces and tabs", " \t"},
		{"line ends", "\n"}, {"spaces and line ends", "  \n"}, {"punctuation", "!?-"}, {"Chinese", "数学是研究数量结构变化空间的学科"},
		{"emoji", "😀👩‍👩‍👧‍👦🇩🇪"}, {"combining marks", "e\u0301\u0323"}, {"half of a special token", "<|im_start"},
	} {
		for _, kilobytes := range []int{64, 1024} {
			text := strings.Repeat(t.unit, kilobytes<<10/len(t.unit))
			names, texts = append(names, fmt.Sprintf("%s, %d KiB", t.name, kilobytes)), append(texts, []string{text})
		}
	}
	return names, texts
}

// writeTokenizerBench prints rows and their total as a table.
func writeTokenizerBench(w io.Writer, rows []tokenizerBench) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "texts of\ttexts\tMB\ttokens\tMB/s at first\tMB/s again\tsha256 of ids")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%d\t%.2f\t%d\t%.1f\t%.1f\t%.12s\n", r.Name, r.Texts, float64(r.Bytes)/1e6, r.Tokens, r.First, r.Again, r.Digest)
	}
	return t.Flush()
}
