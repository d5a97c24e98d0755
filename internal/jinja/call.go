package jinja

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// arguments are what a function is called with.
type arguments struct {
	positional []Value
	named      []namedArgument
}

type namedArgument struct {
	name  string
	value Value
}

// missing stands for an argument that was not given.
type missing struct{}

// bind returns the arguments of a built-in by its parameters, missing{} where
// one is not given; the first required ones must be.
func (a arguments) bind(required int, parameters ...string) ([]Value, error) {
	if len(a.positional) > len(parameters) {
		return nil, fmt.Errorf("%d arguments for at most %d", len(a.positional), len(parameters))
	}
	out := make([]Value, len(parameters))
	for i, name := range parameters {
		out[i] = missing{}
		if i < len(a.positional) {
			out[i] = a.positional[i]
		}
		for _, named := range a.named {
			if named.name == name {
				if i < len(a.positional) {
					return nil, fmt.Errorf("argument %s is given twice", name)
				}
				out[i] = named.value
			}
		}
		if _, lacks := out[i].(missing); lacks && i < required {
			return nil, fmt.Errorf("argument %s is missing", name)
		}
	}
	for _, named := range a.named {
		if !slices.Contains(parameters, named.name) {
			return nil, fmt.Errorf("there is no argument %s", named.name)
		}
	}
	return out, nil
}

// given reports whether an argument was given.
func given(v Value) bool {
	_, lacks := v.(missing)
	return !lacks
}

// textOr returns an argument that must be a string, or a default.
func textOr(v Value, otherwise string) (string, error) {
	if !given(v) {
		return otherwise, nil
	}
	text, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("expected a string and got %s", kindOf(v))
	}
	return text, nil
}

// integerOr returns an argument that must be a whole number, or a default.
func integerOr(v Value, otherwise int64) (int64, error) {
	if !given(v) {
		return otherwise, nil
	}
	return integer(v)
}

// call calls a value.
func (s *state) call(v Value, a arguments) (Value, error) {
	switch f := v.(type) {
	case *function:
		out, err := f.call(s, a)
		var inside *lineError // of a macro, whose body names the place
		if err == nil || errors.Is(err, ErrRaised) || errors.As(err, &inside) {
			return out, err
		}
		return nil, fmt.Errorf("%s: %w", f.name, err)
	case undefined:
		return nil, f.err()
	}
	return nil, fmt.Errorf("%s cannot be called", kindOf(v))
}

// callable is a macro or the body of a call block.
type callable struct {
	parameters []parameter
	body       []statement
}

type parameter struct {
	name  string
	value expression // default, or nil
}

// function returns the macro as a value; its body sees the variables of where.
func (c *callable) function(name string, where *scope) Value {
	return &function{name, func(s *state, a arguments) (Value, error) {
		if s.calls++; s.calls > maxCalls {
			return nil, fmt.Errorf("%w: more than %d macros within macros", ErrLimit, maxCalls)
		}
		defer func() { s.calls-- }()
		inner := s.within(where, new(strings.Builder))
		if err := c.bind(inner, a); err != nil {
			return nil, err
		}
		return inner.capture(c.body)
	}}
}

// bind sets the parameters, and varargs, kwargs and caller.
func (c *callable) bind(inner *state, a arguments) error {
	names := inner.scope.names
	names["caller"] = undefined{"no caller: the macro was not called by a call block"}
	rest := &dict{}
	for _, named := range a.named {
		if named.name == "caller" {
			names["caller"] = named.value
		} else if err := rest.set(named.name, named.value); err != nil {
			return err
		}
	}
	for i, p := range c.parameters {
		v, ok := rest.get(p.name)
		switch {
		case i < len(a.positional) && ok:
			return fmt.Errorf("argument %s is given twice", p.name)
		case i < len(a.positional):
			v = a.positional[i]
		case ok:
		case p.value == nil:
			v = undefined{fmt.Sprintf("parameter %q was not provided", p.name)}
		default:
			var err error
			if v, err = inner.eval(p.value); err != nil {
				return err
			}
		}
		names[p.name] = v
	}
	more := a.positional[min(len(c.parameters), len(a.positional)):]
	names["varargs"] = &list{items: more, tuple: true}
	names["kwargs"] = c.unnamed(rest)
	return nil
}

// unnamed returns the arguments that are no parameters.
func (c *callable) unnamed(rest *dict) *dict {
	out := &dict{}
	for i, key := range rest.keys {
		taken := false
		for _, p := range c.parameters {
			taken = taken || p.name == key
		}
		if !taken {
			_ = out.set(key, rest.values[i]) // a name is always a key
		}
	}
	return out
}
