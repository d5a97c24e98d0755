package jinja

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// byAttribute returns a function that looks a path like "function.name" up in a
// value; without an attribute it returns the value.
func (s *state) byAttribute(attribute Value) func(Value) (Value, error) {
	if !given(attribute) || attribute == nil {
		return func(v Value) (Value, error) { return v, nil }
	}
	path := []Value{attribute}
	if text, ok := attribute.(string); ok {
		path = nil
		for part := range strings.SplitSeq(text, ".") {
			if i, err := strconv.ParseInt(part, 10, 64); err == nil {
				path = append(path, i)
			} else {
				path = append(path, part)
			}
		}
	}
	return func(v Value) (Value, error) {
		var err error
		for _, key := range path {
			if v, err = s.item(v, key); err != nil {
				return nil, err
			}
		}
		return v, nil
	}
}

// foldCase makes strings comparable without regard to case.
func foldCase(v Value) Value {
	if text, ok := v.(string); ok {
		return lower(text)
	}
	return v
}

// sorted sorts items by keys, stably.
func (s *state) sorted(items []Value, key func(Value) (Value, error), foldsCase, reverse bool) ([]Value, error) {
	type keyed struct{ item, key Value }
	all := make([]keyed, len(items))
	for i, item := range items {
		k, err := key(item)
		if err != nil {
			return nil, err
		}
		if foldsCase {
			k = foldCase(k)
		}
		all[i] = keyed{item, k}
	}
	var failure error
	slices.SortStableFunc(all, func(a, b keyed) int {
		if failure != nil {
			return 0
		}
		order, err := s.order(a.key, b.key, 0)
		failure = err
		if order == unordered {
			order = 0
		}
		if reverse {
			order = -order
		}
		return order
	})
	out := make([]Value, len(all))
	for i := range all {
		out[i] = all[i].item
	}
	return out, failure
}

func sortFilter(s *state, in Value, a arguments) (Value, error) {
	v, err := a.bind(0, "reverse", "case_sensitive", "attribute")
	if err != nil {
		return nil, err
	}
	items, err := s.iterate(in)
	if err != nil {
		return nil, err
	}
	items, err = s.sorted(items, s.byAttribute(v[2]), !(given(v[1]) && truth(v[1])), given(v[0]) && truth(v[0]))
	if err != nil {
		return nil, err
	}
	return s.newList(items)
}

func dictsortFilter(s *state, in Value, a arguments) (Value, error) {
	v, err := a.bind(0, "case_sensitive", "by", "reverse")
	if err != nil {
		return nil, err
	}
	d, ok := in.(*dict)
	if !ok {
		return nil, fmt.Errorf("%s is no mapping", kindOf(in))
	}
	by, err := textOr(v[1], "key")
	if err != nil {
		return nil, err
	}
	place := int64(0)
	switch by {
	case "key":
	case "value":
		place = 1
	default:
		return nil, fmt.Errorf("sort by key or value, not %q", by)
	}
	items, err := s.sorted(d.pairs(), s.byAttribute(place), !(given(v[0]) && truth(v[0])), given(v[2]) && truth(v[2]))
	if err != nil {
		return nil, err
	}
	return s.newList(items)
}

