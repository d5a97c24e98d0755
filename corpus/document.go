package corpus

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Document is a piece of text to learn from.
type Document struct {
	ID   string // unique within its corpus
	Text string // not empty
}

//go:embed data/*.jsonl.gz data/ATTRIBUTION.md
var bundle embed.FS

// bundled maps the names of bundled corpora to their files.
var bundled = map[string]string{
	GSM8KTrain:            "data/gsm8k_train.jsonl.gz",
	GSM8KTest:             "data/gsm8k_test.jsonl.gz",
	"openstax-prealgebra": "data/openstax_prealgebra_bundle.jsonl.gz",
	"openstax-algebra":    "data/openstax_college_algebra_bundle.jsonl.gz",
	"orcca":               "data/orcca_algebra.jsonl.gz",
}

// Bundled are the names of the corpora that the binary carries.
var Bundled = []string{GSM8KTrain, GSM8KTest, "openstax-prealgebra", "openstax-algebra", "orcca"}

// Attribution returns the sources, licenses and required credits of the bundled
// corpora, as Markdown.
func Attribution() string {
	text, err := bundle.ReadFile("data/ATTRIBUTION.md")
	if err != nil {
		panic("corpus: " + err.Error())
	}
	return string(text)
}

// Open returns the documents of a bundled corpus, or of the user's own file of
// JSON Lines, plain or compressed with gzip, as ReadDocuments reads them. GSM8K
// comes as GSM8KDocuments with half of the answers boxed.
//
// Its error names the path and what to do when there is no such file, and the
// line when one is no document.
func Open(name string) ([]Document, error) {
	if name == GSM8KTrain || name == GSM8KTest {
		return GSM8KDocuments(name, 0.5)
	}
	f, err := openFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open corpus %s: %w; give the path of a file of JSON Lines with a text field, or a bundled corpus: %s",
			name, fs.ErrNotExist, strings.Join(Bundled, ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("open corpus: %w", err)
	}
	defer f.Close()
	docs, err := ReadDocuments(f)
	if err != nil {
		return nil, fmt.Errorf("read corpus %s: %w", name, err)
	}
	return docs, nil
}

// OpenBundled opens the file of a bundled corpus as it is stored: JSON Lines,
// compressed with gzip. The error of an unknown name lists those there are.
func OpenBundled(name string) (fs.File, error) {
	file, ok := bundled[name]
	if !ok {
		return nil, fmt.Errorf("no bundled corpus %q; there are %s", name, strings.Join(Bundled, ", "))
	}
	return bundle.Open(file)
}

// openFile opens a bundled corpus by its name, anything else by its path.
func openFile(name string) (fs.File, error) {
	if file, ok := bundled[name]; ok {
		return bundle.Open(file)
	}
	return os.Open(name)
}

// ReadDocuments reads JSON Lines, plain or compressed with gzip: one object a
// line with a text that is not blank and, if it has one, an id, a string or a
// number; the number of the line stands in for a missing id. Blank lines are skipped and other fields
// ignored. It returns an error that names the line when one is no such object, and
// an error when there is no document at all.
func ReadDocuments(r io.Reader) ([]Document, error) {
	var docs []Document
	err := eachLine(r, func(number int, line []byte) error {
		var row struct {
			ID   json.RawMessage
			Text string
		}
		if err := json.Unmarshal(line, &row); err != nil {
			return fmt.Errorf("want a JSON object with a text field: %w", err)
		}
		if strings.TrimSpace(row.Text) == "" {
			return errors.New("the text field is missing or blank")
		}
		id := strings.Trim(string(row.ID), `"`)
		if id == "" || id == "null" {
			id = fmt.Sprintf("line %d", number)
		}
		docs = append(docs, Document{id, row.Text})
		return nil
	})
	if err == nil && docs == nil {
		err = errors.New("no documents: the file is empty")
	}
	return docs, err
}

// eachLine calls visit with every line that is not blank, counted from 1, and
// adds the number of the line to its error. Lines may be of any length.
func eachLine(r io.Reader, visit func(number int, line []byte) error) error {
	in, err := decompressed(bufio.NewReader(r))
	if err != nil {
		return err
	}
	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return fmt.Errorf("line %d: %w", number, err)
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if err := visit(number, line); err != nil {
				return fmt.Errorf("line %d: %w", number, err)
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// decompressed recognizes gzip by its first two bytes.
func decompressed(r *bufio.Reader) (*bufio.Reader, error) {
	if magic, _ := r.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return r, nil
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	return bufio.NewReader(z), nil
}
