package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Save writes a tokenizer.json that this package and the Hugging Face libraries
// read to the same ids. Where path is a directory, the file in it is
// tokenizer.json. It is written aside, synced and renamed, so that at every
// instant path holds the old file or the new one.
func (t *Tokenizer) Save(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, fileName)
	}
	if err := t.save(path); err != nil {
		return fmt.Errorf("save tokenizer %s: %w", path, err)
	}
	return nil
}

func (t *Tokenizer) save(path string) error {
	aside, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(aside.Name()) // fails once it is renamed
	w := json.NewEncoder(aside)
	w.SetEscapeHTML(false)
	w.SetIndent("", " ")
	err = errors.Join(w.Encode(t.file()), aside.Chmod(0o644), aside.Sync(), aside.Close())
	if err != nil {
		return err
	}
	return os.Rename(aside.Name(), path)
}

// file returns t in the form of tokenizer.json.
func (t *Tokenizer) file() *file {
	yes := true
	f := &file{
		Version:       "1.0",
		AddedTokens:   append([]addedToken{}, t.added...),
		PreTokenizer:  splitter(t.pattern),
		PostProcessor: t.template(),
		Decoder:       &component{Type: "ByteLevel", AddPrefixSpace: &yes, TrimOffsets: &yes, UseRegex: &yes},
		Model: model{
			Type:         "BPE",
			IgnoreMerges: t.ignoreMerges,
			Vocab:        make(map[string]int32, len(t.words)),
			Merges:       make([]mergeText, len(t.merges)),
		},
	}
	if t.nfc {
		f.Normalizer = &component{Type: "NFC"}
	}
	for word, id := range t.words {
		f.Model.Vocab[toAlphabet(word)] = id
	}
	for _, a := range t.added {
		if a.listed {
			f.Model.Vocab[a.Content] = a.ID
		}
	}
	for i, m := range t.merges {
		f.Model.Merges[i] = mergeText{toAlphabet(t.tokens[m.left]), toAlphabet(t.tokens[m.right])}
	}
	return f
}

// splitter returns the pre-tokenizer that splits by p.
func splitter(p *pattern) *component {
	yes, no := true, false
	return &component{Type: "Sequence", PreTokenizers: []component{
		{Type: "Split", Pattern: &splitPattern{p.regex}, Behavior: "Isolated", Invert: &no},
		{Type: "ByteLevel", AddPrefixSpace: &no, TrimOffsets: &yes, UseRegex: &no},
	}}
}

// template returns the post-processor that puts the same tokens around a text,
// or nil where there are none. Of a pair of texts, each gets them.
func (t *Tokenizer) template() *component {
	if len(t.prefix)+len(t.suffix) == 0 {
		return nil
	}
	c := &component{Type: "TemplateProcessing", SpecialTokens: map[string]templateSpecial{}}
	specials := func(pieces []templatePiece, ids []int32, typeID int) []templatePiece {
		for _, id := range ids {
			name := t.tokens[id]
			c.SpecialTokens[name] = templateSpecial{name, []int32{id}, []string{name}}
			pieces = append(pieces, templatePiece{SpecialToken: &templateItem{name, typeID}})
		}
		return pieces
	}
	around := func(pieces []templatePiece, text string, typeID int) []templatePiece {
		pieces = specials(pieces, t.prefix, typeID)
		pieces = append(pieces, templatePiece{Sequence: &templateItem{text, typeID}})
		return specials(pieces, t.suffix, typeID)
	}
	c.Single = around(nil, "A", 0)
	c.Pair = around(around(nil, "A", 0), "B", 1)
	return c
}
