package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// endOfText is what GPT-2's and Qwen2's tokenizers end texts with unless their
// configuration names another token.
const endOfText = "<|endoftext|>"

// loadPair reads GPT-2's two files, of which path is the vocabulary (which 0)
// or the list of merges (1), and the configuration beside them.
func loadPair(path string, which int) (*Tokenizer, error) {
	other, err := partner(path, which)
	if err != nil {
		return nil, err
	}
	paths := [2]string{path, other}
	vocabPath, mergesPath := paths[which], paths[1-which]
	f := &file{Decoder: &component{Type: "ByteLevel"}, Model: model{Type: "BPE"}}
	if err := readJSON(vocabPath, &f.Model.Vocab); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(mergesPath)
	if err != nil {
		return nil, err
	}
	if f.Model.Merges, err = parseMerges(data); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(mergesPath), err)
	}
	c := tokenizerConfig{}
	if err := c.read(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if err := c.apply(f); err != nil {
		return nil, err
	}
	return build(f)
}

// isMerges reports whether the first line of data is that of a list of merges:
// its version, or a merge of two tokens of which the second is no number.
func isMerges(data []byte) bool {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	if bytes.HasPrefix(line, []byte("#version")) {
		return true
	}
	merges, err := parseMerges(line)
	return err == nil && len(merges) == 1 && !isRanks(data)
}

// parseMerges reads lines of two tokens in the byte alphabet with a space
// between them, after an optional line "#version: 0.2".
func parseMerges(data []byte) ([]mergeText, error) {
	merges := make([]mergeText, 0, bytes.Count(data, []byte("\n")))
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || number == 1 && strings.HasPrefix(line, "#version") {
			continue
		}
		left, right, ok := strings.Cut(line, " ")
		if !ok || left == "" || right == "" || strings.Contains(right, " ") {
			return nil, fmt.Errorf("line %d: %q is not two tokens with a space between them", number, line)
		}
		merges = append(merges, mergeText{left, right})
	}
	return merges, nil
}

// tokenizerConfig is tokenizer_config.json with what older checkpoints have in
// added_tokens.json and special_tokens_map.json: the parts that bear on ids.
type tokenizerConfig struct {
	Class          string               `json:"tokenizer_class"`
	AddPrefixSpace bool                 `json:"add_prefix_space"`
	AddBOS         bool                 `json:"add_bos_token"`
	Decoder        map[int32]addedToken `json:"added_tokens_decoder"`

	ids      map[string]int32   // of added_tokens.json
	specials map[string]content // by role, of either file
}

// content is one or several tokens, each a string or an object.
type content []string

// UnmarshalJSON reads all forms, and null as none.
func (c *content) UnmarshalJSON(b []byte) error {
	var list []json.RawMessage
	if json.Unmarshal(b, &list) != nil {
		list = []json.RawMessage{b}
	}
	for _, item := range list {
		var text *string
		var token struct{ Content *string }
		if json.Unmarshal(item, &text) != nil {
			if err := json.Unmarshal(item, &token); err != nil {
				return err
			}
			text = token.Content
		}
		if text != nil {
			*c = append(*c, *text)
		}
	}
	return nil
}

// roles are the keys of tokenizer_config.json and special_tokens_map.json that
// name special tokens.
var roles = []string{"bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token", "additional_special_tokens"}

// read reads the files of a folder that are there.
func (c *tokenizerConfig) read(folder string) error {
	var config, special map[string]json.RawMessage
	err := errors.Join(
		readOptional(filepath.Join(folder, "tokenizer_config.json"), c),
		readOptional(filepath.Join(folder, "tokenizer_config.json"), &config),
		readOptional(filepath.Join(folder, "special_tokens_map.json"), &special),
		readOptional(filepath.Join(folder, "added_tokens.json"), &c.ids),
	)
	if err != nil {
		return err
	}
	c.specials = map[string]content{}
	for _, role := range roles {
		raw, ok := config[role]
		if !ok {
			if raw, ok = special[role]; !ok {
				continue
			}
		}
		var named content
		if err := json.Unmarshal(raw, &named); err != nil {
			return fmt.Errorf("%s of the tokenizer configuration: %w", role, err)
		}
		c.specials[role] = named
	}
	return nil
}

// apply sets what the configuration says in f, which has vocabulary and merges.
func (c *tokenizerConfig) apply(f *file) error {
	p := gpt2
	switch strings.TrimSuffix(c.Class, "Fast") {
	case "", "GPT2Tokenizer":
	case "Qwen2Tokenizer":
		p = qwen2
		f.Normalizer = &component{Type: "NFC"}
	default:
		return unsupported("tokenizer_class %q without a tokenizer.json", c.Class)
	}
	if c.AddPrefixSpace {
		return unsupported("add_prefix_space in tokenizer_config.json")
	}
	f.PreTokenizer = splitter(p)
	f.AddedTokens = c.addedTokens(f.Model.Vocab)
	return c.template(f)
}

// addedTokens returns the tokens of the configuration that have an id, there or
// in the vocabulary.
func (c *tokenizerConfig) addedTokens(vocab map[string]int32) []addedToken {
	tokens := map[string]addedToken{}
	for id, token := range c.Decoder {
		token.ID = id
		tokens[token.Content] = token
	}
	add := func(text string, special bool) {
		id, ok := c.ids[text]
		if !ok {
			id, ok = vocab[text]
		}
		if _, known := tokens[text]; ok && !known {
			tokens[text] = addedToken{ID: id, Content: text, Normalized: !special, Special: special}
		}
	}
	for _, named := range c.specials {
		for _, text := range named {
			add(text, true)
		}
	}
	add(endOfText, true)
	for text := range c.ids {
		add(text, false)
	}
	return slices.Collect(maps.Values(tokens))
}

// template adds the post-processor that add_bos_token asks for.
func (c *tokenizerConfig) template(f *file) error {
	if !c.AddBOS {
		return nil
	}
	name := endOfText
	if named := c.specials["bos_token"]; len(named) == 1 {
		name = named[0]
	}
	i := slices.IndexFunc(f.AddedTokens, func(a addedToken) bool { return a.Content == name })
	if i < 0 {
		return fmt.Errorf("tokenizer_config.json asks for the bos_token %q, which has no id", name)
	}
	f.PostProcessor = &component{
		Type:          "TemplateProcessing",
		Single:        []templatePiece{{SpecialToken: &templateItem{ID: name}}, {Sequence: &templateItem{ID: "A"}}},
		SpecialTokens: map[string]templateSpecial{name: {IDs: []int32{f.AddedTokens[i].ID}}},
	}
	return nil
}

// readJSON reads a file into v.
func readJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return nil
}

// readOptional is readJSON where the file is there.
func readOptional(path string, v any) error {
	err := readJSON(path, v)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
