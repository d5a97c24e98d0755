package tokenizer

import (
	"encoding/json"
	"fmt"
	"strings"
)

// file is tokenizer.json, the part of it that bears on ids and text.
type file struct {
	Version       string       `json:"version"`
	Truncation    *struct{}    `json:"truncation"`
	Padding       *struct{}    `json:"padding"`
	AddedTokens   []addedToken `json:"added_tokens"`
	Normalizer    *component   `json:"normalizer"`
	PreTokenizer  *component   `json:"pre_tokenizer"`
	PostProcessor *component   `json:"post_processor"`
	Decoder       *component   `json:"decoder"`
	Model         model        `json:"model"`
}

type model struct {
	Type         string           `json:"type"`
	Dropout      *float64         `json:"dropout"`
	UnkToken     *string          `json:"unk_token"`
	Prefix       *string          `json:"continuing_subword_prefix"`
	Suffix       *string          `json:"end_of_word_suffix"`
	FuseUnk      bool             `json:"fuse_unk"`
	ByteFallback bool             `json:"byte_fallback"`
	IgnoreMerges bool             `json:"ignore_merges"`
	Vocab        map[string]int32 `json:"vocab"` // in the byte alphabet
	Merges       []mergeText      `json:"merges"`
}

// mergeText is a pair of tokens in the byte alphabet, "a b" or ["a","b"].
type mergeText [2]string

// UnmarshalJSON reads both forms.
func (m *mergeText) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		var pair []string
		if err := json.Unmarshal(b, &pair); err != nil {
			return err
		}
		if len(pair) != 2 {
			return fmt.Errorf("merge %s has %d tokens instead of 2", b, len(pair))
		}
		*m = mergeText(pair)
		return nil
	}
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	left, right, ok := strings.Cut(text, " ")
	if !ok {
		return fmt.Errorf("merge %q has no space between two tokens", text)
	}
	*m = mergeText{left, right}
	return nil
}

// MarshalJSON writes the form that every version of the format knows.
func (m mergeText) MarshalJSON() ([]byte, error) { return json.Marshal(m[0] + " " + m[1]) }

// component is a normalizer, pre-tokenizer, post-processor or decoder: the
// union of the fields of all types of them that are understood.
type component struct {
	Type string `json:"type"`

	Normalizers   []component `json:"normalizers,omitempty"` // of a Sequence
	PreTokenizers []component `json:"pretokenizers,omitempty"`
	Processors    []component `json:"processors,omitempty"`
	Decoders      []component `json:"decoders,omitempty"`

	Pattern  *splitPattern `json:"pattern,omitempty"` // of a Split
	Behavior string        `json:"behavior,omitempty"`
	Invert   *bool         `json:"invert,omitempty"`

	AddPrefixSpace *bool `json:"add_prefix_space,omitempty"` // of a ByteLevel
	TrimOffsets    *bool `json:"trim_offsets,omitempty"`
	UseRegex       *bool `json:"use_regex,omitempty"`

	Single        []templatePiece            `json:"single,omitempty"` // of a TemplateProcessing
	Pair          []templatePiece            `json:"pair,omitempty"`
	SpecialTokens map[string]templateSpecial `json:"special_tokens,omitempty"`
}

type splitPattern struct{ Regex string }

// templatePiece is either a special token or the place of a text.
type templatePiece struct {
	SpecialToken *templateItem `json:",omitempty"`
	Sequence     *templateItem `json:",omitempty"`
}

type templateItem struct {
	ID     string `json:"id"`
	TypeID int    `json:"type_id"`
}

type templateSpecial struct {
	ID     string   `json:"id"`
	IDs    []int32  `json:"ids"`
	Tokens []string `json:"tokens"`
}

// parts returns the members of a Sequence, c itself where it is none, and
// nothing for nil.
func (c *component) parts() []component {
	switch {
	case c == nil:
		return nil
	case c.Type == "Sequence":
		return append(append(append(c.Normalizers, c.PreTokenizers...), c.Processors...), c.Decoders...)
	}
	return []component{*c}
}
