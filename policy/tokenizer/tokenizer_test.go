package tokenizer

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/text/unicode/norm"
)

// remake returns tok after a change of its tokenizer.json.
func remake(tok *Tokenizer, change func(*file)) (*Tokenizer, error) {
	f := tok.file()
	change(f)
	data, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	return parse(data)
}

func randomText(rng *rand.Rand) string {
	parts := []string{"the", "train", " ", "  ", "\n", "\r\n", "12", "'s", "é", "e\u0301", "日本", "😀", "\xff", "\xe6\x97", "<|endoftext|>", "<think>", "!", "\u00a0"}
	var b strings.Builder
	for range rng.IntN(20) {
		if rng.IntN(4) == 0 {
			b.WriteByte(byte(rng.Uint32()))
		}
		b.WriteString(parts[rng.IntN(len(parts))])
	}
	return b.String()
}

// checkRoundTrip checks that nothing is lost of text, decoded at once or token
// by token, and that plain encoding returns no special token.
func checkRoundTrip(t *testing.T, tok *Tokenizer, text string) {
	t.Helper()
	want := text
	if tok.nfc {
		want = norm.NFC.String(text)
	}
	for name, ids := range map[string][]int32{"Encode": tok.Encode(text), "EncodePlain": tok.EncodePlain(text)} {
		if got := tok.Decode(ids, false); got != want {
			t.Errorf("%s(%q) decodes to %q, want %q", name, text, got, want)
		}
		stream, got := tok.Stream(false), ""
		for _, id := range ids {
			got += stream.Push(id)
		}
		if got += stream.Flush(); got != want {
			t.Errorf("%s(%q) streams as %q, want %q", name, text, got, want)
		}
	}
	if ids := tok.EncodePlain(text); slices.ContainsFunc(ids, tok.Special) {
		t.Errorf("EncodePlain(%q) = %v has a special token", text, ids)
	}
}

func TestRoundTrip(t *testing.T) {
	const seed = 7
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	exact := train(t, 400, []string{"<|endoftext|>", "<think>"}, sample)
	// Tokens in text would hide from the normalization what is across them.
	normalized, err := remake(train(t, 400, nil, sample), func(f *file) { f.Normalizer = &component{Type: "NFC"} })
	if err != nil {
		t.Fatal(err)
	}
	for range 400 {
		text := randomText(rng)
		checkRoundTrip(t, exact, text)
		checkRoundTrip(t, normalized, text)
	}
}

// TestMergesAgree compares both merge loops with merging one pair at a time.
func TestMergesAgree(t *testing.T) {
	const seed = 11
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	tok := train(t, 280, nil, "aabab abba aab abab baab aaaa bb")
	e := newEncoder(tok)
	for range 500 {
		piece := make([]byte, 2+rng.IntN(maxScanned-1))
		for i := range piece {
			piece[i] = "ab c"[rng.IntN(4)]
		}
		want := mergeNaively(tok, piece)
		if got := e.scan(nil, string(piece)); !slices.Equal(got, want) {
			t.Fatalf("scan(%q) = %v, want %v", piece, got, want)
		}
		if got := e.long.merge(nil, tok, string(piece)); !slices.Equal(got, want) {
			t.Fatalf("long merge of %q = %v, want %v", piece, got, want)
		}
	}
}

func mergeNaively(tok *Tokenizer, piece []byte) (ids []int32) {
	for _, b := range piece {
		ids = append(ids, int32(b))
	}
	for _, m := range tok.merges {
		ids = replacePair(ids, m.left, m.right, m.merged)
	}
	return ids
}

func TestLongWordIsBounded(t *testing.T) {
	tok := train(t, 280, nil, "aaaaaaaa aaaaaaaa")
	text := strings.Repeat("a", 1<<18) // quadratic merging would take minutes
	if got := tok.Decode(tok.Encode(text), false); got != text {
		t.Error("a word of 256 KiB does not survive")
	}
}

