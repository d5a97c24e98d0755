package jinja

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// filterFunction is a filter: its input and further arguments.
type filterFunction func(s *state, in Value, a arguments) (Value, error)

// filters are those of Jinja that chat templates use. It is filled by init, as
// map and select call others by name.
var filters map[string]filterFunction

func init() {
	filters = map[string]filterFunction{
		"abs": absFilter, "batch": batchFilter, "capitalize": textFilter(capitalize), "count": lengthFilter,
		"d": defaultFilter, "default": defaultFilter, "dictsort": dictsortFilter, "e": textFilter(escape), "escape": textFilter(escape),
		"first": endFilter(0), "float": floatFilter, "format": formatFilter, "indent": indentFilter, "int": intFilter,
		"items": itemsFilter, "join": joinFilter, "last": endFilter(-1), "length": lengthFilter, "list": listFilter,
		"lower": textFilter(lower), "map": mapFilter, "max": extremeFilter(1), "min": extremeFilter(-1),
		"reject": selectFilter(false, false), "rejectattr": selectFilter(true, false), "replace": replaceFilter,
		"reverse": reverseFilter, "round": roundFilter, "safe": textFilter(func(t string) string { return t }),
		"select": selectFilter(false, true), "selectattr": selectFilter(true, true), "sort": sortFilter,
		"string": textFilter(func(t string) string { return t }), "sum": sumFilter, "title": textFilter(titleWords),
		"tojson": tojsonFilter, "trim": trimFilter, "unique": uniqueFilter, "upper": textFilter(upper),
		"wordcount": wordcountFilter,
	}
}

func (s *state) filter(name string, in Value, a arguments) (Value, error) {
	f := filters[name]
	if f == nil {
		return nil, fmt.Errorf("filter %q is not supported", name)
	}
	v, err := f(s, in, a)
	if err != nil {
		return nil, fmt.Errorf("filter %s: %w", name, err)
	}
	return v, nil
}

// textFilter makes a filter of a function on texts, without arguments.
func textFilter(change func(string) string) filterFunction {
	return func(s *state, in Value, a arguments) (Value, error) {
		if _, err := a.bind(0); err != nil {
			return nil, err
		}
		text, err := s.text(in)
		if err != nil {
			return nil, err
		}
		out := change(text)
		return out, s.spend(len(text) + len(out))
	}
}

func capitalize(text string) string {
	_, n := utf8.DecodeRuneInString(text)
	return title(text[:n]) + lower(text[n:])
}

var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace

// titleWords is Jinja's title: words end at blanks, hyphens and brackets.
func titleWords(text string) string {
	var b strings.Builder
	begins := true
	for _, r := range text {
		if begins {
			b.WriteString(upper(string(r)))
		} else {
			b.WriteString(lower(string(r)))
		}
		begins = isSpace(r) || strings.ContainsRune("-({[<", r)
	}
	return b.String()
}

func absFilter(_ *state, in Value, _ arguments) (Value, error) {
	i, f, isInt, ok := number(in)
	switch {
	case !ok:
		return nil, fmt.Errorf("%s is no number", kindOf(in))
	case isInt && i < 0:
		return subtract(0, i)
	case isInt:
		return i, nil
	}
	return math.Abs(f), nil
}

func lengthFilter(s *state, in Value, _ arguments) (Value, error) {
	switch x := in.(type) {
	case string:
		return int64(len([]rune(x))), s.spend(len(x))
	case *namespace, *function, *loop:
		return nil, fmt.Errorf("%s has no length", kindOf(in))
	}
	items, err := s.iterate(in)
	return int64(len(items)), err
}

func defaultFilter(_ *state, in Value, a arguments) (Value, error) {
	v, err := a.bind(0, "default_value", "boolean")
	if err != nil {
		return nil, err
	}
	_, lacks := in.(undefined)
	if !lacks && !(given(v[1]) && truth(v[1]) && !truth(in)) {
		return in, nil
	}
	if !given(v[0]) {
		return "", nil
	}
	return v[0], nil
}

// endFilter returns the first or the last item.
func endFilter(at int64) filterFunction {
	return func(s *state, in Value, _ arguments) (Value, error) {
		items, err := s.iterate(in)
		if err != nil {
			return nil, err
		}
		if len(items) == 0 {
			return undefined{"no such item: the sequence is empty"}, nil
		}
		v, _, err := s.at(&list{items: items}, at)
		return v, err
	}
}

func floatFilter(s *state, in Value, a arguments) (Value, error) {
	v, err := a.bind(0, "default")
	if err != nil {
		return nil, err
	}
	if _, f, _, ok := number(in); ok {
		return f, nil
	}
	if text, ok := in.(string); ok {
		if f, err := strconv.ParseFloat(trimSpace(text), 64); err == nil || errors.Is(err, strconv.ErrRange) {
			return f, nil
		}
	}
	if given(v[0]) {
		return v[0], nil
	}
	return 0.0, nil
}

func intFilter(s *state, in Value, a arguments) (Value, error) {
	v, err := a.bind(0, "default", "base")
	if err != nil {
		return nil, err
	}
	base, err := integerOr(v[1], 10)
	if err != nil {
		return nil, err
	}
	text, isText := in.(string)
	if isText && (base == 0 || base >= 2 && base <= 36) {
		if i, err := strconv.ParseInt(withoutPrefix(trimSpace(text), base), int(base), 64); err == nil {
			return i, nil
		}
	}
	if i, _, isInt, _ := number(in); isInt {
		return i, nil
	}
	f, ok := in.(float64)
	if isText {
		var err error
		f, err = strconv.ParseFloat(trimSpace(text), 64)
		ok = err == nil
	}
	if ok && math.Abs(f) < 1<<63 {
		return int64(f), nil
	}
	if given(v[0]) {
		return v[0], nil
	}
	return int64(0), nil
}

