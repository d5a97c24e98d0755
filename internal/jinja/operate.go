package jinja

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
)

// operate applies an arithmetic operator.
func (s *state) operate(operator string, left, right Value) (Value, error) {
	for _, v := range []Value{left, right} {
		if u, ok := v.(undefined); ok {
			return nil, u.err()
		}
	}
	if text, ok := left.(string); ok {
		switch r := right.(type) {
		case string:
			if operator == "+" {
				return text + r, s.spend(len(text) + len(r))
			}
		case int64:
			if operator == "*" {
				return s.repeat(text, r)
			}
		}
		if operator == "%" {
			return s.percent(text, right)
		}
	}
	if l, ok := left.(*list); ok {
		if r, ok := right.(*list); ok && operator == "+" && l.tuple == r.tuple {
			items := append(append(make([]Value, 0, len(l.items)+len(r.items)), l.items...), r.items...)
			return &list{items: items, tuple: l.tuple}, s.spend(nodeCost * len(items))
		}
	}
	i, f, isInt, ok := number(left)
	j, g, isInt2, ok2 := number(right)
	switch {
	case !ok || !ok2:
		return nil, fmt.Errorf("%s between %s and %s", operator, kindOf(left), kindOf(right))
	case isInt && isInt2 && operator != "/":
		return operateInts(operator, i, j)
	}
	return operateFloats(operator, f, g)
}

func (s *state) repeat(text string, n int64) (Value, error) {
	n = max(n, 0)
	if n > 0 && int64(len(text)) > DefaultBudget/n {
		return nil, s.spend(math.MaxInt)
	}
	if err := s.spend(len(text) * int(n)); err != nil {
		return nil, err
	}
	return strings.Repeat(text, int(n)), nil
}

var errDivision = errors.New("division by zero")

func subtract(i, j int64) (Value, error) { return operateInts("-", i, j) }

// operateInts computes on whole numbers, exactly or not at all.
func operateInts(operator string, i, j int64) (Value, error) {
	a, b, out := big.NewInt(i), big.NewInt(j), new(big.Int)
	switch operator {
	case "+":
		out.Add(a, b)
	case "-":
		out.Sub(a, b)
	case "*":
		out.Mul(a, b)
	case "//", "%":
		if j == 0 {
			return nil, errDivision
		}
		quotient, rest := out.QuoRem(a, b, new(big.Int))
		if rest.Sign() != 0 && rest.Sign() != b.Sign() { // Python rounds down
			quotient.Sub(quotient, big.NewInt(1))
			rest.Add(rest, b)
		}
		if operator == "%" {
			out = rest
		}
	case "**":
		if j < 0 {
			return operateFloats(operator, float64(i), float64(j))
		}
		if math.Abs(float64(i)) > 1 && j > 64 {
			return nil, errors.New("a whole number does not fit 64 bits")
		}
		out.Exp(a, b, nil)
	}
	if !out.IsInt64() {
		return nil, errors.New("a whole number does not fit 64 bits")
	}
	return out.Int64(), nil
}

func operateFloats(operator string, f, g float64) (Value, error) {
	switch operator {
	case "+":
		return f + g, nil
	case "-":
		return f - g, nil
	case "*":
		return f * g, nil
	case "**":
		return math.Pow(f, g), nil
	}
	if g == 0 {
		return nil, errDivision
	}
	rest := math.Mod(f, g)
	if rest != 0 && (rest < 0) != (g < 0) {
		rest += g
	}
	switch operator {
	case "/":
		return f / g, nil
	case "%":
		return rest, nil
	}
	return math.Floor((f-rest)/g + 0.5), nil
}

// compare applies an operator of comparison or membership.
func (s *state) compare(operator string, left, right Value) (bool, error) {
	switch operator {
	case "==":
		return s.equal(left, right, 0)
	case "!=":
		equal, err := s.equal(left, right, 0)
		return !equal, err
	case "in":
		return s.contains(right, left)
	case "not in":
		holds, err := s.contains(right, left)
		return !holds, err
	}
	order, err := s.order(left, right, 0)
	if err != nil {
		return false, err
	}
	switch operator {
	case "<":
		return order == -1, nil
	case "<=":
		return order == -1 || order == 0, nil
	case ">":
		return order > 0, nil
	}
	return order >= 0, nil
}