func TestAddedTokens(t *testing.T) {
	tok, err := remake(train(t, 256, nil, ""), func(f *file) {
		f.AddedTokens = []addedToken{
			{ID: 256, Content: "<s>", Special: true},
			{ID: 257, Content: "<s>>", Special: true},
			{ID: 258, Content: "<w>", SingleWord: true},
			{ID: 259, Content: "<l>", LStrip: true},
			{ID: 260, Content: "<r>", RStrip: true},
			{ID: 261, Content: "ế", Normalized: true},
			{ID: 262, Content: "\t", LStrip: true},
			{ID: 263, Content: "\f\f"},
		}
		f.Normalizer = &component{Type: "Sequence", Normalizers: []component{{Type: "NFC"}}}
	})
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		text        string
		want, plain []int32
	}{
		{"a<s>b", []int32{'a', 256, 'b'}, []int32{'a', '<', 's', '>', 'b'}},
		{"<s>>", []int32{257}, []int32{'<', 's', '>', '>'}}, // the longest
		{"<<s><s", []int32{'<', 256, '<', 's'}, []int32{'<', '<', 's', '>', '<', 's'}},
		{"a <w> <w>b", []int32{'a', ' ', 258, ' ', '<', 'w', '>', 'b'}, []int32{'a', ' ', 258, ' ', '<', 'w', '>', 'b'}},
		{"a \n<l> b", []int32{'a', 259, ' ', 'b'}, []int32{'a', 259, ' ', 'b'}},
		{" <r> \n<l> <l>", []int32{' ', 260, 259, 259}, []int32{' ', 260, 259, 259}},
		{"<r> \ta", []int32{260, 'a'}, []int32{260, 'a'}},                          // nothing is left to the tab
		{"<r>\f\f\fa", []int32{260, 263, '\f', 'a'}, []int32{260, 263, '\f', 'a'}}, // found in what <r> took along
		{"xe\u0302\u0301", []int32{'x', 261}, []int32{'x', 261}},                   // found after composition
	}
	for _, c := range cases {
		if got := tok.Encode(c.text); !slices.Equal(got, c.want) {
			t.Errorf("Encode(%q) = %v, want %v", c.text, got, c.want)
		}
		if got := tok.EncodePlain(c.text); !slices.Equal(got, c.plain) {
			t.Errorf("EncodePlain(%q) = %v, want %v", c.text, got, c.plain)
		}
	}
	if got := tok.Decode([]int32{'a', 256, 258, -1, 9999}, true); got != "a<w>" {
		t.Errorf("decoded %q without special tokens, want %q", got, "a<w>")
	}
}

