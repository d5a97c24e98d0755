package jinja

import (
	"fmt"
	"strings"
)

// eval returns the value of an expression.
func (s *state) eval(e expression) (Value, error) {
	if err := s.spend(nodeCost); err != nil {
		return nil, err
	}
	if s.depth++; s.depth > maxDepth {
		return nil, fmt.Errorf("%w: expressions nest deeper than %d", ErrLimit, maxDepth)
	}
	defer func() { s.depth-- }()
	return e.eval(s)
}

// evalAll returns the values of expressions.
func (s *state) evalAll(all []expression) ([]Value, error) {
	values := make([]Value, len(all))
	for i, e := range all {
		v, err := s.eval(e)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

func (n *constantExpression) eval(*state) (Value, error) { return n.value, nil }

func (n *nameExpression) eval(s *state) (Value, error) {
	if v, ok := s.scope.get(n.name); ok {
		return v, nil
	}
	return undefined{fmt.Sprintf("%q is undefined", n.name)}, nil
}

func (n *listExpression) eval(s *state) (Value, error) {
	items, err := s.evalAll(n.items)
	return &list{items: items, tuple: n.tuple}, err
}

func (n *dictExpression) eval(s *state) (Value, error) {
	d := &dict{}
	for i := range n.keys {
		key, err := s.eval(n.keys[i])
		if err != nil {
			return nil, err
		}
		v, err := s.eval(n.values[i])
		if err != nil {
			return nil, err
		}
		if err := d.set(key, v); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (n *conditionalExpression) eval(s *state) (Value, error) {
	v, err := s.eval(n.condition)
	switch {
	case err != nil:
		return nil, err
	case truth(v):
		return s.eval(n.then)
	case n.otherwise == nil:
		return undefined{"a conditional without else has no value"}, nil
	}
	return s.eval(n.otherwise)
}

func (n *andExpression) eval(s *state) (Value, error) {
	v, err := s.eval(n.left)
	if err != nil || !truth(v) {
		return v, err
	}
	return s.eval(n.right)
}

func (n *orExpression) eval(s *state) (Value, error) {
	v, err := s.eval(n.left)
	if err != nil || truth(v) {
		return v, err
	}
	return s.eval(n.right)
}

func (n *notExpression) eval(s *state) (Value, error) {
	v, err := s.eval(n.of)
	return !truth(v), err
}

func (n *signExpression) eval(s *state) (Value, error) {
	v, err := s.eval(n.of)
	if err != nil {
		return nil, err
	}
	if u, ok := v.(undefined); ok {
		return nil, u.err()
	}
	i, f, isInt, ok := number(v)
	switch {
	case !ok:
		return nil, fmt.Errorf("a sign before %s", kindOf(v))
	case isInt && n.negative:
		return subtract(0, i)
	case isInt:
		return i, nil
	case n.negative:
		return -f, nil
	}
	return f, nil
}

func (n *concatExpression) eval(s *state) (Value, error) {
	var b strings.Builder
	for _, part := range n.parts {
		v, err := s.eval(part)
		if err != nil {
			return nil, err
		}
		text, err := s.text(v)
		if err != nil {
			return nil, err
		}
		if err := s.spend(len(text)); err != nil {
			return nil, err
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

func (n *compareExpression) eval(s *state) (Value, error) {
	left, err := s.eval(n.first)
	if err != nil {
		return nil, err
	}
	for i, operator := range n.operators {
		right, err := s.eval(n.operands[i])
		if err != nil {
			return nil, err
		}
		holds, err := s.compare(operator, left, right)
		if err != nil || !holds {
			return false, err
		}
		left = right
	}
	return true, nil
}

func (n *binaryExpression) eval(s *state) (Value, error) {
	left, err := s.eval(n.left)
	if err != nil {
		return nil, err
	}
	right, err := s.eval(n.right)
	if err != nil {
		return nil, err
	}
	return s.operate(n.operator, left, right)
}

func (n *callExpression) eval(s *state) (Value, error) {
	f, a, err := n.prepare(s)
	if err != nil {
		return nil, err
	}
	return s.call(f, a)
}

// prepare evaluates what is called and with what.
func (n *callExpression) prepare(s *state) (Value, arguments, error) {
	f, err := s.eval(n.function)
	if err != nil {
		return nil, arguments{}, err
	}
	a, err := n.evalArguments(s)
	return f, a, err
}

func (n *callExpression) evalArguments(s *state) (a arguments, err error) {
	if a.positional, err = s.evalAll(n.positional); err != nil {
		return a, err
	}
	for _, named := range n.named {
		v, err := s.eval(named.value)
		if err != nil {
			return a, err
		}
		a.named = append(a.named, namedArgument{named.name, v})
		if err := s.read(v); err != nil {
			return a, err
		}
	}
	return a, s.read(a.positional...)
}

// read pays for reading values that functions are given.
func (s *state) read(values ...Value) error {
	for _, v := range values {
		if text, ok := v.(string); ok {
			if err := s.spend(len(text)); err != nil {
				return err
			}
		}
	}
	return nil
}

// withInput evaluates what a filter or a test is applied to and with what.
func (n *callExpression) withInput(s *state, input expression) (Value, arguments, error) {
	v, err := s.eval(input)
	if err == nil {
		err = s.read(v)
	}
	if err != nil {
		return nil, arguments{}, err
	}
	a, err := n.evalArguments(s)
	return v, a, err
}

func (n *filterExpression) eval(s *state) (Value, error) {
	input, a, err := n.args.withInput(s, n.input)
	if err != nil {
		return nil, err
	}
	return s.filter(n.name, input, a)
}

func (n *testExpression) eval(s *state) (Value, error) {
	input, a, err := n.args.withInput(s, n.input)
	if err != nil {
		return nil, err
	}
	holds, err := s.test(n.name, input, a)
	return holds != n.negated, err
}
