package benchmark

import (
	"bytes"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/octorl/octorl/corpus"
)

//go:embed specs/*.yaml data/*.jsonl.gz data/ATTRIBUTION.md
var bundle embed.FS

// Names returns the names of the built-in benchmarks: the 13 of OctoThinker
// (arXiv:2506.20512), then others.
func Names() []string {
	return []string{
		"gsm8k", "math", "math500", "olympiad_bench", "amc23", "mathqa", "mawps", "asdiv", "svamp", "tabmwp", "mmlu_stem", "sat", "ocw",
		"aime24", "aime25", "gpqa_diamond",
	}
}

// Attribution returns the sources, licenses and required credits of the problems
// that the binary carries, as Markdown.
func Attribution() string {
	text, err := bundle.ReadFile("data/ATTRIBUTION.md")
	if err != nil {
		panic("benchmark: " + err.Error())
	}
	return string(text)
}

// Find returns the built-in benchmark of a name, or the user's own where name is
// the path of a YAML file. Of an unknown name the error lists those there are.
func Find(name string) (*Spec, error) {
	if strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
		return ParseFile(name)
	}
	if s := generated(name); s != nil {
		return s, nil
	}
	return builtin(name)
}

func builtin(name string) (*Spec, error) {
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("no benchmark %q; there are %s, %s, or give the path of a YAML file", name, strings.Join(Names(), ", "), Generated)
	}
	data, err := bundle.ReadFile("specs/" + name + ".yaml")
	if err != nil {
		panic("benchmark: " + err.Error())
	}
	return Parse("specs/"+name+".yaml", data)
}

// ErrNoData is returned when the problems of a benchmark are not at hand.
var ErrNoData = errors.New("the problems are not at hand")

// Embedded reports whether the binary carries the problems.
func (s *Spec) Embedded() bool {
	if s.lastLevel > 0 {
		return true
	}
	f, err := s.openEmbedded()
	if err == nil {
		f.Close()
	}
	return err == nil
}

// AtHand reports whether the problems can be had, with those in the folder data
// where that is not empty.
func (s *Spec) AtHand(data string) bool {
	_, err := s.Problems(data)
	return err == nil
}

func (s *Spec) openEmbedded() (fs.File, error) {
	if s.folder != "" {
		return nil, fs.ErrNotExist
	}
	if s.Name == "gsm8k" {
		return corpus.OpenBundled(corpus.GSM8KTest)
	}
	return bundle.Open("data/" + s.File + ".gz")
}

// open returns the rows and where they are from: the folder data where it has them,
// else those that the binary carries; those of a user's own benchmark also lie beside
// its YAML.
func (s *Spec) open(data string) (rows io.ReadCloser, from string, err error) {
	var folders []string
	if data != "" {
		folders = append(folders, data)
	}
	if s.folder != "" {
		folders = append(folders, s.folder)
	}
	for _, folder := range folders {
		for _, name := range []string{s.File, s.File + ".gz"} {
			path := filepath.Join(folder, name)
			f, err := os.Open(path)
			if err == nil {
				rows, err = decompress(f)
				return rows, path, err
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return nil, path, fmt.Errorf("open benchmark %s: %w; name the folder with its file", s.Name, err)
			}
		}
	}
	if f, err := s.openEmbedded(); err == nil {
		rows, err = decompress(f)
		return rows, "the binary", err
	}
	return nil, "", s.missing(folders)
}

// missing says what to do about problems that are not at hand.
func (s *Spec) missing(folders []string) error {
	where := "no folder was given"
	if len(folders) > 0 {
		where = "they are not in " + strings.Join(folders, " nor in ")
	}
	if s.folder != "" {
		return fmt.Errorf("benchmark %s: %w: %s; put them there as %s or %s.gz", s.Name, ErrNoData, where, s.File, s.File)
	}
	return fmt.Errorf("benchmark %s: %w: the binary does not carry them (license: %s) and %s; they are published at %s: put them as %s or %s.gz, one JSON object a line, into a folder and name it with --data (in a recipe with evaluation.data)",
		s.Name, ErrNoData, s.License, where, s.Source, s.File, s.File)
}

// decompress recognizes gzip by its first two bytes. It owns f.
func decompress(f io.ReadCloser) (io.ReadCloser, error) {
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	return z, nil
}
