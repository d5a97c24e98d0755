package tokenizer

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// encoding is what a tiktoken file does not say: how to split, and the special
// tokens. Its number of tokens tells which it is.
type encoding struct {
	name     string
	numRanks int
	pattern  *pattern
	specials map[string]int32
	prefix   []int32 // special tokens before each text
}

var encodings = []encoding{
	{"cl100k_base", 100256, cl100k, map[string]int32{
		endOfText: 100257, "<|fim_prefix|>": 100258, "<|fim_middle|>": 100259, "<|fim_suffix|>": 100260, "<|endofprompt|>": 100276,
	}, nil},
	{"r50k_base", 50256, gpt2, map[string]int32{endOfText: 50256}, nil},
	{"Llama-3", 128000, llama3, llama3Specials(), []int32{128000}},
}

// llama3Specials returns the 256 special tokens of Llama 3.1 and later, as their
// tokenizer.json has them; Llama 3 has reserved ones in place of some.
func llama3Specials() map[string]int32 {
	named := map[int32]string{
		0: "<|begin_of_text|>", 1: "<|end_of_text|>", 4: "<|finetune_right_pad_id|>",
		6: "<|start_header_id|>", 7: "<|end_header_id|>", 8: "<|eom_id|>", 9: "<|eot_id|>", 10: "<|python_tag|>",
	}
	specials, reserved := map[string]int32{}, 0
	for i := range int32(256) {
		name, ok := named[i]
		if !ok {
			name = fmt.Sprintf("<|reserved_special_token_%d|>", reserved)
			reserved++
		}
		specials[name] = 128000 + i
	}
	return specials
}

// isRanks reports whether the first line of data is one of a tiktoken file.
func isRanks(data []byte) bool {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	_, _, err := parseRank(string(line))
	return err == nil
}

// parseRank reads a line: a token's bytes in base64, and its rank.
func parseRank(line string) (raw string, rank int32, err error) {
	coded, number, ok := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
	token, err := base64.StdEncoding.DecodeString(coded)
	if !ok || err != nil {
		return "", 0, fmt.Errorf("%q is not a token in base64, a space and a rank", line)
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil {
		return "", 0, fmt.Errorf("rank %q of token %q: %w", number, token, err)
	}
	return string(token), int32(n), nil
}

// parseRanks makes the tokenizer of a tiktoken file, with the encoding that has
// as many tokens.
func parseRanks(data []byte) (*Tokenizer, error) {
	t := &Tokenizer{words: map[string]int32{}, addedIDs: map[string]int32{}, ignoreMerges: true, rankedByID: true}
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		if strings.TrimSpace(line) == "" {
			continue
		}
		raw, id, err := parseRank(line)
		if err == nil {
			err = t.setToken(id, raw, false)
		}
		if other, ok := t.words[raw]; ok && err == nil {
			err = fmt.Errorf("token %q has ranks %d and %d", raw, other, id)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		t.words[raw] = id
	}
	for _, e := range encodings {
		if e.numRanks == len(t.words) {
			return t, t.complete(e)
		}
	}
	return nil, unsupported("tiktoken file of %d tokens: those known have %s", len(t.words), knownSizes())
}

func knownSizes() string {
	var sizes []string
	for _, e := range encodings {
		sizes = append(sizes, fmt.Sprintf("%d (%s)", e.numRanks, e.name))
	}
	return strings.Join(sizes, ", ")
}

// complete adds what e says to the tokens of its file. Any two tokens merge
// whose bytes together are a token, and the rank of the merge is its id.
func (t *Tokenizer) complete(e encoding) error {
	t.pattern, t.prefix = e.pattern, e.prefix
	for id, raw := range t.tokens {
		for i := 1; i < len(raw); i++ {
			left, okLeft := t.words[raw[:i]]
			right, okRight := t.words[raw[i:]]
			if okLeft && okRight {
				t.merges = append(t.merges, merge{left, right, int32(id)})
			}
		}
	}
	for name, id := range e.specials {
		t.added = append(t.added, addedToken{ID: id, Content: name, Special: true, listed: true})
	}
	f := &file{}
	if err := t.readAdded(f); err != nil {
		return fmt.Errorf("special tokens of %s: %w", e.name, err)
	}
	if err := t.readBytes(f); err != nil {
		return err
	}
	return t.finish()
}
