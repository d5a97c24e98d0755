package jinja

import (
	"fmt"
	"regexp"
	"strings"
)

// segment is a piece of a source: text, or the tokens of a tag.
type segment struct {
	kind   segmentKind
	text   string // of textSegment
	tokens []token
	line   int
}

type segmentKind int

const (
	textSegment   segmentKind = iota
	outputSegment             // {{ … }}
	blockSegment              // {% … %}
)

// scanner cuts a source into segments, with the rules for white space of
// jinja2.lexer: a minus beside a delimiter strips, a line break after a block
// goes, and so does the indentation before one.
type scanner struct {
	source   string
	at       int
	line     int
	segments []segment
	// lineStarting: the last segment ended with a line break, or there was none.
	lineStarting bool
}

var rawBegin = regexp.MustCompile(`^\{%[-+]?\s*raw\s*(?:-%\}\s*|%\})`)
var rawEnd = regexp.MustCompile(`\{%([-+]?)\s*endraw\s*(?:\+%\}|-%\}\s*|%\}\n?)`)

func scan(source string) ([]segment, error) {
	source = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(source)
	source = strings.TrimSuffix(source, "\n")
	s := &scanner{source: source, line: 1, lineStarting: true}
	for s.at < len(source) {
		if err := s.next(); err != nil {
			return nil, atLine(s.line, err)
		}
	}
	return s.segments, nil
}

// next reads the text up to a tag, and the tag.
func (s *scanner) next() error {
	rest := s.source[s.at:]
	open := opening(rest)
	if open < 0 {
		s.text(rest)
		s.at = len(s.source)
		return nil
	}
	text, kind, sign := rest[:open], rest[open+1], byte(0)
	if open+2 < len(rest) && (rest[open+2] == '-' || rest[open+2] == '+') {
		sign = rest[open+2]
	}
	s.text(before(text, sign, kind != '{', s.lineStarting))
	s.line += strings.Count(text, "\n")
	s.at += open
	if m := rawBegin.FindString(rest[open:]); m != "" {
		return s.raw(m)
	}
	s.at += 2
	if sign != 0 {
		s.at++
	}
	if kind == '#' {
		return s.comment()
	}
	return s.tag(kind)
}

// opening returns where the first tag of text begins, or -1.
func opening(text string) int {
	for i := 0; i+1 < len(text); i++ {
		if text[i] == '{' && (text[i+1] == '{' || text[i+1] == '%' || text[i+1] == '#') {
			return i
		}
	}
	return -1
}

// before returns what stays of the text before a tag.
func before(text string, sign byte, block, lineStarting bool) string {
	switch {
	case sign == '-':
		return trimAfter(text)
	case sign == '+' || !block:
		return text
	}
	from := strings.LastIndexByte(text, '\n') + 1
	if (from > 0 || lineStarting) && trimSpace(text[from:]) == "" {
		return text[:from]
	}
	return text
}

func (s *scanner) text(text string) {
	if text != "" {
		s.segments = append(s.segments, segment{kind: textSegment, text: text, line: s.line})
	}
}

// pass moves over n bytes of the source.
func (s *scanner) pass(n int) {
	passed := s.source[s.at : s.at+n]
	s.line += strings.Count(passed, "\n")
	s.lineStarting = strings.HasSuffix(passed, "\n")
	s.at += n
}

// close passes the end of a tag: sign is what stands before the delimiter, and
// a block takes the line break after it along.
func (s *scanner) close(sign byte, block bool) {
	rest := s.source[s.at:]
	switch {
	case sign == '-':
		s.pass(len(rest) - len(trimBefore(rest)))
	case sign != '+' && block && strings.HasPrefix(rest, "\n"):
		s.pass(1)
	}
}

func (s *scanner) comment() error {
	end := strings.Index(s.source[s.at:], "#}")
	if end < 0 {
		return fmt.Errorf("a comment without its end #}")
	}
	sign := byte(0)
	if end > 0 {
		sign = s.source[s.at+end-1]
	}
	s.pass(end + 2)
	s.close(sign, true)
	return nil
}

func (s *scanner) raw(begin string) error {
	s.pass(len(begin))
	rest := s.source[s.at:]
	m := rawEnd.FindStringSubmatchIndex(rest)
	if m == nil {
		return fmt.Errorf("raw without endraw")
	}
	sign := byte(0)
	if m[3] > m[2] {
		sign = rest[m[2]]
	}
	s.text(before(rest[:m[0]], sign, true, s.lineStarting))
	s.pass(m[1])
	return nil
}

// tag reads the tokens of an output or a block. A delimiter inside brackets does
// not end it.
func (s *scanner) tag(kind byte) error {
	seg := segment{kind: blockSegment, line: s.line}
	end := "%}"
	if kind == '{' {
		seg.kind, end = outputSegment, "}}"
	}
	nesting := 0
	for {
		rest := s.source[s.at:]
		blank := len(rest) - len(trimBefore(rest))
		s.pass(blank)
		if rest = rest[blank:]; rest == "" {
			return fmt.Errorf("a tag without its end %s", end)
		}
		if nesting == 0 && s.ends(rest, end, kind != '{') {
			s.segments = append(s.segments, seg)
			return nil
		}
		t, n, err := lex(rest)
		if err != nil {
			return err
		}
		t.line = s.line
		switch t.text {
		case "(", "[", "{":
			nesting += count(t.kind == symbolToken)
		case ")", "]", "}":
			nesting -= count(t.kind == symbolToken)
		}
		if nesting < 0 {
			return fmt.Errorf("unexpected %q", t.text)
		}
		seg.tokens = append(seg.tokens, t)
		s.pass(n)
	}
}

// ends passes the end of a tag where rest begins with it.
func (s *scanner) ends(rest, end string, block bool) bool {
	sign := byte(0)
	if rest[0] == '-' || rest[0] == '+' && block {
		sign = rest[0]
		rest = rest[1:]
	}
	if !strings.HasPrefix(rest, end) {
		return false
	}
	s.pass(len(end) + count(sign != 0))
	s.close(sign, block)
	return true
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}
