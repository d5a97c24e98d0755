package tokenizer

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func train(t testing.TB, vocab int, specials []string, documents ...string) *Tokenizer {
	t.Helper()
	tok, err := Train(slices.Values(documents), TrainConfig{Vocab: vocab, Specials: specials})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestTrainByHand(t *testing.T) {
	cases := []struct {
		name      string
		documents []string
		vocab     int
		want      []merge
	}{
		// The words are low, " low" twice and " lower": lo and ow occur four
		// times each, " l" three times, all else once.
		{"lowest of equals first", []string{"low low low lower"}, 300,
			[]merge{{'l', 'o', 256}, {256, 'w', 257}, {' ', 257, 258}}},
		// aa occurs 8 times, then aa·aa and aa·a twice each.
		{"overlapping pairs", []string{"aaaaa", "aaaaa"}, 300,
			[]merge{{'a', 'a', 256}, {256, 'a', 257}, {256, 257, 258}}},
		{"full vocabulary", []string{"low low low lower"}, 258, []merge{{'l', 'o', 256}}},
		{"digits never join", []string{"11 11 11 11"}, 300, nil},
		{"no text", nil, 300, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tok := train(t, c.vocab, []string{"<|endoftext|>"}, c.documents...)
			if !slices.Equal(tok.merges, c.want) {
				t.Errorf("merges %v, want %v", tok.merges, c.want)
			}
			end, ok := tok.ID("<|endoftext|>")
			if want := int32(256 + len(c.want)); !ok || end != want || tok.VocabSize() != int(want)+1 {
				t.Errorf("end token %d of %d ids, want %d, the last", end, tok.VocabSize(), want)
			}
		})
	}
}

// TestTrainCountsIncrementally compares with a trainer that counts everything
// anew for each merge.
func TestTrainCountsIncrementally(t *testing.T) {
	const seed = 3
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 30 {
		var text strings.Builder
		for range 200 {
			text.WriteByte("aab c\n!"[rng.IntN(7)])
		}
		tok := train(t, 290, nil, text.String())
		if want := trainNaively(text.String(), 290-256); !slices.Equal(tok.merges, want) {
			t.Fatalf("text %q: merges %v, want %v", text.String(), tok.merges, want)
		}
	}
}

func trainNaively(text string, most int) (merges []merge) {
	var words [][]int32
	for start := 0; start < len(text); {
		end := qwen2.next(text, start)
		var ids []int32
		for _, b := range []byte(text[start:end]) {
			ids = append(ids, int32(b))
		}
		words, start = append(words, ids), end
	}
	tokens := map[string]int32{}
	raw := map[int32]string{}
	for b := range int32(256) {
		raw[b] = string([]byte{byte(b)})
	}
	for len(tokens) < most {
		counts := map[uint64]int{}
		for _, w := range words {
			for i := 1; i < len(w); i++ {
				counts[pairKey(w[i-1], w[i])]++
			}
		}
		var best uint64
		for key, count := range counts {
			if count > counts[best] || count == counts[best] && key < best {
				best = key
			}
		}
		if counts[best] < 2 {
			break
		}
		left, right := int32(best>>32), int32(uint32(best))
		joined := raw[left] + raw[right]
		id, ok := tokens[joined]
		if !ok {
			id = int32(256 + len(tokens))
			tokens[joined], raw[id] = id, joined
		}
		merges = append(merges, merge{left, right, id})
		for i, w := range words {
			words[i] = replacePair(w, left, right, id)
		}
	}
	return merges
}

func TestTrainIgnoresOrder(t *testing.T) {
	documents := strings.SplitAfter(sample, ".")
	a := train(t, 400, nil, documents...)
	slices.Reverse(documents)
	b := train(t, 400, nil, documents...)
	if !slices.Equal(a.merges, b.merges) || len(a.merges) == 0 {
		t.Errorf("merges depend on the order of documents: %v and %v", a.merges, b.merges)
	}
}

func TestTrainCompresses(t *testing.T) {
	text := strings.Repeat(sample, 3)
	tok := train(t, 400, nil, text)
	if ids := tok.Encode(text); len(ids)*2 > len(text) {
		t.Errorf("%d ids for %d bytes of the text trained on, want at most half as many", len(ids), len(text))
	}
}

func TestTrainConfigFaults(t *testing.T) {
	c := TrainConfig{Vocab: 10, Specials: []string{"word", "", "<|a|>", "<|a|>"}}
	_, err := Train(slices.Values([]string(nil)), c)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"vocab 10", "from 260", `"word"`, `""`, `"<|a|>": occurs twice`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not mention %s", err, want)
		}
	}
}

func TestSaveReplacesFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tokenizer.json")
	first := train(t, 300, []string{"<|endoftext|>"}, sample)
	second := train(t, 400, []string{"<|endoftext|>", "<think>"}, sample)
	for _, tok := range []*Tokenizer{first, second} {
		if err := tok.Save(path); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files left (%v), want one", len(entries), err)
	}
	loaded, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	text := sample + "<think>12 é</think><|endoftext|>"
	if got, want := loaded.Encode(text), second.Encode(text); !slices.Equal(got, want) {
		t.Errorf("ids %v after saving and loading, want %v", got, want)
	}
	if err := first.Save(filepath.Join(dir, "absent", "x.json")); err == nil || !strings.Contains(err.Error(), "absent") {
		t.Errorf("error %v does not name the path that cannot be written", err)
	}
}

const sample = `The train leaves at 10:45 and takes 2 hours. How long is the way if the train runs 80 miles in an hour?
The train runs 80 miles in an hour, so in 2 hours the train runs 2 * 80 = 160 miles. The answer is 160.
`
