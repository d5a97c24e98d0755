package jinja

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var percentDirective = regexp.MustCompile(`%(?:\((\w+)\))?([-+ 0#]*)(\d*)(?:\.(\d+))?([a-zA-Z%])`)

// maxWidth bounds the width and the precision of a formatted value.
const maxWidth = 1000

// percent is Python's text % of: of is one value, a tuple, or a dict for named
// ones.
func (s *state) percent(text string, of Value) (Value, error) {
	values, named := []Value{of}, false
	switch x := of.(type) {
	case *list:
		if x.tuple {
			values = x.items
		}
	case *dict:
		named = true
	}
	var b strings.Builder
	for {
		m := percentDirective.FindStringSubmatchIndex(text)
		before, rest := text, ""
		if m != nil {
			before, rest = text[:m[0]], text[m[1]:]
		}
		if strings.Contains(before, "%") {
			return nil, errors.New("a format with a % that begins nothing")
		}
		b.WriteString(before)
		if m == nil {
			break
		}
		part := func(i int) string {
			if m[2*i] < 0 {
				return ""
			}
			return text[m[2*i]:m[2*i+1]]
		}
		if part(5) == "%" {
			b.WriteByte('%')
			text = rest
			continue
		}
		var v Value
		if name := part(1); name != "" {
			d, ok := of.(*dict)
			if !ok {
				return nil, errors.New("a format with names needs a mapping")
			}
			if v, ok = d.get(name); !ok {
				return nil, fmt.Errorf("no value named %s", name)
			}
		} else if len(values) == 0 {
			return nil, errors.New("not enough values for the format")
		} else {
			v, values = values[0], values[1:]
		}
		one, err := s.formatted(v, part(2), part(3), part(4), part(5))
		if err != nil {
			return nil, err
		}
		b.WriteString(one)
		text = rest
	}
	if len(values) > 0 && !named {
		return nil, errors.New("more values than the format takes")
	}
	return b.String(), s.spend(b.Len())
}

// formatted formats one value as C's printf would.
func (s *state) formatted(v Value, flags, width, precision, verb string) (string, error) {
	for _, n := range []string{width, precision} {
		if i, err := strconv.Atoi(n); n != "" && (err != nil || i > maxWidth) {
			return "", fmt.Errorf("%w: a value %s wide", ErrLimit, n)
		}
	}
	layout := "%" + flags + width
	if precision == "" && strings.EqualFold(verb, "g") {
		precision = "6"
	}
	if precision != "" {
		layout += "." + precision
	}
	i, f, isInt, ok := number(v)
	switch verb {
	case "s", "r":
		text, err := s.text(v)
		if quoted, isText := v.(string); isText && verb == "r" {
			text = quote(quoted)
		}
		return fmt.Sprintf(layout+"s", text), err
	case "d", "i", "x", "X", "o", "c":
		if ok && !isInt && strings.Contains("di", verb) {
			i, isInt = int64(f), true
		}
		if isInt {
			return fmt.Sprintf(layout+strings.Replace(verb, "i", "d", 1), i), nil
		}
	case "f", "F", "e", "E", "g", "G":
		if ok {
			return fmt.Sprintf(layout+verb, f), nil
		}
	default:
		return "", fmt.Errorf("format %%%s is not supported", verb)
	}
	return "", fmt.Errorf("format %%%s of %s", verb, kindOf(v))
}

var braceField = regexp.MustCompile(`^\{(\w*)(?::([<>^]?)(0?)(\d*)(,?)(?:\.(\d+))?([a-z]?))?\}`)

// formatMethod is str.format with fields by order, number or name.
func formatMethod(s *state, text string, a arguments) (Value, error) {
	var b strings.Builder
	next := 0
	for text != "" {
		at := strings.IndexAny(text, "{}")
		if at < 0 {
			b.WriteString(text)
			break
		}
		b.WriteString(text[:at])
		text = text[at:]
		if strings.HasPrefix(text, "{{") || strings.HasPrefix(text, "}}") {
			b.WriteByte(text[0])
			text = text[2:]
			continue
		}
		m := braceField.FindStringSubmatch(text)
		if m == nil {
			return nil, errors.New("a field of the format is not supported")
		}
		v, err := field(a, m[1], &next)
		if err != nil {
			return nil, err
		}
		one, err := s.fieldText(v, m[2], m[3], m[4], m[5], m[6], m[7])
		if err != nil {
			return nil, err
		}
		b.WriteString(one)
		text = text[len(m[0]):]
	}
	return b.String(), s.spend(b.Len())
}

// field returns the argument that a field names.
func field(a arguments, name string, next *int) (Value, error) {
	i, err := strconv.Atoi(name)
	if name == "" {
		i, err = *next, nil
		*next++
	}
	if err == nil {
		if i >= len(a.positional) {
			return nil, errors.New("not enough values for the format")
		}
		return a.positional[i], nil
	}
	for _, named := range a.named {
		if named.name == name {
			return named.value, nil
		}
	}
	return nil, fmt.Errorf("no value named %s", name)
}

func (s *state) fieldText(v Value, align, zero, width, comma, precision, verb string) (string, error) {
	if comma != "" || align == "^" {
		return "", errors.New("a field of the format is not supported")
	}
	_, _, isInt, ok := number(v)
	switch {
	case verb == "" && precision == "":
		verb = "s"
	case verb == "" && ok && !isInt:
		return "", errors.New("a field of the format is not supported")
	case verb == "":
		verb = "s"
	}
	flags := zero
	if align == "<" || align == "" && !ok {
		flags = "-"
	}
	return s.formatted(v, flags, width, precision, verb)
}
