package jinja

import (
	"errors"
	"fmt"
	"strings"
)

// statement is what is between the tags of a block, or an output or a text.
type statement interface {
	exec(s *state) error
}

var (
	errBreak    = errors.New("break")
	errContinue = errors.New("continue")
)

type (
	textStatement struct{ text string }

	outputStatement struct {
		value expression
		line  int
	}

	// ifStatement takes the first branch whose condition holds; nil does.
	ifStatement struct {
		branches []branch
		line     int
	}
	branch struct {
		condition expression
		body      []statement
	}

	forStatement struct {
		targets         target
		items           expression
		condition       expression // or nil
		body, otherwise []statement
		line            int
	}

	// setStatement sets variables to a value, or one to the text of a body.
	setStatement struct {
		target  target
		value   expression // nil where there is a body
		body    []statement
		filters expression // of the body, on placeholder; or nil
		line    int
	}

	withStatement struct {
		names  []target
		values []expression
		body   []statement
		line   int
	}

	filterStatement struct {
		filters expression // on placeholder
		body    []statement
		line    int
	}

	macroStatement struct {
		name string
		callable
	}

	callStatement struct {
		call *callExpression
		body callable
		line int
	}

	generationStatement struct{ body []statement }
	breakStatement      struct{}
	continueStatement   struct{}
)

// target is what a value is assigned to: a name, an attribute of a namespace, or
// several of them.
type target struct {
	name      string
	attribute string   // where name is a namespace
	parts     []target // several, instead
}

func (s *state) execAll(body []statement) error {
	for _, statement := range body {
		if err := s.spend(nodeCost); err != nil {
			return err
		}
		if err := statement.exec(s); err != nil {
			return err
		}
	}
	return nil
}

// capture returns what a body writes, with the variables of inner.
func (inner *state) capture(body []statement) (string, error) {
	if err := inner.execAll(body); err != nil {
		return "", err
	}
	return inner.out.String(), nil
}

func (n *textStatement) exec(s *state) error { return s.write(n.text) }

func (n *outputStatement) exec(s *state) error {
	v, err := s.eval(n.value)
	if err != nil {
		return atLine(n.line, err)
	}
	text, err := s.text(v)
	if err != nil {
		return atLine(n.line, err)
	}
	return s.write(text)
}

func (n *ifStatement) exec(s *state) error {
	for _, b := range n.branches {
		if b.condition != nil {
			v, err := s.eval(b.condition)
			if err != nil {
				return atLine(n.line, err)
			}
			if !truth(v) {
				continue
			}
		}
		return s.execAll(b.body)
	}
	return nil
}

func (n *forStatement) exec(s *state) error {
	items, err := n.selected(s)
	if err != nil {
		return atLine(n.line, err)
	}
	if len(items) == 0 {
		return s.execAll(n.otherwise)
	}
	l := &loop{items: items}
	for l.at = range items {
		inner := s.within(s.scope, s.out)
		inner.scope.names["loop"] = l
		if err := inner.assign(n.targets, items[l.at]); err != nil {
			return atLine(n.line, err)
		}
		err := inner.execAll(n.body)
		if errors.Is(err, errBreak) {
			return nil
		}
		if err != nil && !errors.Is(err, errContinue) {
			return err
		}
	}
	return nil
}

// selected returns the items that the condition of a loop holds for.
func (n *forStatement) selected(s *state) ([]Value, error) {
	v, err := s.eval(n.items)
	if err != nil {
		return nil, err
	}
	items, err := s.iterate(v)
	if err != nil || n.condition == nil {
		return items, err
	}
	var kept []Value
	for _, item := range items {
		inner := s.within(s.scope, nil)
		if err := inner.assign(n.targets, item); err != nil {
			return nil, err
		}
		holds, err := inner.eval(n.condition)
		if err != nil {
			return nil, err
		}
		if truth(holds) {
			kept = append(kept, item)
		}
	}
	return kept, nil
}

func (n *setStatement) exec(s *state) error {
	var v Value
	var err error
	if n.value != nil {
		v, err = s.eval(n.value)
	} else {
		v, err = s.filtered(n.body, n.filters)
	}
	if err == nil {
		err = s.assign(n.target, v)
	}
	return atLine(n.line, err)
}

// filtered returns the text of a body after filters.
func (s *state) filtered(body []statement, filters expression) (Value, error) {
	text, err := s.within(s.scope, new(strings.Builder)).capture(body)
	if err != nil || filters == nil {
		return text, err
	}
	inner := s.within(s.scope, nil)
	inner.scope.names[placeholder] = text
	return inner.eval(filters)
}

// placeholder is the variable that the filters of a block apply to; no template
// can write it.
const placeholder = " body"

func (s *state) assign(t target, v Value) error {
	switch {
	case t.parts != nil:
		items, err := s.iterate(v)
		if err != nil {
			return err
		}
		if len(items) != len(t.parts) {
			return fmt.Errorf("%d values for %d variables", len(items), len(t.parts))
		}
		for i, part := range t.parts {
			if err := s.assign(part, items[i]); err != nil {
				return err
			}
		}
		return nil
	case t.attribute == "":
		s.scope.names[t.name] = v
		return nil
	}
	holder, _ := s.scope.get(t.name)
	n, ok := holder.(*namespace)
	if !ok {
		return fmt.Errorf("cannot set the attribute %s of %s: it is no namespace", t.attribute, t.name)
	}
	n.attributes.set(t.attribute, v)
	return nil
}

func (n *withStatement) exec(s *state) error {
	inner := s.within(s.scope, s.out)
	for i, name := range n.names {
		v, err := s.eval(n.values[i])
		if err == nil {
			err = inner.assign(name, v)
		}
		if err != nil {
			return atLine(n.line, err)
		}
	}
	return inner.execAll(n.body)
}

func (n *filterStatement) exec(s *state) error {
	v, err := s.filtered(n.body, n.filters)
	if err != nil {
		return atLine(n.line, err)
	}
	text, err := s.text(v)
	if err != nil {
		return atLine(n.line, err)
	}
	return s.write(text)
}

func (n *macroStatement) exec(s *state) error {
	s.scope.names[n.name] = n.function(n.name, s.scope)
	return nil
}

func (n *callStatement) exec(s *state) error {
	f, a, err := n.call.prepare(s)
	if err == nil {
		a.named = append(a.named, namedArgument{"caller", n.body.function("caller", s.scope)})
		var v Value
		if v, err = s.call(f, a); err == nil {
			var text string
			if text, err = s.text(v); err == nil {
				return s.write(text)
			}
		}
	}
	return atLine(n.line, err)
}

// A generation block is shown to those who train on what it holds; here it is
// its content.
func (n *generationStatement) exec(s *state) error { return s.within(s.scope, s.out).execAll(n.body) }

func (breakStatement) exec(*state) error    { return errBreak }
func (continueStatement) exec(*state) error { return errContinue }
