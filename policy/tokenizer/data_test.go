package tokenizer

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// dataFolder holds real vocabularies and text, which the repository does not.
var dataFolder = filepath.Join("..", "..", "..", "shared", "data")

// dataFile returns the contents of a file of dataFolder, unpacked. It skips the
// test where the file is absent.
func dataFile(t testing.TB, elem ...string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join(dataFolder, filepath.Join(elem...)))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no vocabulary or text to compare with: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := io.Reader(f)
	if filepath.Ext(f.Name()) == ".gz" {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatalf("%s: %v", f.Name(), err)
		}
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", f.Name(), err)
	}
	return data
}

// loadData loads the tokenizer of files in a folder of dataFolder/tokenizers.
func loadData(t testing.TB, folder string, files ...string) *Tokenizer {
	t.Helper()
	dir := t.TempDir()
	for _, name := range files {
		data := dataFile(t, "tokenizers", folder, name)
		writeFile(t, dir, name[:len(name)-len(gzExt(name))], data)
	}
	tok, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func gzExt(name string) string {
	if ext := filepath.Ext(name); ext == ".gz" {
		return ext
	}
	return ""
}

func writeFile(t testing.TB, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// corpusTexts returns the documents of the corpora whose names match a pattern.
func corpusTexts(t testing.TB, pattern string) (texts []string, numBytes int) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dataFolder, "corpus", pattern))
	if err != nil || len(paths) == 0 {
		t.Skipf("no corpora %s in %s (%v)", pattern, dataFolder, err)
	}
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		r, err := gzip.NewReader(f)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for d := json.NewDecoder(r); d.More(); {
			var row struct{ Text string }
			if err := d.Decode(&row); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			texts, numBytes = append(texts, row.Text), numBytes+len(row.Text)
		}
		f.Close()
	}
	return texts, numBytes
}
