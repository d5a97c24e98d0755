package jinja

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

type (
	stringMethod func(s *state, text string, a arguments) (Value, error)
	listMethod   func(s *state, l *list, a arguments) (Value, error)
	dictMethod   func(s *state, d *dict, a arguments) (Value, error)
)

// stringMethods are the methods of Python's str that chat templates call.
var stringMethods map[string]stringMethod

func init() {
	stringMethods = map[string]stringMethod{
		"strip":      stripMethod(trimSpace, strings.Trim),
		"lstrip":     stripMethod(trimBefore, strings.TrimLeft),
		"rstrip":     stripMethod(trimAfter, strings.TrimRight),
		"startswith": affixMethod(strings.HasPrefix), "endswith": affixMethod(strings.HasSuffix),
		"removeprefix": cutMethod(strings.TrimPrefix), "removesuffix": cutMethod(strings.TrimSuffix),
		"split": splitMethod(false), "rsplit": splitMethod(true), "splitlines": splitLinesMethod,
		"partition": partitionMethod(strings.Index), "rpartition": partitionMethod(strings.LastIndex),
		"find": findMethod(strings.Index), "rfind": findMethod(strings.LastIndex), "count": countMethod,
		"replace": replaceMethod, "join": joinMethod, "format": formatMethod,
		"upper": changeMethod(upper), "lower": changeMethod(lower),
		"capitalize": changeMethod(capitalize), "title": changeMethod(titleLetters),
		"isdigit": everyMethod(unicode.IsDigit), "isnumeric": everyMethod(unicode.IsNumber), "isalpha": everyMethod(unicode.IsLetter),
		"isalnum": everyMethod(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }),
		"isspace": everyMethod(isSpace),
		"isupper": casedMethod("upper"), "islower": casedMethod("lower"),
	}
}

// changing names the methods that would change a value, which the sandbox of
// transformers forbids.
func changing(name string) error {
	return fmt.Errorf("%s would change a value, which templates may not", name)
}

var listMethods = map[string]listMethod{
	"count": func(s *state, l *list, a arguments) (Value, error) {
		v, err := a.bind(1, "value")
		if err != nil {
			return nil, err
		}
		n := int64(0)
		for _, item := range l.items {
			same, err := s.equal(item, v[0], 0)
			if err != nil {
				return nil, err
			}
			n += int64(count(same))
		}
		return n, nil
	},
	"index": func(s *state, l *list, a arguments) (Value, error) {
		v, err := a.bind(1, "value")
		if err != nil {
			return nil, err
		}
		for i, item := range l.items {
			if same, err := s.equal(item, v[0], 0); err != nil || same {
				return int64(i), err
			}
		}
		return nil, errors.New("no such item")
	},
}

var dictMethods = map[string]dictMethod{
	"get": func(_ *state, d *dict, a arguments) (Value, error) {
		v, err := a.bind(1, "key", "default")
		if err != nil {
			return nil, err
		}
		if _, err := keyOf(v[0]); err != nil {
			return nil, err
		}
		out, ok := d.get(v[0])
		if !ok && given(v[1]) {
			out = v[1]
		}
		return out, nil
	},
	"items":  func(s *state, d *dict, _ arguments) (Value, error) { return s.newList(d.pairs()) },
	"keys":   func(s *state, d *dict, _ arguments) (Value, error) { return s.newList(d.keys) },
	"values": func(s *state, d *dict, _ arguments) (Value, error) { return s.newList(d.values) },
	"copy": func(s *state, d *dict, _ arguments) (Value, error) {
		return makeDict(s, arguments{positional: []Value{d}})
	},
}

func init() {
	for _, name := range []string{"append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"} {
		listMethods[name] = func(*state, *list, arguments) (Value, error) { return nil, changing(name) }
	}
	for _, name := range []string{"clear", "pop", "popitem", "setdefault", "update"} {
		dictMethods[name] = func(*state, *dict, arguments) (Value, error) { return nil, changing(name) }
	}
}

// splitLines is Python's str.splitlines.
func splitLines(text string, keepEnds bool) []string {
	var lines []string
	from := 0
	for i, r := range text {
		end := i + len(string(r))
		switch r {
		case '\r':
			if strings.HasPrefix(text[end:], "\n") {
				continue // the line ends after both
			}
		case '\n', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
		default:
			continue
		}
		line := text[from:end]
		if !keepEnds {
			line = strings.TrimSuffix(strings.TrimSuffix(text[from:end], string(r)), "\r")
			if r != '\n' {
				line = text[from:i]
			}
		}
		lines = append(lines, line)
		from = end
	}
	if from < len(text) {
		lines = append(lines, text[from:])
	}
	return lines
}

// titleLetters is Python's str.title: a word is a run of letters.
func titleLetters(text string) string {
	var b strings.Builder
	inside := false
	for _, r := range text {
		if inside {
			b.WriteString(lower(string(r)))
		} else {
			b.WriteString(title(string(r)))
		}
		inside = unicode.IsLetter(r)
	}
	return b.String()
}

func changeMethod(change func(string) string) stringMethod {
	return func(s *state, text string, a arguments) (Value, error) {
		if _, err := a.bind(0); err != nil {
			return nil, err
		}
		out := change(text)
		return out, s.spend(len(text) + len(out))
	}
}

func everyMethod(is func(rune) bool) stringMethod {
	return func(s *state, text string, _ arguments) (Value, error) {
		return text != "" && strings.IndexFunc(text, func(r rune) bool { return !is(r) }) < 0, s.spend(len(text))
	}
}

func casedMethod(test string) stringMethod {
	return func(s *state, text string, _ arguments) (Value, error) { return s.test(test, text, arguments{}) }
}

func stripMethod(blanks func(string) string, of func(text, set string) string) stringMethod {
	return func(s *state, text string, a arguments) (Value, error) {
		v, err := a.bind(0, "chars")
		if err != nil {
			return nil, err
		}
		if err := s.spend(len(text)); err != nil {
			return nil, err
		}
		if !given(v[0]) || v[0] == nil {
			return blanks(text), nil
		}
		set, err := textOr(v[0], "")
		if err != nil {
			return nil, err
		}
		return of(text, set), s.spend(len(set))
	}
}
