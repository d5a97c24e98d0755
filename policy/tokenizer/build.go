package tokenizer

import (
	"fmt"
	"slices"
)

// maxID bounds the ids of a file, above all vocabularies in use, so that a
// damaged file cannot ask for any amount of memory.
const maxID = 1<<20 - 1

// build makes the tokenizer that a tokenizer.json describes.
func build(f *file) (*Tokenizer, error) {
	t := &Tokenizer{ignoreMerges: f.Model.IgnoreMerges, added: f.AddedTokens}
	steps := []func(*file) error{
		t.readModel, t.readNormalizer, t.readPreTokenizer, t.readDecoder,
		t.readAdded, t.readVocab, t.readMerges, t.readPostProcessor, t.readBytes,
	}
	for _, step := range steps {
		if err := step(f); err != nil {
			return nil, err
		}
	}
	return t, t.finish()
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
}

// readModel checks the settings of the model; readBytes those about bytes
// without a token.
func (t *Tokenizer) readModel(f *file) error {
	m := &f.Model
	switch {
	case m.Type != "BPE" && (m.Type != "" || len(m.Merges) == 0): // GPT-2's file names no type
		return unsupported("model type %q instead of BPE", m.Type)
	case m.Dropout != nil && *m.Dropout != 0:
		return unsupported("merge dropout %v", *m.Dropout)
	case m.Prefix != nil && *m.Prefix != "":
		return unsupported("continuing_subword_prefix %q", *m.Prefix)
	case m.Suffix != nil && *m.Suffix != "":
		return unsupported("end_of_word_suffix %q", *m.Suffix)
	}
	return nil
}

func (t *Tokenizer) readNormalizer(f *file) error {
	for _, n := range f.Normalizer.parts() {
		if n.Type != "NFC" {
			return unsupported("normalizer %q instead of NFC or none", n.Type)
		}
		t.nfc = true
	}
	return nil
}

// readPreTokenizer recognizes the pattern, which is in a Split before a
// ByteLevel without one, or built into ByteLevel.
func (t *Tokenizer) readPreTokenizer(f *file) error {
	bytes := false
	for _, p := range f.PreTokenizer.parts() {
		var regex string
		switch {
		case p.Type == "Split" && p.Pattern != nil && !bytes:
			isolated := p.Behavior == "Isolated"
			matches := p.Behavior == "Removed" && p.Invert != nil && *p.Invert // the same: no text is between matches
			if !isolated && !matches {
				return unsupported("split behavior %q", p.Behavior)
			}
			regex = p.Pattern.Regex
		case p.Type == "ByteLevel" && !bytes:
			if p.AddPrefixSpace == nil || *p.AddPrefixSpace {
				return unsupported("add_prefix_space in the ByteLevel pre-tokenizer")
			}
			bytes = true
			if p.UseRegex != nil && !*p.UseRegex {
				continue
			}
			regex = gpt2.regex
		default:
			return unsupported("pre-tokenizer %q in this place", p.Type)
		}
		i := slices.IndexFunc(patterns, func(known *pattern) bool { return known.regex == regex })
		switch {
		case i < 0:
			return unsupported("split pattern %q is not that of Llama-3, cl100k, Qwen2 or GPT-2", regex)
		case t.pattern != nil:
			return unsupported("split pattern %q after that of %s", regex, t.pattern.name)
		}
		t.pattern = patterns[i]
	}
	if t.pattern == nil || !bytes {
		return unsupported("pre-tokenizer without a split pattern and ByteLevel")
	}
	return nil
}

func (t *Tokenizer) readDecoder(f *file) error {
	parts := f.Decoder.parts()
	if len(parts) != 1 || parts[0].Type != "ByteLevel" {
		return unsupported("decoder other than ByteLevel")
	}
	return nil
}

func (t *Tokenizer) readAdded(f *file) error {
	slices.SortFunc(t.added, func(a, b addedToken) int { return int(a.ID) - int(b.ID) })
	t.addedIDs = make(map[string]int32, len(t.added))
	for _, a := range t.added {
		if a.Content == "" {
			return fmt.Errorf("added token %d is empty", a.ID)
		}
		if _, ok := t.addedIDs[a.Content]; ok {
			return fmt.Errorf("added token %q occurs twice", a.Content)
		}
		if err := t.setToken(a.ID, a.Content, a.Special); err != nil {
			return err
		}
		t.addedIDs[a.Content] = a.ID
	}
	return nil
}

// readVocab reads the BPE vocabulary. Added tokens may be listed there once
// more, as they are written.
func (t *Tokenizer) readVocab(f *file) error {
	t.words = make(map[string]int32, len(f.Model.Vocab))
	for word, id := range f.Model.Vocab {
		added, isAdded := t.addedIDs[word]
		if isAdded {
			if added != id {
				return fmt.Errorf("added token %q has id %d, and %d in the vocabulary", word, added, id)
			}
			i, _ := slices.BinarySearchFunc(t.added, id, func(a addedToken, id int32) int { return int(a.ID) - int(id) })
			t.added[i].listed = true
		}
		raw, err := fromAlphabet(word)
		switch {
		case isAdded && err != nil:
			continue // merges cannot make it
		case err != nil:
			return unsupported("%v", err)
		case !isAdded:
			if err := t.setToken(id, raw, false); err != nil {
				return err
			}
		}
		t.words[raw] = id
	}
	return nil
}

