package jinja

import (
	"fmt"
	"math"
	"strconv"
)

// Value is what a variable holds: nil, bool, int64, float64, string, or a list,
// tuple, dict, namespace, function or loop of this package. FromJSON makes
// values of data.
type Value any

// undefined is the value of a name or an attribute that is not there. what says
// which, for the error where it is used.
type undefined struct{ what string }

func (u undefined) err() error { return fmt.Errorf("%s", u.what) }

// list is a list or a tuple. Its items do not change.
type list struct {
	items []Value
	tuple bool
}

// dict is a mapping in the order of insertion.
type dict struct {
	keys, values []Value
	index        map[Value]int
}

// namespace is what a template may set attributes of.
type namespace struct{ attributes dict }

// loop is the variable of a loop under way.
type loop struct {
	items   []Value
	at      int
	changed Value // arguments of the last call of changed, or nil
}

// function is a macro, a method or a global.
type function struct {
	name string
	call func(s *state, a arguments) (Value, error)
}

// keyOf returns the value under which a dict files a key: equal numbers are one
// key.
func keyOf(v Value) (Value, error) {
	switch x := v.(type) {
	case bool:
		return int64(count(x)), nil
	case float64:
		if i := int64(x); float64(i) == x {
			return i, nil
		}
		return x, nil
	case nil, int64, string:
		return v, nil
	}
	return nil, fmt.Errorf("%s cannot be a key", kindOf(v))
}

func (d *dict) get(key Value) (Value, bool) {
	k, err := keyOf(key)
	if err != nil {
		return nil, false
	}
	i, ok := d.index[k]
	if !ok {
		return nil, false
	}
	return d.values[i], true
}

func (d *dict) set(key, v Value) error {
	k, err := keyOf(key)
	if err != nil {
		return err
	}
	if i, ok := d.index[k]; ok {
		d.values[i] = v
		return nil
	}
	if d.index == nil {
		d.index = map[Value]int{}
	}
	d.index[k] = len(d.keys)
	d.keys, d.values = append(d.keys, key), append(d.values, v)
	return nil
}

// pairs returns the entries as tuples.
func (d *dict) pairs() []Value {
	out := make([]Value, len(d.keys))
	for i := range d.keys {
		out[i] = &list{items: []Value{d.keys[i], d.values[i]}, tuple: true}
	}
	return out
}

// kindOf names the type of a value as Python does.
func kindOf(v Value) string {
	switch x := v.(type) {
	case nil:
		return "None"
	case bool:
		return "bool"
	case int64:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case *list:
		if x.tuple {
			return "tuple"
		}
		return "list"
	case *dict:
		return "dict"
	case *namespace:
		return "Namespace"
	case *function:
		return "function"
	case *loop:
		return "LoopContext"
	}
	return "Undefined"
}

// truth is Python's bool of a value.
func truth(v Value) bool {
	switch x := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return x
	case int64:
		return x != 0
	case float64:
		return x != 0
	case string:
		return x != ""
	case *list:
		return len(x.items) > 0
	case *dict:
		return len(x.keys) > 0
	}
	return true
}

// number returns a value as a number: bools count.
func number(v Value) (i int64, f float64, isInt, ok bool) {
	switch x := v.(type) {
	case bool:
		return int64(count(x)), float64(count(x)), true, true
	case int64:
		return x, float64(x), true, true
	case float64:
		return 0, x, false, true
	}
	return 0, 0, false, false
}

// integer returns a value that must be a whole number.
func integer(v Value) (int64, error) {
	i, _, isInt, _ := number(v)
	if !isInt {
		return 0, fmt.Errorf("expected a whole number and got %s", kindOf(v))
	}
	return i, nil
}

// iterate returns what a loop over v goes through.
func (s *state) iterate(v Value) ([]Value, error) {
	var items []Value
	switch x := v.(type) {
	case undefined:
	case *list:
		return x.items, nil
	case *dict:
		return x.keys, nil
	case string:
		if err := s.spend(nodeCost * len(x)); err != nil {
			return nil, err
		}
		for _, r := range x {
			items = append(items, string(r))
		}
	default:
		return nil, fmt.Errorf("%s cannot be iterated", kindOf(v))
	}
	return items, nil
}

// newList makes a list, which costs.
func (s *state) newList(items []Value) (Value, error) {
	return &list{items: items}, s.spend(nodeCost * len(items))
}

// formatFloat is Python's repr of a float.
func formatFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if math.Trunc(f) == f {
		text += ".0"
	}
	return text
}
