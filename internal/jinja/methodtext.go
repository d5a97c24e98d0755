package jinja

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// affixMethod is startswith or endswith, of one text or of any of a tuple.
func affixMethod(has func(text, affix string) bool) stringMethod {
	return func(s *state, text string, a arguments) (Value, error) {
		v, err := a.bind(1, "prefix")
		if err != nil {
			return nil, err
		}
		options := []Value{v[0]}
		if l, ok := v[0].(*list); ok && l.tuple {
			options = l.items
		}
		for _, option := range options {
			affix, err := textOr(option, "")
			if err != nil {
				return nil, err
			}
			if has(text, affix) {
				return true, nil
			}
		}
		return false, s.spend(nodeCost * len(options))
	}
}

// cutMethod is removeprefix or removesuffix.
func cutMethod(cut func(text, affix string) string) stringMethod {
	return func(s *state, text string, a arguments) (Value, error) {
		affix, err := oneText(a, "affix")
		if err != nil {
			return nil, err
		}
		return cut(text, affix), nil
	}
}

// oneText returns the only argument, a string.
func oneText(a arguments, name string) (string, error) {
	v, err := a.bind(1, name)
	if err != nil {
		return "", err
	}
	return textOr(v[0], "")
}

// splitMethod is split, or from the end rsplit.
func splitMethod(fromEnd bool) stringMethod {
	return func(s *state, text string, a arguments) (Value, error) {
		v, err := a.bind(0, "sep", "maxsplit")
		if err != nil {
			return nil, err
		}
		most, err := integerOr(v[1], -1)
		if err != nil {
			return nil, err
		}
		if err := s.spend(len(text)); err != nil {
			return nil, err
		}
		var parts []string
		if !given(v[0]) || v[0] == nil {
			parts = splitBlanks(text, most, fromEnd)
		} else {
			separator, err := textOr(v[0], "")
			if err != nil {
				return nil, err
			}
			if separator == "" {
				return nil, errors.New("the separator is empty")
			}
			parts = splitAt(text, separator, most, fromEnd)
		}
		return s.texts(parts)
	}
}

// texts makes a list of texts.
func (s *state) texts(parts []string) (Value, error) {
	items := make([]Value, len(parts))
	for i, part := range parts {
		items[i] = part
	}
	return s.newList(items)
}

func splitAt(text, separator string, most int64, fromEnd bool) []string {
	parts := strings.Split(text, separator)
	if most < 0 || most >= int64(len(parts)) {
		return parts
	}
	if fromEnd {
		at := len(parts) - int(most)
		return append([]string{strings.Join(parts[:at], separator)}, parts[at:]...)
	}
	return append(parts[:most:most], strings.Join(parts[most:], separator))
}

// splitBlanks splits at runs of white space, at most so many times.
func splitBlanks(text string, most int64, fromEnd bool) []string {
	var parts []string
	trim, next := trimBefore, func(t string) int { return strings.IndexFunc(t, isSpace) }
	if fromEnd {
		trim, next = trimAfter, func(t string) int {
			if at := strings.LastIndexFunc(t, isSpace); at >= 0 {
				_, n := utf8.DecodeRuneInString(t[at:])
				return at + n
			}
			return -1
		}
	}
	for text = trim(text); text != ""; text = trim(text) {
		at := next(text)
		if at < 0 || most >= 0 && int64(len(parts)) == most {
			parts = append(parts, text)
			break
		}
		if fromEnd {
			parts, text = append(parts, text[at:]), text[:at]
		} else {
			parts, text = append(parts, text[:at]), text[at:]
		}
	}
	if fromEnd {
		for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
			parts[i], parts[j] = parts[j], parts[i]
		}
	}
	return parts
}

func splitLinesMethod(s *state, text string, a arguments) (Value, error) {
	v, err := a.bind(0, "keepends")
	if err != nil {
		return nil, err
	}
	if err := s.spend(len(text)); err != nil {
		return nil, err
	}
	return s.texts(splitLines(text, given(v[0]) && truth(v[0])))
}

// partitionMethod is partition, or with the last place rpartition.
func partitionMethod(find func(text, part string) int) stringMethod {
	return func(s *state, text string, a arguments) (Value, error) {
		separator, err := oneText(a, "sep")
		if err != nil {
			return nil, err
		}
		if separator == "" {
			return nil, errors.New("the separator is empty")
		}
		parts := []Value{text, "", ""}
		if find("aa", "a") == 1 { // from the end: what lacks the separator comes last
			parts = []Value{"", "", text}
		}
		if at := find(text, separator); at >= 0 {
			parts = []Value{text[:at], separator, text[at+len(separator):]}
		}
		return &list{items: parts, tuple: true}, s.spend(len(text))
	}
}

// findMethod is find or rfind: the place in characters, or -1.
func findMethod(find func(text, part string) int) stringMethod {
	return func(s *state, text string, a arguments) (Value, error) {
		part, err := oneText(a, "sub")
		if err != nil {
			return nil, err
		}
		at := find(text, part)
		if at > 0 {
			at = utf8.RuneCountInString(text[:at])
		}
		return int64(at), s.spend(len(text))
	}
}

func countMethod(s *state, text string, a arguments) (Value, error) {
	part, err := oneText(a, "sub")
	return int64(strings.Count(text, part)), errors.Join(err, s.spend(len(text)))
}

func replaceMethod(s *state, text string, a arguments) (Value, error) {
	v, err := a.bind(2, "old", "new", "count")
	if err != nil {
		return nil, err
	}
	old, err := textOr(v[0], "")
	if err != nil {
		return nil, err
	}
	fresh, err := textOr(v[1], "")
	if err != nil {
		return nil, err
	}
	most := int64(-1)
	if given(v[2]) && v[2] != nil {
		if most, err = integer(v[2]); err != nil {
			return nil, err
		}
	}
	n := int64(strings.Count(text, old))
	if most >= 0 {
		n = min(n, most)
	}
	if _, err := s.repeat(fresh, n); err != nil { // what the result needs
		return nil, err
	}
	return strings.Replace(text, old, fresh, int(n)), s.spend(len(text))
}

func joinMethod(s *state, text string, a arguments) (Value, error) {
	v, err := a.bind(1, "iterable")
	if err != nil {
		return nil, err
	}
	items, err := s.iterate(v[0])
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		if _, ok := item.(string); !ok {
			return nil, errors.New("only strings can be joined")
		}
	}
	return joinFilter(s, &list{items: items}, arguments{positional: []Value{text}})
}
