package jinja

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// text is Python's str of a value, which an output writes.
func (s *state) text(v Value) (string, error) {
	switch x := v.(type) {
	case string:
		return x, nil
	case undefined:
		return "", nil
	}
	w := &writer{run: s.run}
	err := w.repr(v, 0)
	return w.String(), err
}

// writer builds a text from values.
type writer struct {
	strings.Builder
	*run
}

func (w *writer) add(text string) error {
	w.WriteString(text)
	return w.spend(len(text) + addCost)
}

// addCost is what adding a text costs besides its bytes.
const addCost = 16

// repr writes Python's repr of a value that lies depth deep in others.
func (w *writer) repr(v Value, depth int) error {
	if depth > maxData {
		return fmt.Errorf("%w: values nest deeper than %d", ErrLimit, maxData)
	}
	switch x := v.(type) {
	case string:
		return w.add(quote(x))
	case *list:
		return w.reprList(x, depth)
	case *dict:
		return w.reprDict("{", x, "}", depth)
	case *namespace:
		return w.reprDict("<Namespace {", &x.attributes, "}>", depth)
	case *function:
		return w.add("<function " + x.name + ">")
	case *loop:
		return w.add(fmt.Sprintf("<LoopContext %d/%d>", x.at+1, len(x.items)))
	}
	return w.add(scalar(v))
}

// scalar writes what is neither a string nor holds others.
func scalar(v Value) string {
	switch x := v.(type) {
	case nil:
		return "None"
	case bool:
		if x {
			return "True"
		}
		return "False"
	case int64:
		return strconv.FormatInt(x, 10)
	case float64:
		return formatFloat(x)
	}
	return "Undefined"
}

func (w *writer) reprList(l *list, depth int) error {
	open, end := "[", "]"
	if l.tuple {
		open, end = "(", ")"
		if len(l.items) == 1 {
			end = ",)"
		}
	}
	for _, item := range l.items {
		if err := w.add(open); err != nil {
			return err
		}
		if err := w.repr(item, depth+1); err != nil {
			return err
		}
		open = ", "
	}
	if len(l.items) == 0 {
		end = open + end
	}
	return w.add(end)
}

func (w *writer) reprDict(open string, d *dict, end string, depth int) error {
	if err := w.add(open); err != nil {
		return err
	}
	for i, key := range d.keys {
		if i > 0 {
			w.WriteString(", ")
		}
		if err := w.repr(key, depth+1); err != nil {
			return err
		}
		w.WriteString(": ")
		if err := w.repr(d.values[i], depth+1); err != nil {
			return err
		}
	}
	return w.add(end)
}

// quote is Python's repr of a string.
func quote(text string) string {
	mark := byte('\'')
	if strings.ContainsRune(text, '\'') && !strings.ContainsRune(text, '"') {
		mark = '"'
	}
	var b strings.Builder
	b.WriteByte(mark)
	for _, r := range text {
		switch {
		case r == rune(mark) || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == ' ' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte(mark)
	return b.String()
}