func (s *state) equal(a, b Value, depth int) (bool, error) {
	if err := s.spend(nodeCost); err != nil {
		return false, err
	}
	if depth > maxData {
		return false, fmt.Errorf("%w: values nest deeper than %d", ErrLimit, maxData)
	}
	if i, f, isInt, ok := number(a); ok {
		j, g, isInt2, ok2 := number(b)
		return ok2 && (isInt && isInt2 && i == j || !(isInt && isInt2) && f == g), nil
	}
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		return ok && x == y, s.spend(len(x))
	case undefined:
		_, ok := b.(undefined)
		return ok, nil
	case *list:
		y, ok := b.(*list)
		if !ok || x.tuple != y.tuple || len(x.items) != len(y.items) {
			return false, nil
		}
		for i := range x.items {
			if same, err := s.equal(x.items[i], y.items[i], depth+1); err != nil || !same {
				return false, err
			}
		}
		return true, nil
	case *dict:
		y, ok := b.(*dict)
		if !ok || len(x.keys) != len(y.keys) {
			return false, nil
		}
		for i, key := range x.keys {
			other, ok := y.get(key)
			if !ok {
				return false, nil
			}
			if same, err := s.equal(x.values[i], other, depth+1); err != nil || !same {
				return false, err
			}
		}
		return true, nil
	}
	return a == b, nil
}

// unordered is the order of a NaN and a number.
const unordered = -2

// order returns -1, 0 or 1 as a is less than, equal to or more than b.
func (s *state) order(a, b Value, depth int) (int, error) {
	if err := s.spend(nodeCost); err != nil {
		return 0, err
	}
	if depth > maxData {
		return 0, fmt.Errorf("%w: values nest deeper than %d", ErrLimit, maxData)
	}
	i, f, isInt, ok := number(a)
	j, g, isInt2, ok2 := number(b)
	if ok && ok2 {
		return orderNumbers(i, j, f, g, isInt && isInt2), nil
	}
	switch x := a.(type) {
	case undefined:
		return 0, x.err()
	case string:
		if y, ok := b.(string); ok {
			return strings.Compare(x, y), s.spend(min(len(x), len(y)))
		}
	case *list:
		if y, ok := b.(*list); ok && x.tuple == y.tuple {
			return s.orderLists(x.items, y.items, depth)
		}
	}
	if u, ok := b.(undefined); ok {
		return 0, u.err()
	}
	return 0, fmt.Errorf("%s and %s have no order", kindOf(a), kindOf(b))
}

func orderNumbers(i, j int64, f, g float64, ints bool) int {
	switch {
	case ints && i < j, !ints && f < g:
		return -1
	case ints && i == j, !ints && f == g:
		return 0
	case ints || f > g:
		return 1
	}
	return unordered
}

func (s *state) orderLists(a, b []Value, depth int) (int, error) {
	for i := range min(len(a), len(b)) {
		same, err := s.equal(a[i], b[i], depth+1)
		if err != nil {
			return 0, err
		}
		if !same {
			return s.order(a[i], b[i], depth+1)
		}
	}
	return orderNumbers(int64(len(a)), int64(len(b)), 0, 0, true), nil
}

// contains is Python's in.
func (s *state) contains(holder, v Value) (bool, error) {
	switch x := holder.(type) {
	case string:
		part, ok := v.(string)
		if !ok {
			return false, fmt.Errorf("%s in a string", kindOf(v))
		}
		return strings.Contains(x, part), s.spend(len(x))
	case *dict:
		if _, err := keyOf(v); err != nil {
			return false, err
		}
		_, ok := x.get(v)
		return ok, nil
	}
	items, err := s.iterate(holder)
	if err != nil {
		return false, err
	}
	for _, item := range items {
		if same, err := s.equal(item, v, 0); err != nil || same {
			return same, err
		}
	}
	return false, nil
}
