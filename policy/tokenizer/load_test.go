package tokenizer

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pairFiles returns GPT-2's two files for tok.
func pairFiles(t testing.TB, tok *Tokenizer) (vocab, merges []byte) {
	t.Helper()
	f := tok.file()
	vocab, err := json.Marshal(f.Model.Vocab)
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	lines.WriteString("#version: 0.2\n")
	for _, m := range f.Model.Merges {
		fmt.Fprintf(&lines, "%s %s\n", m[0], m[1])
	}
	return vocab, []byte(lines.String())
}

func TestLoadPair(t *testing.T) {
	trained := train(t, 400, []string{endOfText}, sample)
	vocab, merges := pairFiles(t, trained)
	const qwen = `{"tokenizer_class":"Qwen2TokenizerFast","add_bos_token":true,"bos_token":{"content":"<s>"},
		"added_tokens_decoder":{"400":{"content":"<s>","special":true},"401":{"content":"<t>","rstrip":true}}}`
	cases := []struct {
		name    string
		pair    [2]string
		others  map[string]string
		pattern *pattern
		text    string
		want    []string // tokens
	}{
		{"bare", [2]string{"vocab.json", "merges.txt"}, nil, gpt2, "12\n" + endOfText, []string{"1", "2", "\n", endOfText}},
		{"OpenAI's names", [2]string{"encoder.json", "vocab.bpe"}, nil, gpt2, "1", []string{"1"}},
		{"prefix", [2]string{"tiny-vocab.json", "tiny-merges.txt"}, nil, gpt2, "1", []string{"1"}},
		{"Qwen2", [2]string{"vocab.json", "merges.txt"}, map[string]string{"tokenizer_config.json": qwen}, qwen2,
			"e\u0301<t> 1", []string{"<s>", "\xc3", "\xa9", "<t>", "1"}},
		{"added_tokens.json", [2]string{"vocab.json", "merges.txt"}, map[string]string{
			"added_tokens.json":       `{"<s>":400,"<t>":401}`,
			"special_tokens_map.json": `{"bos_token":"<s>","additional_special_tokens":["<u>"]}`,
		}, gpt2, "<s>1<t>", []string{"<s>", "1", "<t>"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, dir, c.pair[0], vocab)
			writeFile(t, dir, c.pair[1], merges)
			for name, data := range c.others {
				writeFile(t, dir, name, []byte(data))
			}
			paths := []string{filepath.Join(dir, c.pair[0]), filepath.Join(dir, c.pair[1])}
			if c.name != "prefix" { // a folder may hold several models
				paths = append(paths, dir)
			}
			for _, path := range paths {
				tok, err := Load(path)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, id := range tok.EncodeSpecial(c.text) {
					got = append(got, tok.Token(id))
				}
				if !slices.Equal(got, c.want) || tok.pattern != c.pattern {
					t.Errorf("%s: tokens %q split as %s, want %q as %s", path, got, tok.pattern.name, c.want, c.pattern.name)
				}
				for _, special := range []string{endOfText, "<s>"} {
					if id, ok := tok.ID(special); ok && !tok.Special(id) {
						t.Errorf("%s: %s is not special", path, special)
					}
				}
			}
		})
	}
}

// TestTiktokenMergesByRank loads GPT-2's vocabulary in the other format: merges
// that are told by ids alone make the same tokens as a list of them.
func TestTiktokenMergesByRank(t *testing.T) {
	want := loadVocabulary(t, "gpt2")
	var ranks strings.Builder
	for id, raw := range want.tokens {
		if !want.special[id] {
			fmt.Fprintf(&ranks, "%s %d\n", base64.StdEncoding.EncodeToString([]byte(raw)), id)
		}
	}
	dir := t.TempDir()
	writeFile(t, dir, "r50k_base.tiktoken", []byte(ranks.String()))
	tok, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	texts, _ := corpusTexts(t, "giam*")
	for i, text := range append(texts, "a"+endOfText+"b") {
		if got, want := tok.Encode(text), want.Encode(text); !slices.Equal(got, want) {
			t.Fatalf("text %d: ids of both formats differ", i)
		}
	}
}

// TestLlama3Ranks loads a file as large as Llama-3's, in which no two tokens
// merge.
func TestLlama3Ranks(t *testing.T) {
	var ranks strings.Builder
	for id := range 128000 {
		raw := []byte{byte(id)}
		if id > 0xFF {
			raw = fmt.Appendf(nil, "%06d", id)
		}
		fmt.Fprintf(&ranks, "%s %d\n", base64.StdEncoding.EncodeToString(raw), id)
	}
	dir := t.TempDir()
	writeFile(t, dir, "tokenizer.model", []byte(ranks.String()))
	tok, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := tok.EncodeSpecial("a<|eot_id|>"), []int32{128000, 'a', 128009}; !slices.Equal(got, want) {
		t.Errorf("ids %v, want %v", got, want)
	}
	if last, ok := tok.ID("<|reserved_special_token_247|>"); tok.VocabSize() != 128256 || !ok || last != 128255 {
		t.Errorf("%d ids, the last reserved %d, want 128256 and the last of them", tok.VocabSize(), last)
	}
}