// setToken gives an id its token.
func (t *Tokenizer) setToken(id int32, raw string, special bool) error {
	if id < 0 || id > maxID {
		return fmt.Errorf("token %q has id %d, outside 0 to %d", raw, id, maxID)
	}
	if missing := int(id) + 1 - len(t.tokens); missing > 0 {
		t.tokens = append(t.tokens, make([]string, missing)...)
		t.special = append(t.special, make([]bool, missing)...)
	}
	if t.tokens[id] != "" {
		return fmt.Errorf("tokens %q and %q have the same id %d", t.tokens[id], raw, id)
	}
	if raw == "" {
		return fmt.Errorf("token %d is empty", id)
	}
	t.tokens[id], t.special[id] = raw, special
	return nil
}

func (t *Tokenizer) readMerges(f *file) error {
	t.merges = make([]merge, len(f.Model.Merges))
	for rank, m := range f.Model.Merges {
		left, err := fromAlphabet(m[0])
		if err != nil {
			return fmt.Errorf("merge %d: %w", rank, err)
		}
		right, err := fromAlphabet(m[1])
		if err != nil {
			return fmt.Errorf("merge %d: %w", rank, err)
		}
		l, okLeft := t.words[left]
		r, okRight := t.words[right]
		id, ok := t.words[left+right]
		if !ok || !okLeft || !okRight {
			return fmt.Errorf("merge %d of %q and %q: the vocabulary lacks one of the two or the result", rank, m[0], m[1])
		}
		t.merges[rank] = merge{l, r, id}
	}
	t.hideSpecials()
	return nil
}

// hideSpecials leaves special tokens that no merge makes out of the vocabulary,
// where a piece of text could be one.
func (t *Tokenizer) hideSpecials() {
	made := make(map[int32]bool, len(t.merges))
	for _, m := range t.merges {
		made[m.merged] = true
	}
	for _, a := range t.added {
		if a.Special && len(a.Content) > 1 && !made[a.ID] {
			delete(t.words, a.Content)
		}
	}
}

// readPostProcessor reads what a template puts around a single text.
func (t *Tokenizer) readPostProcessor(f *file) error {
	for _, p := range f.PostProcessor.parts() {
		switch p.Type {
		case "ByteLevel": // changes offsets only
		case "TemplateProcessing":
			if err := t.readTemplate(&p); err != nil {
				return err
			}
		default:
			return unsupported("post-processor %q", p.Type)
		}
	}
	return nil
}

func (t *Tokenizer) readTemplate(p *component) error {
	if t.prefix != nil || t.suffix != nil {
		return unsupported("two templates in the post-processor")
	}
	texts := 0
	for _, piece := range p.Single {
		switch {
		case piece.Sequence != nil:
			texts++
		case piece.SpecialToken == nil:
			return unsupported("template piece that is neither a text nor a special token")
		default:
			special, ok := p.SpecialTokens[piece.SpecialToken.ID]
			if !ok {
				return fmt.Errorf("template token %q has no ids", piece.SpecialToken.ID)
			}
			for _, id := range special.IDs {
				if t.Token(id) == "" {
					return fmt.Errorf("template token %q has id %d, which has no token", piece.SpecialToken.ID, id)
				}
			}
			if texts == 0 {
				t.prefix = append(t.prefix, special.IDs...)
			} else {
				t.suffix = append(t.suffix, special.IDs...)
			}
		}
	}
	if texts != 1 {
		return unsupported("template with %d texts instead of one", texts)
	}
	return nil
}

// readBytes finds the token of each byte. GPT-NeoX's vocabulary has none for
// bytes that cannot occur in UTF-8; the reference implementation drops them.
func (t *Tokenizer) readBytes(f *file) error {
	for b := range t.byteIDs {
		id, ok := t.words[string([]byte{byte(b)})]
		switch {
		case ok:
			t.byteIDs[b] = id
		case f.Model.UnkToken != nil || f.Model.ByteFallback:
			return unsupported("vocabulary without byte %#02x, which stands for unk_token or falls back", b)
		case utf8Bytes(byte(b)):
			return unsupported("vocabulary without byte %#02x, so not every text can be encoded", b)
		default:
			t.byteIDs[b] = noToken
		}
	}
	return nil
}

// utf8Bytes reports whether b can occur in UTF-8.
func utf8Bytes(b byte) bool { return b < 0xC0 || 0xC2 <= b && b <= 0xF4 }

// finish derives what encoding needs from the tokens, merges and added tokens.
func (t *Tokenizer) finish() error {
	if len(t.merges) > maxMerges {
		return unsupported("%d merges, more than %d", len(t.merges), maxMerges)
	}
	t.pairs = newPairTable(t.merges, t.rankedByID)
	ordinary := slices.DeleteFunc(slices.Clone(t.added), func(a addedToken) bool { return a.Special })
	t.trusted = newMatchers(t.added, t.nfc)
	t.untrusted = newMatchers(ordinary, t.nfc)
	t.encoders.New = func() any { return newEncoder(t) }
	return nil
}