func TestSpecialTokensInVocabulary(t *testing.T) {
	tok, err := remake(train(t, 256, nil, ""), func(f *file) {
		f.Model.Vocab["cd"], f.Model.Vocab["ab"], f.Model.Vocab["xyz"] = 256, 257, 258
		f.Model.Merges = []mergeText{{"c", "d"}, {"a", "b"}}
		f.Model.IgnoreMerges = true
		f.AddedTokens = []addedToken{{ID: 257, Content: "ab", Special: true}, {ID: 258, Content: "xyz", Special: true}}
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := tok.EncodePlain("ab cd xyz"), []int32{257, ' ', 256, ' ', 'x', 'y', 'z'}; !slices.Equal(got, want) {
		t.Errorf("EncodePlain = %v, want %v: only merges may make special tokens", got, want)
	}
}

func TestTemplateAndIgnoreMerges(t *testing.T) {
	tok, err := remake(train(t, 259, []string{"<|b|>", "<|e|>"}, "abc abc"), func(f *file) {
		// The merge of a and b alone, and abc, which only a whole piece can be.
		f.Model.Vocab["abc"] = 259
		f.Model.IgnoreMerges = true
		f.PostProcessor = &component{Type: "Sequence", Processors: []component{{Type: "ByteLevel"}, {
			Type: "TemplateProcessing",
			Single: []templatePiece{
				{SpecialToken: &templateItem{ID: "<|b|>"}}, {Sequence: &templateItem{ID: "A"}}, {SpecialToken: &templateItem{ID: "<|e|>"}},
			},
			SpecialTokens: map[string]templateSpecial{"<|b|>": {IDs: []int32{257}}, "<|e|>": {IDs: []int32{258}}},
		}}}
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := tok.EncodeSpecial("abc abc"), []int32{257, 259, ' ', 256, 'c', 258}; !slices.Equal(got, want) {
		t.Errorf("EncodeSpecial = %v, want %v", got, want)
	}
	again, err := remake(tok, func(*file) {})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := again.EncodeSpecial("abc"), []int32{257, 259, 258}; !slices.Equal(got, want) {
		t.Errorf("EncodeSpecial after saving = %v, want %v", got, want)
	}
}

func TestLoadRefuses(t *testing.T) {
	yes := true
	tok := train(t, 258, []string{"<|e|>"}, sample)
	cases := []struct {
		name, want string
		change     func(*file)
	}{
		{"model", `"Unigram"`, func(f *file) { f.Model.Type = "Unigram" }},
		{"normalizer", `"Lowercase"`, func(f *file) { f.Normalizer = &component{Type: "Lowercase"} }},
		{"pattern", `"\\w+"`, func(f *file) { f.PreTokenizer.PreTokenizers[0].Pattern.Regex = `\w+` }},
		{"behavior", `"Removed"`, func(f *file) { f.PreTokenizer.PreTokenizers[0].Behavior = "Removed" }},
		{"prefix space", "add_prefix_space", func(f *file) { f.PreTokenizer.PreTokenizers[1].AddPrefixSpace = &yes }},
		{"two patterns", "after that of Qwen2", func(f *file) { f.PreTokenizer.PreTokenizers[1].UseRegex = &yes }},
		{"no pre-tokenizer", "without a split pattern", func(f *file) { f.PreTokenizer = nil }},
		{"decoder", "decoder", func(f *file) { f.Decoder = nil }},
		{"post-processor", `"BertProcessing"`, func(f *file) { f.PostProcessor = &component{Type: "BertProcessing"} }},
		{"missing byte", "byte 0x61", func(f *file) { delete(f.Model.Vocab, "a"); f.Model.Merges = nil }},
		{"unknown byte", "byte 0xc0, which stands for unk_token", func(f *file) {
			f.Model.UnkToken = new("<|e|>")
			delete(f.Model.Vocab, "À")
		}},
		{"not byte-level", "stands for no byte", func(f *file) { f.Model.Vocab["▁a"] = 300 }},
	}
	for _, c := range cases {
		_, err := remake(tok, c.change)
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want ErrUnsupported naming %s", c.name, err, c.want)
		}
	}
	damaged := []struct {
		name, want string
		change     func(*file)
	}{
		{"id twice", "same id 97", func(f *file) { f.Model.Vocab["aa"] = 97 }},
		{"huge id", "id 2000000000", func(f *file) { f.Model.Vocab["aa"] = 2e9 }},
		{"merge", "merge 1", func(f *file) { f.Model.Merges = append(f.Model.Merges, mergeText{"q", "q"}) }},
		{"added id", `"<|e|>" has id 257, and 300`, func(f *file) { f.Model.Vocab["<|e|>"] = 300 }},
		{"empty", "added token 9999 is empty", func(f *file) { f.AddedTokens = append(f.AddedTokens, addedToken{ID: 9999}) }},
	}
	for _, c := range damaged {
		if _, err := remake(tok, c.change); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not mention %s", c.name, err, c.want)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "absent.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v for an absent file", err)
	}
}

func TestStreamHoldsBackCharacters(t *testing.T) {
	tok := train(t, 256, nil, "")
	stream := tok.Stream(false)
	// é, then the first two bytes of a character of three, then a letter
	var got []string
	for _, b := range []byte("\xc3\xa9\xe6\x97x") {
		got = append(got, stream.Push(int32(b)))
	}
	if want := []string{"", "é", "", "", "\xe6\x97x"}; !slices.Equal(got, want) {
		t.Errorf("pushed %q, want %q", got, want)
	}
	stream.Push(0xf0)
	if got := stream.Flush() + stream.Flush(); got != "\xf0" {
		t.Errorf("flushed %q, want the one byte pending", got)
	}
}

func TestConcurrentUse(t *testing.T) {
	tok := train(t, 400, nil, sample)
	want := tok.Encode(sample)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if got := tok.Encode(sample); !slices.Equal(got, want) {
					t.Errorf("ids %v, want %v", got, want)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzRoundTrip(f *testing.F) {
	tok := train(f, 400, []string{"<|endoftext|>", "<think>"}, sample)
	for _, text := range []string{"", sample, "<think>\xff<|endoftext|>", " \n 日本 '"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkRoundTrip(t, tok, text) })
}

func FuzzParse(f *testing.F) {
	data, err := json.Marshal(train(f, 258, []string{"<|e|>"}, sample).file())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"model":{"merges":["a",["b"],null]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := parse(data)
		if err != nil {
			return
		}
		if got := tok.Decode(tok.EncodePlain("a \xffb"), false); !tok.nfc && got != "a \xffb" {
			t.Errorf("decoded %q", got)
		}
	})
}
