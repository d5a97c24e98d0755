package main

import (
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestBenchTokenizerEncodesEveryOther takes lines 1, 3 and 5 of two files.
func TestBenchTokenizerEncodesEveryOther(t *testing.T) {
	m := openTestModel(t)
	tok, err := m.tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	plain, packed := filepath.Join(dir, "plain.jsonl"), filepath.Join(dir, "packed.jsonl.gz")
	if err := os.WriteFile(plain, []byte("{\"text\":\"one\"}\n{\"text\":\"two\"}\n{\"text\":\"two and one\"}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(packed)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	if _, err := z.Write([]byte("{\"text\":\"two\"}\n{\"text\":\"one and\"}\n")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	v, lines := benchTokenizerVerb{Tokenizer: m.dir, Every: 2, Reps: 1}, 0
	for _, file := range []struct {
		path string
		want []string
	}{{plain, []string{"one", "two and one"}}, {packed, []string{"one and"}}} {
		path, want := file.path, file.want
		texts, err := v.read(path, &lines)
		if err != nil || !slices.Equal(texts, want) {
			t.Fatalf("%s: %q, %v, want %q", path, texts, err, want)
		}
		var ids [][]int32
		for _, text := range texts {
			ids = append(ids, tok.Encode(text))
		}
		row, err := v.measure(context.Background(), "texts", texts)
		if err != nil {
			t.Fatal(err)
		}
		n, digest := digestOfIDs(ids)
		if row.Texts != len(want) || row.Bytes != len(strings.Join(want, "")) || row.Tokens != n || row.Digest != digest {
			t.Errorf("%s: %+v, want %d texts, %d tokens, digest %s", path, row, len(want), n, digest)
		}
	}
}
