// Package tokenizer turns text into token ids and back: byte-level BPE as
// Llama-3, Qwen2, GPT-2 and GPT-NeoX use it, read from the files of Hugging
// Face, GPT-2 and tiktoken, written to a tokenizer.json, and a trainer for new
// vocabularies. It knows nothing of prompts, chat templates or models. Read
// Tokenizer, Load, Train, Stream in this order.
package tokenizer

import (
	"sync"

	"golang.org/x/text/unicode/norm"
)

// Tokenizer is an immutable vocabulary with its merges and added tokens. Every
// byte of UTF-8 has a token of its own, so any text can be encoded; bytes that
// no character has may lack one, as in GPT-NeoX's vocabulary, and then leave no
// trace. All methods may be called concurrently.
type Tokenizer struct {
	pattern      *pattern
	nfc          bool // text is normalized to NFC before it is split
	ignoreMerges bool // a piece that is a token needs no merging
	rankedByID   bool // the rank of a merge is the id that it makes, not its place

	tokens  []string         // (V,) raw bytes by id, empty where no token has the id
	words   map[string]int32 // the BPE vocabulary by raw bytes, without special tokens that no merge makes
	byteIDs [256]int32       // noToken for a byte without
	merges  []merge
	pairs   *pairTable

	added          []addedToken // ascending by id
	addedIDs       map[string]int32
	special        []bool // (V,)
	trusted        matchers
	untrusted      matchers
	prefix, suffix []int32 // what the post-processor puts around a text

	encoders sync.Pool
}

// merge joins two tokens, left and right, into a third.
type merge struct{ left, right, merged int32 }

// matchers find added tokens in text before and after normalization.
type matchers struct{ raw, normalized *matcher }

// Encode returns the ids of text. Added tokens that occur in text, special ones
// included, become their ids; nothing is put before or after. For text from
// outside the program use EncodePlain, which lets nobody forge a special token.
func (t *Tokenizer) Encode(text string) []int32 {
	return t.encode(nil, text, t.trusted)
}

// EncodeSpecial is Encode with the tokens that the post-processor puts around a
// text, such as Llama-3's <|begin_of_text|>.
func (t *Tokenizer) EncodeSpecial(text string) []int32 {
	ids := append([]int32(nil), t.prefix...)
	return append(t.encode(ids, text, t.trusted), t.suffix...)
}

// EncodePlain is Encode for untrusted text: special tokens written out in text
// are encoded as the characters they consist of, so no special id is returned
// unless merges of the vocabulary make it.
func (t *Tokenizer) EncodePlain(text string) []int32 {
	return t.encode(nil, text, t.untrusted)
}

func (t *Tokenizer) encode(ids []int32, text string, m matchers) []int32 {
	if ids == nil {
		ids = make([]int32, 0, len(text)/3+4)
	}
	e := t.encoders.Get().(*encoder)
	defer t.encoders.Put(e)
	m.raw.split(text, func(segment string, id int32) {
		if id >= 0 {
			ids = append(ids, id)
			return
		}
		if t.nfc && !norm.NFC.IsNormalString(segment) {
			segment = composed(segment)
		}
		m.normalized.split(segment, func(segment string, id int32) {
			if id >= 0 {
				ids = append(ids, id)
				return
			}
			ids = e.encode(ids, segment)
		})
	})
	return ids
}

// Decode returns the concatenated bytes of ids, which are not valid UTF-8 when
// ids cut a character. With skipSpecial special tokens leave no trace. Ids
// without a token, such as those of padded embedding rows, give nothing.
func (t *Tokenizer) Decode(ids []int32, skipSpecial bool) string {
	buf := make([]byte, 0, 4*len(ids))
	for _, id := range ids {
		if !skipSpecial || !t.Special(id) {
			buf = append(buf, t.Token(id)...)
		}
	}
	return string(buf)
}

// VocabSize returns the number of ids: one more than the largest.
func (t *Tokenizer) VocabSize() int { return len(t.tokens) }

// ID returns the id of the token with the given raw bytes: " the", not "Ġthe".
// An added token goes before one of the BPE vocabulary. It reports false where
// there is none.
func (t *Tokenizer) ID(token string) (int32, bool) {
	if id, ok := t.addedIDs[token]; ok {
		return id, true
	}
	id, ok := t.words[token]
	return id, ok
}

// Token returns the raw bytes of id, possibly part of a character, or the empty
// string where no token has the id.
func (t *Tokenizer) Token(id int32) string {
	if id < 0 || int(id) >= len(t.tokens) {
		return ""
	}
	return t.tokens[id]
}

// Special reports whether id is a special token, which Decode can leave out.
func (t *Tokenizer) Special(id int32) bool {
	return id >= 0 && int(id) < len(t.special) && t.special[id]
}
