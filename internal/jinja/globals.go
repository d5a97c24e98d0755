package jinja

import (
	"errors"
	"fmt"
	"strings"
)

// globals are the functions that every template has: those of transformers, and
// those of Jinja that chat templates call.
var globals = map[string]Value{
	"range":           &function{"range", makeRange},
	"dict":            &function{"dict", makeDict},
	"namespace":       &function{"namespace", makeNamespace},
	"raise_exception": &function{"raise_exception", raise},
	"strftime_now":    &function{"strftime_now", formatNow},
}

func makeRange(s *state, a arguments) (Value, error) {
	v, err := a.bind(1, "start", "stop", "step")
	if err != nil {
		return nil, err
	}
	from, err := integer(v[0])
	if err != nil {
		return nil, err
	}
	until, err := integerOr(v[1], from)
	if err != nil {
		return nil, err
	}
	if !given(v[1]) {
		from = 0
	}
	step, err := integerOr(v[2], 1)
	if err != nil {
		return nil, err
	}
	if step == 0 {
		return nil, errors.New("a range of step 0")
	}
	var items []Value
	for i := from; step > 0 && i < until || step < 0 && i > until; i += step {
		if err := s.spend(nodeCost); err != nil {
			return nil, err
		}
		items = append(items, i)
	}
	return &list{items: items}, nil
}

func makeDict(s *state, a arguments) (Value, error) {
	d := &dict{}
	for _, v := range a.positional {
		if from, ok := v.(*dict); ok {
			v = &list{items: from.pairs()}
		}
		pairs, err := s.iterate(v)
		if err != nil {
			return nil, err
		}
		for _, pair := range pairs {
			entry, err := s.iterate(pair)
			if err != nil {
				return nil, err
			}
			if len(entry) != 2 {
				return nil, errors.New("an entry of a dict is a key and a value")
			}
			if err := d.set(entry[0], entry[1]); err != nil {
				return nil, err
			}
		}
	}
	for _, named := range a.named {
		if err := d.set(named.name, named.value); err != nil {
			return nil, err
		}
	}
	return d, s.spend(nodeCost * len(d.keys))
}

func makeNamespace(s *state, a arguments) (Value, error) {
	v, err := makeDict(s, a)
	if err != nil {
		return nil, err
	}
	d := v.(*dict)
	for _, key := range d.keys {
		if name, ok := key.(string); ok && strings.HasPrefix(name, "_") {
			return nil, fmt.Errorf("an attribute %s: names with an underscore in front are not allowed", name)
		}
	}
	return &namespace{*d}, nil
}

func raise(s *state, a arguments) (Value, error) {
	v, err := a.bind(1, "message")
	if err != nil {
		return nil, err
	}
	text, err := s.text(v[0])
	if err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%w: %s", ErrRaised, text)
}

func formatNow(s *state, a arguments) (Value, error) {
	v, err := a.bind(1, "format")
	if err != nil {
		return nil, err
	}
	format, err := textOr(v[0], "")
	if err != nil {
		return nil, err
	}
	text, err := strftime(format, s.now)
	if err != nil {
		return nil, err
	}
	return text, s.spend(len(text))
}
