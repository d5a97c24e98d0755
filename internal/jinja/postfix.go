package jinja

import "fmt"

// postfix reads attributes, items and calls after an expression.
func (p *parser) postfix(e expression) (expression, error) {
	var err error
	for err == nil {
		switch {
		case p.accept("."):
			e, err = p.attribute(e)
		case p.accept("["):
			e, err = p.subscript(e)
		case p.accept("("):
			n := &callExpression{function: e}
			err = p.arguments(n)
			e = n
		default:
			return e, nil
		}
	}
	return nil, err
}

func (p *parser) attribute(of expression) (expression, error) {
	switch t := p.take(); {
	case t.kind == nameToken:
		return &attributeExpression{of, t.text}, nil
	case t.kind == numberToken:
		return &itemExpression{of, &constantExpression{t.value}}, nil
	default:
		return nil, fmt.Errorf("expected a name after the dot and found %q", t.text)
	}
}

func (p *parser) subscript(of expression) (expression, error) {
	n := &sliceExpression{of: of}
	var err error
	if !p.is(":") {
		key, err := p.tuple(true)
		if err != nil {
			return nil, err
		}
		if p.accept("]") {
			return &itemExpression{of, key}, nil
		}
		n.from = key
	}
	if err := p.expect(":"); err != nil {
		return nil, err
	}
	if !p.is(":") && !p.is("]") {
		if n.until, err = p.expression(); err != nil {
			return nil, err
		}
	}
	if p.accept(":") && !p.is("]") {
		if n.step, err = p.expression(); err != nil {
			return nil, err
		}
	}
	return n, p.expect("]")
}

// arguments reads what follows the opening parenthesis of a call.
func (p *parser) arguments(n *callExpression) error {
	for first := true; !p.accept(")"); first = false {
		if !first {
			if err := p.expect(","); err != nil {
				return err
			}
			if p.accept(")") {
				break
			}
		}
		if p.is("*") || p.is("**") {
			return fmt.Errorf("unpacked arguments are not supported")
		}
		named := p.peek().kind == nameToken && p.next+1 < len(p.tokens) &&
			p.tokens[p.next+1].kind == symbolToken && p.tokens[p.next+1].text == "="
		name := ""
		if named {
			name = p.take().text
			p.next++
		}
		e, err := p.expression()
		switch {
		case err != nil:
			return err
		case named:
			n.named = append(n.named, namedExpression{name, e})
		case len(n.named) > 0:
			return fmt.Errorf("a positional argument after a named one")
		default:
			n.positional = append(n.positional, e)
		}
	}
	return nil
}

// filters reads filters, tests and calls after an expression.
func (p *parser) filters(e expression) (expression, error) {
	var err error
	for err == nil {
		switch {
		case p.accept("|"):
			e, err = p.filter(e)
		case p.accept("is"):
			e, err = p.test(e)
		case p.accept("("):
			n := &callExpression{function: e}
			err = p.arguments(n)
			e = n
		default:
			return e, nil
		}
	}
	return nil, err
}

func (p *parser) filter(input expression) (expression, error) {
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	n := &filterExpression{input: input, name: name}
	if p.accept("(") {
		err = p.arguments(&n.args)
	}
	return n, err
}

func (p *parser) test(input expression) (expression, error) {
	n := &testExpression{input: input, negated: p.accept("not")}
	var err error
	if n.name, err = p.name(); err != nil {
		return nil, err
	}
	t := p.peek()
	switch {
	case p.accept("("):
		err = p.arguments(&n.args)
	case t.kind == nameToken && t.text == "is":
		err = fmt.Errorf("a test after a test: put the first into parentheses")
	case t.kind == nameToken && t.text != "else" && t.text != "or" && t.text != "and",
		t.kind == stringToken, t.kind == numberToken,
		t.kind == symbolToken && (t.text == "[" || t.text == "{"):
		var arg expression
		if arg, err = p.primary(); err == nil {
			arg, err = p.postfix(arg)
		}
		n.args.positional = []expression{arg}
	}
	return n, err
}
