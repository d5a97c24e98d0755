package tokenizer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// vocabularies are the real ones in dataFolder/tokenizers, by folder.
var vocabularies = []struct {
	folder string
	files  []string
}{
	{"dolma2", []string{"tokenizer.json.gz"}}, // with Llama-3's splitting
	{"qwen2", []string{"vocab.json.gz", "merges.txt.gz", "added_tokens.json", "special_tokens_map.json", "tokenizer_config.json"}},
	{"gpt2", []string{"encoder.json.gz", "vocab.bpe.gz"}},
	{"gpt-neox-20b", []string{"tokenizer.json.gz"}},
	{"cl100k", []string{"cl100k_base.tiktoken.gz"}},
}

// loadVocabulary loads the vocabulary of a folder, or skips the test.
func loadVocabulary(t testing.TB, folder string) *Tokenizer {
	t.Helper()
	for _, v := range vocabularies {
		if v.folder == folder {
			return loadData(t, v.folder, v.files...)
		}
	}
	t.Fatalf("no vocabulary %s", folder)
	return nil
}

// TestLlamaCppVectors compares with the ids that llama.cpp expects.
func TestLlamaCppVectors(t *testing.T) {
	cases := []struct{ vectors, vocabulary string }{
		{"gpt-2", "gpt2"},
		{"qwen2", "qwen2"},
		{"deepseek-r1-qwen", "qwen2"}, // its splitting differs only where the vectors have nothing
		{"llama-bpe", ""},
	}
	for _, c := range cases {
		t.Run(c.vectors, func(t *testing.T) {
			if c.vocabulary == "" {
				t.Skip("needs the vocabulary of Llama 3, whose license keeps it out of the data")
			}
			tok := loadVocabulary(t, c.vocabulary)
			texts := strings.Split(string(dataFile(t, "tokenizers", "vectors", c.vectors+".inp")), "\n__ggml_vocab_test__\n")
			lines := strings.Split(string(dataFile(t, "tokenizers", "vectors", c.vectors+".out")), "\n")
			if texts[len(texts)-1] == "" {
				texts = texts[:len(texts)-1]
			}
			if len(lines) != len(texts)+1 || len(texts) == 0 {
				t.Fatalf("%d texts and %d lines of ids", len(texts), len(lines))
			}
			for i, text := range texts {
				want := parseIDs(t, lines[i])
				if got := tok.Encode(text); !slices.Equal(got, want) {
					t.Errorf("Encode(%q) = %v, want %v", text, got, want)
				}
				if got := tok.Decode(want, false); got != text {
					t.Errorf("decoded %q, want %q", got, text)
				}
			}
		})
	}
}

func parseIDs(t *testing.T, line string) (ids []int32) {
	t.Helper()
	for _, field := range strings.Fields(line) {
		id, err := strconv.ParseInt(field, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, int32(id))
	}
	return ids
}

// TestCorpusDigests compares the ids of every 8th document of the corpora with
// those of Hugging Face tokenizers 0.23.3, by the SHA-256 that
// scripts/peers/tokenizers_bench.py prints.
func TestCorpusDigests(t *testing.T) {
	if testing.Short() {
		t.Skip("encodes 8 MB with four vocabularies")
	}
	want := map[string]string{
		"dolma2":       "fb5e9aae333715e25d6513b7be6ad06b9a1197356a3ef28d4f0b7902f9a73819",
		"qwen2":        "44695177f402aaf981aa6411de796ee19edb3da5e63234cb311175c0af30ea5d",
		"gpt2":         "b66dad16a78bed6d9fd11f019c24b000e52f2aa3e71f6c7ae5d92beeb8cac6a9",
		"gpt-neox-20b": "7b3a1751f79c10ce0f371e4fa38770a85ec0588e77791a4c49e200935b99ab1a",
	}
	texts, _ := corpusTexts(t, "*.jsonl.gz")
	for folder, digest := range want {
		t.Run(folder, func(t *testing.T) {
			tok, hash := loadVocabulary(t, folder), sha256.New()
			for i := 0; i < len(texts); i += 8 {
				ids := tok.Encode(texts[i])
				if err := binary.Write(hash, binary.LittleEndian, ids); err != nil {
					t.Fatal(err)
				}
				if got := tok.Decode(ids, false); !tok.nfc && got != texts[i] {
					t.Errorf("document %d does not survive", i)
				}
			}
			if got := hex.EncodeToString(hash.Sum(nil)); got != digest {
				t.Errorf("ids have SHA-256 %s, want %s", got, digest)
			}
		})
	}
}

// TestSaveKeepsVocabularies saves vocabularies of other formats, or with bytes
// missing, as a tokenizer.json that gives the same ids.
func TestSaveKeepsVocabularies(t *testing.T) {
	if testing.Short() {
		t.Skip("loads four vocabularies")
	}
	texts, _ := corpusTexts(t, "giam*")
	for _, folder := range []string{"cl100k", "gpt-neox-20b"} {
		t.Run(folder, func(t *testing.T) {
			tok, dir := loadVocabulary(t, folder), t.TempDir()
			if err := tok.Save(dir); err != nil {
				t.Fatal(err)
			}
			saved, err := Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range append(texts, "\xff\xc0 a"+endOfText+" \n  ") {
				if got, want := saved.Encode(text), tok.Encode(text); !slices.Equal(got, want) {
					t.Fatalf("ids of %.80q… differ after saving", text)
				}
			}
		})
	}
}
