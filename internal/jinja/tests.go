package jinja

import (
	"fmt"
	"slices"
)

// testFunction is a test: what is tested and further arguments.
type testFunction func(s *state, v Value, a []Value) (bool, error)

// tests are those of Jinja, with the number of arguments that each takes.
var tests map[string]testFunction

var testArguments = map[string]int{
	"eq": 1, "equalto": 1, "==": 1, "ne": 1, "!=": 1, "lt": 1, "lessthan": 1, "<": 1, "le": 1, "<=": 1,
	"gt": 1, "greaterthan": 1, ">": 1, "ge": 1, ">=": 1, "in": 1, "sameas": 1, "divisibleby": 1,
}

func init() {
	tests = map[string]testFunction{
		"defined":     func(_ *state, v Value, _ []Value) (bool, error) { _, u := v.(undefined); return !u, nil },
		"undefined":   func(_ *state, v Value, _ []Value) (bool, error) { _, u := v.(undefined); return u, nil },
		"none":        func(_ *state, v Value, _ []Value) (bool, error) { return v == nil, nil },
		"true":        func(_ *state, v Value, _ []Value) (bool, error) { return v == true, nil },
		"false":       func(_ *state, v Value, _ []Value) (bool, error) { return v == false, nil },
		"boolean":     ofKind("bool"),
		"integer":     ofKind("int"),
		"float":       ofKind("float"),
		"number":      ofKind("int", "float", "bool"),
		"string":      ofKind("str"),
		"mapping":     ofKind("dict"),
		"sequence":    ofKind("str", "list", "tuple", "dict", "Undefined"),
		"iterable":    ofKind("str", "list", "tuple", "dict", "Undefined", "LoopContext"),
		"callable":    ofKind("function"),
		"odd":         func(_ *state, v Value, _ []Value) (bool, error) { i, err := integer(v); return i%2 != 0, err },
		"even":        func(_ *state, v Value, _ []Value) (bool, error) { i, err := integer(v); return i%2 == 0, err },
		"lower":       casedTest(lower, upper),
		"upper":       casedTest(upper, lower),
		"divisibleby": divisible,
		"sameas":      func(_ *state, v Value, a []Value) (bool, error) { return same(v, a[0]), nil },
		"filter":      func(_ *state, v Value, _ []Value) (bool, error) { n, _ := v.(string); return filters[n] != nil, nil },
		"test":        func(_ *state, v Value, _ []Value) (bool, error) { n, _ := v.(string); return tests[n] != nil, nil },
	}
	for operator, names := range map[string][]string{
		"==": {"eq", "equalto"}, "!=": {"ne"}, "<": {"lt", "lessthan"}, "<=": {"le"}, ">": {"gt", "greaterthan"}, ">=": {"ge"}, "in": nil,
	} {
		for _, name := range append(names, operator) {
			tests[name] = func(s *state, v Value, a []Value) (bool, error) { return s.compare(operator, v, a[0]) }
		}
	}
}

func (s *state) test(name string, v Value, a arguments) (bool, error) {
	f := tests[name]
	if f == nil {
		return false, fmt.Errorf("test %q is not supported", name)
	}
	if len(a.named) > 0 || len(a.positional) != testArguments[name] {
		return false, fmt.Errorf("test %s: %d arguments, it takes %d", name, len(a.positional)+len(a.named), testArguments[name])
	}
	holds, err := f(s, v, a.positional)
	if err != nil {
		return false, fmt.Errorf("test %s: %w", name, err)
	}
	return holds, nil
}

func ofKind(kinds ...string) testFunction {
	return func(_ *state, v Value, _ []Value) (bool, error) { return slices.Contains(kinds, kindOf(v)), nil }
}

// casedTest reports whether a text has letters with case, all of the one.
func casedTest(one, other func(string) string) testFunction {
	return func(s *state, v Value, _ []Value) (bool, error) {
		text, err := s.text(v)
		return text == one(text) && text != other(text), err
	}
}

func divisible(_ *state, v Value, a []Value) (bool, error) {
	i, err := integer(v)
	if err != nil {
		return false, err
	}
	j, err := integer(a[0])
	if err != nil {
		return false, err
	}
	if j == 0 {
		return false, errDivision
	}
	return i%j == 0, nil
}

// same is Python's is, for what templates compare by it: constants, and texts
// and numbers of one type and value.
func same(a, b Value) bool {
	if kindOf(a) != kindOf(b) {
		return false
	}
	if _, ok := a.(undefined); ok {
		return true
	}
	return a == b
}