// withoutPrefix cuts what names the base of a number where the base is given.
func withoutPrefix(text string, base int64) string {
	for prefix, of := range map[string]int64{"0x": 16, "0X": 16, "0o": 8, "0O": 8, "0b": 2, "0B": 2} {
		if base == of {
			text = strings.TrimPrefix(text, prefix)
		}
	}
	return text
}

func roundFilter(_ *state, in Value, a arguments) (Value, error) {
	v, err := a.bind(0, "precision", "method")
	if err != nil {
		return nil, err
	}
	_, f, isInt, ok := number(in)
	if !ok {
		return nil, fmt.Errorf("%s is no number", kindOf(in))
	}
	precision, err := integerOr(v[0], 0)
	if err != nil {
		return nil, err
	}
	method, err := textOr(v[1], "common")
	if err != nil {
		return nil, err
	}
	scale := math.Pow(10, float64(precision))
	switch method {
	case "ceil":
		return math.Ceil(f*scale) / scale, nil
	case "floor":
		return math.Floor(f*scale) / scale, nil
	case "common":
		if isInt || precision < 0 || precision > 300 {
			return in, nil
		}
		f, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', int(precision), 64), 64) // rounds exactly, halves to even
		return f, err
	}
	return nil, fmt.Errorf("there is no method %q", method)
}

func indentFilter(s *state, in Value, a arguments) (Value, error) {
	v, err := a.bind(0, "width", "first", "blank")
	if err != nil {
		return nil, err
	}
	text, ok := in.(string)
	if !ok {
		return nil, fmt.Errorf("%s is no string", kindOf(in))
	}
	by, ok := v[0].(string)
	if !ok {
		width, err := integerOr(v[0], 4)
		if err != nil {
			return nil, err
		}
		indent, err := s.repeat(" ", width)
		if err != nil {
			return nil, err
		}
		by = indent.(string)
	}
	blank := given(v[2]) && truth(v[2])
	lines := splitLines(text+"\n", false)
	if err := s.spend(len(text) + len(by)*len(lines)); err != nil {
		return nil, err
	}
	for i := range lines {
		if i > 0 && (blank || lines[i] != "") || i == 0 && given(v[1]) && truth(v[1]) {
			lines[i] = by + lines[i]
		}
	}
	return strings.Join(lines, "\n"), nil
}

func replaceFilter(s *state, in Value, a arguments) (Value, error) {
	text, err := s.text(in)
	if err != nil {
		return nil, err
	}
	return replaceMethod(s, text, a)
}

func trimFilter(s *state, in Value, a arguments) (Value, error) {
	text, err := s.text(in)
	if err != nil {
		return nil, err
	}
	return stringMethods["strip"](s, text, a)
}

func wordcountFilter(s *state, in Value, _ arguments) (Value, error) {
	text, err := s.text(in)
	return int64(len(strings.FieldsFunc(text, func(r rune) bool { return !isWord(r) }))), errors.Join(err, s.spend(len(text)))
}

func formatFilter(s *state, in Value, a arguments) (Value, error) {
	text, err := s.text(in)
	if err != nil {
		return nil, err
	}
	if len(a.named) == 0 {
		return s.percent(text, &list{items: a.positional, tuple: true})
	}
	d := &dict{}
	for _, named := range a.named {
		if err := d.set(named.name, named.value); err != nil {
			return nil, err
		}
	}
	return s.percent(text, d)
}

func tojsonFilter(s *state, in Value, a arguments) (Value, error) {
	v, err := a.bind(0, "ensure_ascii", "indent", "separators", "sort_keys")
	if err != nil {
		return nil, err
	}
	w := &jsonWriter{writer: writer{run: s.run}, comma: ", ", colon: ": ", ascii: given(v[0]) && truth(v[0]), sortKeys: given(v[3]) && truth(v[3])}
	if given(v[1]) && v[1] != nil {
		w.lines, w.comma = true, ","
		text, isText := v[1].(string)
		if !isText {
			width, err := integer(v[1])
			if err != nil {
				return nil, err
			}
			text = strings.Repeat(" ", int(min(max(width, 0), maxData)))
		}
		w.indent = text
	}
	if given(v[2]) && v[2] != nil {
		pair, err := s.iterate(v[2])
		if err != nil {
			return nil, err
		}
		var ok, ok2 bool
		if len(pair) == 2 {
			w.comma, ok = pair[0].(string)
			w.colon, ok2 = pair[1].(string)
		}
		if !ok || !ok2 {
			return nil, errors.New("separators are two strings")
		}
	}
	err = w.value(in, 0)
	return w.String(), err
}

func itemsFilter(s *state, in Value, _ arguments) (Value, error) {
	if _, ok := in.(undefined); ok {
		return s.newList(nil)
	}
	d, ok := in.(*dict)
	if !ok {
		return nil, fmt.Errorf("%s is no mapping", kindOf(in))
	}
	return s.newList(d.pairs())
}

func listFilter(s *state, in Value, _ arguments) (Value, error) {
	items, err := s.iterate(in)
	if err != nil {
		return nil, err
	}
	return s.newList(slices.Clone(items))
}

func reverseFilter(s *state, in Value, _ arguments) (Value, error) {
	items, err := s.iterate(in)
	if err != nil {
		return nil, err
	}
	items = slices.Clone(items)
	slices.Reverse(items)
	if _, ok := in.(string); ok {
		var b strings.Builder
		for _, r := range items {
			b.WriteString(r.(string))
		}
		return b.String(), nil
	}
	return s.newList(items)
}
