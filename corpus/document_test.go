package corpus

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestOpenBundled(t *testing.T) {
	// The numbers of rows are those of data/ATTRIBUTION.md.
	rows := map[string]int{GSM8KTrain: 7473, GSM8KTest: 1319, "openstax-prealgebra": 203, "openstax-algebra": 122, "orcca": 91}
	for _, name := range Bundled {
		docs, err := Open(name)
		if err != nil || len(docs) != rows[name] {
			t.Errorf("%s: %d documents, want %d (%v)", name, len(docs), rows[name], err)
		}
		seen := map[string]bool{}
		for _, d := range docs {
			if d.ID == "" || seen[d.ID] || strings.TrimSpace(d.Text) == "" {
				t.Errorf("%s: document %q is blank or repeated", name, d.ID)
			}
			seen[d.ID] = true
		}
	}
}

func TestAttributionCreditsEveryFile(t *testing.T) {
	text := Attribution()
	for _, file := range bundled {
		if !strings.Contains(text, "`"+strings.TrimPrefix(file, "data/")+"`") {
			t.Errorf("no attribution of %s", file)
		}
	}
	for _, words := range []string{"Access for free at openstax.org.", "Copyright (c) 2021 OpenAI", "Portland Community College, CC BY 4.0"} {
		if !strings.Contains(text, words) {
			t.Errorf("the attribution lacks %q", words)
		}
	}
}

func TestOpenOwnFile(t *testing.T) {
	const lines = "{\"id\": \"a\", \"text\": \"one\"}\n\n{\"id\": 7, \"text\": \"two\", \"title\": \"T\"}\r\n{\"text\": \"three\"}"
	want := []Document{{"a", "one"}, {"7", "two"}, {"line 4", "three"}}
	dir := t.TempDir()
	for name, content := range map[string][]byte{"plain.jsonl": []byte(lines), "packed.jsonl.gz": zipped(t, lines)} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		docs, err := Open(path)
		if err != nil || len(docs) != len(want) {
			t.Fatalf("%s: %v, %v", name, docs, err)
		}
		for i := range want {
			if docs[i] != want[i] {
				t.Errorf("%s: document %d is %v, want %v", name, i, docs[i], want[i])
			}
		}
	}
}

func TestOpenNamesPathAndRemedy(t *testing.T) {
	_, err := Open("no/such.jsonl")
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "no/such.jsonl") || !strings.Contains(err.Error(), "orcca") {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a directory was read as a corpus")
	}
}

func TestReadDocumentsNamesTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"{\"text\": \"a\"}\n{\"text\": ":          "line 2",
		"{\"text\": \"a\"}\n\n{\"title\": \"b\"}": "line 3: the text field is missing",
		"{\"text\": \" \"}":                       "line 1",
		"[1, 2]":                                  "line 1",
		"{\"text\": 5}":                           "line 1",
		"":                                        "empty",
		"\n\n":                                    "empty",
		"\x1f\x8bnot gzip":                        "decompress",
		string(zipped(t, "{\"text\": \"a\"}")[:20]): "line 1",
	} {
		if _, err := ReadDocuments(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", text, err, want)
		}
	}
}

func FuzzReadDocuments(f *testing.F) {
	f.Add([]byte("{\"id\": \"a\", \"text\": \"one\"}\n\n{\"text\": \"two\"}"))
	f.Add([]byte("{\"id\": null, \"text\": \"\\u0000\"}\r\n"))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		docs, err := ReadDocuments(bytes.NewReader(data))
		if err == nil && len(docs) == 0 {
			t.Error("neither documents nor an error")
		}
		for _, d := range docs {
			if d.ID == "" || strings.TrimSpace(d.Text) == "" {
				t.Errorf("blank document %+v", d)
			}
		}
	})
}

func TestGSM8K(t *testing.T) {
	problems, err := GSM8K(GSM8KTrain)
	if err != nil {
		t.Fatal(err)
	}
	first := problems[0]
	if first.Answer != "72" || !strings.HasPrefix(first.Question, "Natalia sold clips to 48") || first.Level != 0 ||
		first.Solution != "Natalia sold 48/2 = 24 clips in May.\nNatalia sold 48+24 = 72 clips altogether in April and May." {
		t.Errorf("first training problem: %+v", first)
	}
	held, err := GSM8K(GSM8KTest)
	if err != nil || held[0].Answer != "18" || held[0].ID != "gsm8k-test/0" || strings.Contains(held[0].Solution, "<<") {
		t.Errorf("first test problem: %+v, %v", held[0], err)
	}
	for _, p := range append(problems, held...) {
		if p.Answer == "" || strings.ContainsAny(p.Answer, ", #\n") || strings.Contains(p.Solution, "####") {
			t.Errorf("%s: answer %q, solution %q", p.ID, p.Answer, p.Solution)
		}
	}
	if _, err := GSM8K("gsm8k"); err == nil || !strings.Contains(err.Error(), GSM8KTrain) {
		t.Errorf("unknown part: %v", err)
	}
}

func TestGSM8KDocumentsBoxTheStatedShare(t *testing.T) {
	for share, want := range map[float64]int{0: 0, 0.25: 7473 / 4, 1: 7473} {
		docs, err := GSM8KDocuments(GSM8KTrain, share)
		if err != nil {
			t.Fatal(err)
		}
		boxed := 0
		for _, d := range docs {
			if strings.HasSuffix(d.Text, "}.") && strings.Contains(d.Text, "\nThe answer is \\boxed{") {
				boxed++
			}
			if !strings.HasPrefix(d.Text, "Question:\n") || strings.Contains(d.Text, "<<") {
				t.Errorf("%s: %q", d.ID, d.Text)
			}
		}
		if boxed != want {
			t.Errorf("%d of 7473 boxed at share %v, want %d", boxed, share, want)
		}
	}
}
