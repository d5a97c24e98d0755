package jinja

import (
	"fmt"
	"unicode/utf8"
)

// eval looks for a method or attribute of that name, then for an item, as Jinja
// does with a dot.
func (n *attributeExpression) eval(s *state) (Value, error) {
	of, err := s.eval(n.of)
	if err != nil {
		return nil, err
	}
	return s.attribute(of, n.name)
}

func (s *state) attribute(of Value, name string) (Value, error) {
	switch x := of.(type) {
	case undefined:
		return nil, x.err()
	case string:
		if err := s.read(x); err != nil { // for the method
			return nil, err
		}
		if stringMethods[name] != nil {
			return &function{name, func(s *state, a arguments) (Value, error) { return stringMethods[name](s, x, a) }}, nil
		}
	case *list:
		if listMethods[name] != nil {
			return &function{name, func(s *state, a arguments) (Value, error) { return listMethods[name](s, x, a) }}, nil
		}
	case *dict:
		if dictMethods[name] != nil {
			return &function{name, func(s *state, a arguments) (Value, error) { return dictMethods[name](s, x, a) }}, nil
		}
		if v, ok := x.get(name); ok {
			return v, nil
		}
	case *namespace:
		if v, ok := x.attributes.get(name); ok {
			return v, nil
		}
	case *loop:
		if v, ok := x.attribute(name); ok {
			return v, nil
		}
	}
	return undefined{fmt.Sprintf("%s has no attribute %q", kindOf(of), name)}, nil
}

// eval looks for an item, then for a method, as Jinja does with brackets.
func (n *itemExpression) eval(s *state) (Value, error) {
	of, err := s.eval(n.of)
	if err != nil {
		return nil, err
	}
	key, err := s.eval(n.key)
	if err != nil {
		return nil, err
	}
	return s.item(of, key)
}

func (s *state) item(of, key Value) (Value, error) {
	if err := s.read(key); err != nil {
		return nil, err
	}
	if x, ok := of.(undefined); ok {
		return nil, x.err()
	}
	if d, ok := of.(*dict); ok {
		if v, ok := d.get(key); ok {
			return v, nil
		}
	}
	if i, _, isInt, _ := number(key); isInt {
		if v, ok, err := s.at(of, i); ok || err != nil {
			return v, err
		}
	}
	if name, ok := key.(string); ok {
		return s.attribute(of, name)
	}
	text, err := s.text(key)
	return undefined{fmt.Sprintf("%s has no element %s", kindOf(of), text)}, err
}

// at returns item i of a list or a string, from the end where i is negative.
func (s *state) at(of Value, i int64) (v Value, ok bool, err error) {
	switch x := of.(type) {
	case *list:
		if i < 0 {
			i += int64(len(x.items))
		}
		if i >= 0 && i < int64(len(x.items)) {
			return x.items[i], true, nil
		}
	case string:
		if err := s.spend(len(x)); err != nil {
			return nil, false, err
		}
		if i < 0 {
			i += int64(utf8.RuneCountInString(x))
		}
		for _, r := range x {
			if i == 0 {
				return string(r), true, nil
			}
			i--
		}
	}
	return nil, false, nil
}

// attribute returns what loop.name is.
func (l *loop) attribute(name string) (Value, bool) {
	n := len(l.items)
	switch name {
	case "index":
		return int64(l.at + 1), true
	case "index0":
		return int64(l.at), true
	case "revindex":
		return int64(n - l.at), true
	case "revindex0":
		return int64(n - l.at - 1), true
	case "first":
		return l.at == 0, true
	case "last":
		return l.at == n-1, true
	case "length":
		return int64(n), true
	case "depth":
		return int64(1), true
	case "depth0":
		return int64(0), true
	case "previtem":
		if l.at == 0 {
			return undefined{"there is no previous item"}, true
		}
		return l.items[l.at-1], true
	case "nextitem":
		if l.at == n-1 {
			return undefined{"there is no next item"}, true
		}
		return l.items[l.at+1], true
	case "cycle":
		return &function{name, l.cycle}, true
	case "changed":
		return &function{name, l.hasChanged}, true
	}
	return nil, false
}

func (l *loop) cycle(_ *state, a arguments) (Value, error) {
	if len(a.positional) == 0 {
		return nil, fmt.Errorf("no items to cycle")
	}
	return a.positional[l.at%len(a.positional)], nil
}

func (l *loop) hasChanged(s *state, a arguments) (Value, error) {
	now := &list{items: a.positional, tuple: true}
	same, err := s.equal(now, l.changed, 0)
	if !same {
		l.changed = now
	}
	return !same, err
}

func (n *sliceExpression) eval(s *state) (Value, error) {
	values, err := s.evalAll([]expression{n.of, orNone(n.from), orNone(n.until), orNone(n.step)})
	if err != nil {
		return nil, err
	}
	var bounds [3]*int64
	for i, v := range values[1:] {
		if v != nil {
			j, err := integer(v)
			if err != nil {
				return nil, err
			}
			bounds[i] = &j
		}
	}
	switch x := values[0].(type) {
	case *list:
		at, err := places(len(x.items), bounds)
		if err != nil {
			return nil, err
		}
		items := make([]Value, len(at))
		for i, j := range at {
			items[i] = x.items[j]
		}
		return &list{items: items, tuple: x.tuple}, s.spend(nodeCost * len(items))
	case string:
		if err := s.spend(nodeCost * len(x)); err != nil {
			return nil, err
		}
		runes := []rune(x)
		at, err := places(len(runes), bounds)
		if err != nil {
			return nil, err
		}
		out := make([]rune, len(at))
		for i, j := range at {
			out[i] = runes[j]
		}
		return string(out), nil
	case undefined:
		return nil, x.err()
	}
	return nil, fmt.Errorf("%s cannot be sliced", kindOf(values[0]))
}

func orNone(e expression) expression {
	if e == nil {
		return &constantExpression{}
	}
	return e
}

// places returns the indices that a slice of n items takes: from, until and step
// as in Python, nil where left out.
func places(n int, bounds [3]*int64) ([]int, error) {
	step := int64(1)
	if bounds[2] != nil {
		step = *bounds[2]
	}
	if step == 0 {
		return nil, fmt.Errorf("a slice of step 0")
	}
	low, high, from, until := int64(0), int64(n), int64(0), int64(n)
	if step < 0 {
		low, high = -1, int64(n-1)
		from, until = high, low
	}
	clip := func(b *int64, otherwise int64) int64 {
		if b == nil {
			return otherwise
		}
		at := *b
		if at < 0 {
			at += int64(n)
		}
		return min(max(at, low), high)
	}
	from, until = clip(bounds[0], from), clip(bounds[1], until)
	var at []int
	for i := from; step > 0 && i < until || step < 0 && i > until; i += step {
		at = append(at, int(i))
		if len(at) >= n {
			break
		}
	}
	return at, nil
}