func TestLoadNamesFaults(t *testing.T) {
	vocab, merges := pairFiles(t, train(t, 300, nil, sample))
	cases := []struct {
		name  string
		files map[string]string
		load  string // the folder where empty
		want  string
	}{
		{"empty folder", nil, "", "no tokenizer.json, vocab.json"},
		{"absent", nil, "x.json", "no such file"},
		{"packed", map[string]string{"x": "\x1f\x8b\x08"}, "x", "gunzip"},
		{"SentencePiece", map[string]string{"tokenizer.model": "\n\x0e\n\x05<unk>\x15\x00\x00"}, "", "SentencePiece"},
		{"text", map[string]string{"x": "hello"}, "x", "x is neither"},
		{"JSON", map[string]string{"tokenizer.json": `{"version":`}, "", "not a tokenizer.json"},
		{"two", map[string]string{"a.tiktoken": "", "b.tiktoken": ""}, "", "a.tiktoken and b.tiktoken"},
		{"no merges", map[string]string{"vocab.json": string(vocab)}, "", "merges.txt"},
		{"no vocabulary", map[string]string{"merges.txt": string(merges)}, "merges.txt", "vocab.json"},
		{"odd name", map[string]string{"x.json": string(vocab)}, "x.json", "x.json is a vocabulary"},
		{"merge", map[string]string{"vocab.json": string(vocab), "merges.txt": "#version: 0.2\na b c\n"}, "", `merges.txt: line 2: "a b c"`},
		{"class", map[string]string{"vocab.json": string(vocab), "merges.txt": string(merges),
			"tokenizer_config.json": `{"tokenizer_class":"RobertaTokenizer"}`}, "", `"RobertaTokenizer"`},
		{"prefix space", map[string]string{"vocab.json": string(vocab), "merges.txt": string(merges),
			"tokenizer_config.json": `{"add_prefix_space":true}`}, "", "add_prefix_space"},
		{"role", map[string]string{"vocab.json": string(vocab), "merges.txt": string(merges),
			"tokenizer_config.json": `{"bos_token":7}`}, "", "bos_token"},
		{"config", map[string]string{"vocab.json": string(vocab), "merges.txt": string(merges),
			"tokenizer_config.json": `{`}, "", "tokenizer_config.json: "},
		{"no beginning", map[string]string{"vocab.json": string(vocab), "merges.txt": string(merges),
			"tokenizer_config.json": `{"add_bos_token":true,"bos_token":"<s>"}`}, "", `bos_token "<s>", which has no id`},
		{"unknown ranks", map[string]string{"x.tiktoken": "IQ== 0\nIg== 1\n"}, "", "of 2 tokens"},
		{"rank", map[string]string{"x.tiktoken": "IQ== 0\n\nIg== x\n"}, "", `line 3: rank "x"`},
		{"rank twice", map[string]string{"x.tiktoken": "IQ== 0\nIQ== 1\n"}, "", `line 2: token "!" has ranks 0 and 1`},
		{"base64", map[string]string{"x.tiktoken": "IQ== 0\n? 1\n"}, "", `line 2: "? 1`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, data := range c.files {
				writeFile(t, dir, name, []byte(data))
			}
			_, err := Load(filepath.Join(dir, c.load))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("error %v, want one with %s that names the path", err, c.want)
			}
		})
	}
	if _, err := Load(t.TempDir()); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		t.Errorf("error %v for an empty folder, want fs.ErrNotExist", err)
	}
}

func FuzzParseMerges(f *testing.F) {
	f.Add([]byte("#version: 0.2\na b\r\n\nc d"))
	f.Add([]byte("a  b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		merges, err := parseMerges(data)
		for _, m := range merges {
			if err != nil || m[0] == "" || m[1] == "" || strings.ContainsAny(m[0]+m[1], " \n") {
				t.Errorf("merge %q (%v) is not two tokens", m, err)
			}
		}
	})
}

func FuzzParseRanks(f *testing.F) {
	f.Add([]byte("IQ== 0\nIg== 1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := parseRanks(data); err == nil {
			t.Error("no error, and no encoding is as small as a fuzzer's input")
		}
	})
}
