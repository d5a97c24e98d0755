package jinja

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// FromJSON returns the value that one JSON text holds, with keys in their order,
// as Python's json.loads does; whole numbers must fit 64 bits.
func FromJSON(data []byte) (Value, error) {
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	v, err := decode(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more after the end of the JSON value")
	}
	return v, nil
}

func decode(d *json.Decoder, depth int) (Value, error) {
	if depth > maxData {
		return nil, fmt.Errorf("values nest deeper than %d", maxData)
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch x := t.(type) {
	case json.Delim:
		if x == '[' {
			return decodeList(d, depth)
		}
		return decodeDict(d, depth)
	case json.Number:
		if !strings.ContainsAny(x.String(), ".eE") {
			i, err := x.Int64()
			return i, err
		}
		f, err := x.Float64()
		return f, err
	}
	return t, nil
}

func decodeList(d *json.Decoder, depth int) (Value, error) {
	l := &list{}
	for d.More() {
		v, err := decode(d, depth+1)
		if err != nil {
			return nil, err
		}
		l.items = append(l.items, v)
	}
	_, err := d.Token()
	return l, err
}

func decodeDict(d *json.Decoder, depth int) (Value, error) {
	out := &dict{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := decode(d, depth+1)
		if err != nil {
			return nil, err
		}
		if err := out.set(key, v); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return out, err
}

// jsonWriter writes values as Python's json.dumps does with ensure_ascii off.
type jsonWriter struct {
	writer
	indent          string // of a level
	lines           bool   // an item a line
	comma, colon    string
	sortKeys, ascii bool
}

func (w *jsonWriter) value(v Value, depth int) error {
	if depth > maxData {
		return fmt.Errorf("%w: values nest deeper than %d", ErrLimit, maxData)
	}
	switch x := v.(type) {
	case nil:
		return w.add("null")
	case bool:
		return w.add(strings.ToLower(scalar(x)))
	case int64:
		return w.add(scalar(x))
	case float64:
		return w.add(jsonFloat(x))
	case string:
		return w.add(jsonString(x, w.ascii))
	case *list:
		return w.group("[", "]", len(x.items), depth, func(i int) error { return w.value(x.items[i], depth+1) })
	case *dict:
		return w.dict(x, depth)
	}
	return fmt.Errorf("%s has no JSON", kindOf(v))
}

func (w *jsonWriter) dict(d *dict, depth int) error {
	order := make([]int, len(d.keys))
	names := make([]string, len(d.keys))
	for i, key := range d.keys {
		order[i] = i
		switch k := key.(type) {
		case string:
			names[i] = k
		case nil:
			names[i] = "null"
		case bool:
			names[i] = strings.ToLower(scalar(k))
		default:
			names[i] = scalar(k)
		}
	}
	if w.sortKeys {
		slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(names[a], names[b]) })
	}
	return w.group("{", "}", len(order), depth, func(i int) error {
		if err := w.add(jsonString(names[order[i]], w.ascii) + w.colon); err != nil {
			return err
		}
		return w.value(d.values[order[i]], depth+1)
	})
}

// group writes n items between brackets.
func (w *jsonWriter) group(open, end string, n, depth int, item func(i int) error) error {
	if n == 0 {
		return w.add(open + end)
	}
	separator := open
	for i := range n {
		if err := w.add(separator); err != nil {
			return err
		}
		if err := w.newLine(depth + 1); err != nil {
			return err
		}
		if err := item(i); err != nil {
			return err
		}
		separator = w.comma
	}
	if err := w.newLine(depth); err != nil {
		return err
	}
	return w.add(end)
}

func (w *jsonWriter) newLine(depth int) error {
	if !w.lines {
		return nil
	}
	if err := w.spend(len(w.indent) * depth); err != nil {
		return err
	}
	return w.add("\n" + strings.Repeat(w.indent, depth))
}

func jsonFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return formatFloat(f)
}

var jsonEscapes = map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}

func jsonString(text string, ascii bool) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		escape, known := jsonEscapes[r]
		switch {
		case known:
			b.WriteString(escape)
		case r < 0x20 || ascii && r > 0x7e && r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		case ascii && r >= 0x10000:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