func joinFilter(s *state, in Value, a arguments) (Value, error) {
	v, err := a.bind(0, "d", "attribute")
	if err != nil {
		return nil, err
	}
	separator := ""
	if given(v[0]) {
		if separator, err = s.text(v[0]); err != nil {
			return nil, err
		}
	}
	items, err := s.iterate(in)
	if err != nil {
		return nil, err
	}
	key := s.byAttribute(v[1])
	var b strings.Builder
	for i, item := range items {
		if item, err = key(item); err != nil {
			return nil, err
		}
		text, err := s.text(item)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			text = separator + text
		}
		if err := s.spend(len(text)); err != nil {
			return nil, err
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

// mapFilter applies a filter to every item, or takes an attribute of each.
func mapFilter(s *state, in Value, a arguments) (Value, error) {
	apply := func(item Value) (Value, error) { return nil, nil }
	if len(a.positional) == 0 {
		v, err := a.bind(0, "attribute", "default")
		if err != nil {
			return nil, err
		}
		key := s.byAttribute(v[0])
		apply = func(item Value) (Value, error) {
			out, err := key(item)
			if _, lacks := out.(undefined); lacks && given(v[1]) {
				return v[1], err
			}
			return out, err
		}
	} else {
		name, ok := a.positional[0].(string)
		if !ok {
			return nil, errors.New("expected the name of a filter")
		}
		rest := arguments{a.positional[1:], a.named}
		apply = func(item Value) (Value, error) { return s.filter(name, item, rest) }
	}
	return s.each(in, func(item Value) (Value, bool, error) {
		v, err := apply(item)
		return v, true, err
	})
}

// each returns what change makes of the items that it keeps.
func (s *state) each(in Value, change func(Value) (v Value, keep bool, err error)) (Value, error) {
	items, err := s.iterate(in)
	if err != nil {
		return nil, err
	}
	var out []Value
	for _, item := range items {
		v, keep, err := change(item)
		if err != nil {
			return nil, err
		}
		if err := s.spend(nodeCost); err != nil {
			return nil, err
		}
		if keep {
			out = append(out, v)
		}
	}
	return s.newList(out)
}

// selectFilter keeps the items, or with byAttribute those with an attribute, for
// which a test has the wanted result; without a test, truth.
func selectFilter(byAttribute, wanted bool) filterFunction {
	return func(s *state, in Value, a arguments) (Value, error) {
		key := s.byAttribute(missing{})
		if byAttribute {
			if len(a.positional) == 0 {
				return nil, errors.New("the name of an attribute is missing")
			}
			key = s.byAttribute(a.positional[0])
			a.positional = a.positional[1:]
		}
		holds := func(v Value) (bool, error) { return truth(v), nil }
		if len(a.positional) > 0 {
			name, ok := a.positional[0].(string)
			if !ok {
				return nil, errors.New("expected the name of a test")
			}
			rest := arguments{a.positional[1:], a.named}
			holds = func(v Value) (bool, error) { return s.test(name, v, rest) }
		}
		return s.each(in, func(item Value) (Value, bool, error) {
			v, err := key(item)
			if err != nil {
				return nil, false, err
			}
			is, err := holds(v)
			return item, is == wanted, err
		})
	}
}

// extremeFilter returns the largest item, or with sign -1 the smallest.
func extremeFilter(sign int) filterFunction {
	return func(s *state, in Value, a arguments) (Value, error) {
		v, err := a.bind(0, "case_sensitive", "attribute")
		if err != nil {
			return nil, err
		}
		items, err := s.iterate(in)
		if err != nil {
			return nil, err
		}
		if len(items) == 0 {
			return undefined{"no largest or smallest item: the sequence is empty"}, nil
		}
		items, err = s.sorted(items, s.byAttribute(v[1]), !(given(v[0]) && truth(v[0])), sign > 0)
		if err != nil {
			return nil, err
		}
		return items[0], nil
	}
}

func sumFilter(s *state, in Value, a arguments) (Value, error) {
	v, err := a.bind(0, "attribute", "start")
	if err != nil {
		return nil, err
	}
	items, err := s.iterate(in)
	if err != nil {
		return nil, err
	}
	key := s.byAttribute(v[0])
	var sum Value = int64(0)
	if given(v[1]) {
		sum = v[1]
	}
	for _, item := range items {
		if item, err = key(item); err != nil {
			return nil, err
		}
		if sum, err = s.operate("+", sum, item); err != nil {
			return nil, err
		}
	}
	return sum, nil
}

func uniqueFilter(s *state, in Value, a arguments) (Value, error) {
	v, err := a.bind(0, "case_sensitive", "attribute")
	if err != nil {
		return nil, err
	}
	key := s.byAttribute(v[1])
	seen := map[Value]bool{}
	return s.each(in, func(item Value) (Value, bool, error) {
		k, err := key(item)
		if err != nil {
			return nil, false, err
		}
		if !(given(v[0]) && truth(v[0])) {
			k = foldCase(k)
		}
		if k, err = keyOf(k); err != nil {
			return nil, false, err
		}
		fresh := !seen[k]
		seen[k] = true
		return item, fresh, nil
	})
}

func batchFilter(s *state, in Value, a arguments) (Value, error) {
	v, err := a.bind(1, "linecount", "fill_with")
	if err != nil {
		return nil, err
	}
	n, err := integer(v[0])
	if err != nil {
		return nil, err
	}
	if n < 1 {
		return nil, errors.New("a batch holds at least one item")
	}
	items, err := s.iterate(in)
	if err != nil {
		return nil, err
	}
	var out []Value
	for from := 0; from < len(items); from += int(min(n, int64(len(items)))) {
		part := slices.Clone(items[from:min(int64(len(items)), int64(from)+n)])
		for given(v[1]) && v[1] != nil && int64(len(part)) < n {
			if err := s.spend(nodeCost); err != nil {
				return nil, err
			}
			part = append(part, v[1])
		}
		out = append(out, &list{items: part})
	}
	return s.newList(out)
}
