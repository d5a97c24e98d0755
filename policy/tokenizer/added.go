package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// addedToken is a token that is found in text as it is written, before the text
// is split, in the form in which tokenizer.json keeps it.
type addedToken struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"` // not within a word
	LStrip     bool   `json:"lstrip"`      // takes the white space before it along
	RStrip     bool   `json:"rstrip"`      // and after it
	Normalized bool   `json:"normalized"`  // matched after normalization, not before
	Special    bool   `json:"special"`     // decoding can leave it out, untrusted text cannot write it

	listed bool // in the vocabulary of the model too: readers number those that are not from its end
}

// matcher finds added tokens in text: the leftmost, and of those the longest.
// It is a trie over bytes; nil finds none.
type matcher struct {
	first, second [256]uint8 // 1 for bytes that begin a token, and that come next
	nodes         []trieNode // the first is the root
}

type trieNode struct {
	edges []trieEdge
	token *addedToken // that ends here, or nil
}

type trieEdge struct {
	label byte
	to    int32
}

// newMatchers returns the matchers for tokens: those normalized are searched
// for in normalized text and therefore normalized themselves.
func newMatchers(tokens []addedToken, nfc bool) matchers {
	var m matchers
	for i := range tokens {
		token := &tokens[i]
		if !token.Normalized {
			m.raw = m.raw.with(token.Content, token)
			continue
		}
		content := token.Content
		if nfc {
			content = composed(content)
		}
		m.normalized = m.normalized.with(content, token)
	}
	return m
}

// with adds a token to m, which may be nil, and returns the matcher.
func (m *matcher) with(content string, token *addedToken) *matcher {
	if m == nil {
		m = &matcher{nodes: make([]trieNode, 1)}
	}
	m.first[content[0]] = 1
	if len(content) > 1 {
		m.second[content[1]] = 1
	} else {
		m.second = anyByte
	}
	at := int32(0)
	for i := range len(content) {
		next := m.child(at, content[i])
		if next == 0 {
			next = int32(len(m.nodes))
			m.nodes[at].edges = append(m.nodes[at].edges, trieEdge{content[i], next})
			m.nodes = append(m.nodes, trieNode{})
		}
		at = next
	}
	m.nodes[at].token = token
	return m
}

// anyByte is second where a token has a single byte.
var anyByte = func() (t [256]uint8) {
	for b := range t {
		t[b] = 1
	}
	return t
}()

// child returns the node after label, or 0, the root, which comes after none.
func (m *matcher) child(at int32, label byte) int32 {
	for _, e := range m.nodes[at].edges {
		if e.label == label {
			return e.to
		}
	}
	return 0
}

// candidate returns the first place from i on where a token may begin, for want
// of one the last of text.
func (m *matcher) candidate(text string, i int) int {
	for ; i+1 < len(text); i++ {
		if m.first[text[i]]&m.second[text[i+1]] != 0 {
			return i
		}
	}
	return i // the last byte may be a token
}

// split calls yield with the parts of text in order: a non-empty segment
// without tokens and id -1, or the id of a token. As in the reference, the white
// space that RStrip takes along is searched for tokens too, which LStrip cannot
// take along once more.
func (m *matcher) split(text string, yield func(segment string, id int32)) {
	done := 0
	for i := 0; m != nil && i < len(text); {
		i = m.candidate(text, i)
		token, end := m.longest(text, i)
		if token == nil {
			i++
			continue
		}
		start := i
		i = end
		if token.SingleWord && (wordBefore(text, start) || wordAfter(text, end)) {
			continue
		}
		if token.LStrip {
			start = done + len(strings.TrimRightFunc(text[min(done, start):start], isSpace))
		}
		if token.RStrip {
			end = len(text) - len(strings.TrimLeftFunc(text[end:], isSpace))
		}
		if done < start {
			yield(text[done:start], -1)
		}
		if start < end {
			yield("", token.ID)
			done = end
		}
	}
	if done < len(text) {
		yield(text[done:], -1)
	}
}

// longest returns the longest token that begins at text[i], with its end.
func (m *matcher) longest(text string, i int) (token *addedToken, end int) {
	for at := int32(0); i < len(text); i++ {
		if at = m.child(at, text[i]); at == 0 {
			break
		}
		if m.nodes[at].token != nil {
			token, end = m.nodes[at].token, i+1
		}
	}
	return token, end
}

func isSpace(r rune) bool { return unicode.Is(unicode.White_Space, r) }

func wordBefore(text string, i int) bool {
	r, _ := utf8.DecodeLastRuneInString(text[:i])
	return i > 0 && isWord(r)
}

func wordAfter(text string, i int) bool {
	r, _ := utf8.DecodeRuneInString(text[i:])
	return i < len(text) && isWord(r)
}

// isWord is \w of regular expressions over Unicode.
func isWord(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc, unicode.Other_Alphabetic, unicode.Join_Control)
}
