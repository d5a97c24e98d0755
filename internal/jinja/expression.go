package jinja

import (
	"fmt"
	"slices"
)

// expression is a node that has a value.
type expression interface {
	eval(s *state) (Value, error)
}

type (
	constantExpression struct{ value Value }
	nameExpression     struct{ name string }
	listExpression     struct {
		items []expression
		tuple bool
	}
	dictExpression struct{ keys, values []expression }

	attributeExpression struct {
		of   expression
		name string
	}
	itemExpression  struct{ of, key expression }
	sliceExpression struct {
		of                expression
		from, until, step expression // or nil
	}
	callExpression struct {
		function   expression
		positional []expression
		named      []namedExpression
	}
	namedExpression struct {
		name  string
		value expression
	}
	filterExpression struct {
		input expression
		name  string
		args  callExpression // without function
	}
	testExpression struct {
		input   expression
		name    string
		args    callExpression
		negated bool
	}

	conditionalExpression struct{ condition, then, otherwise expression } // otherwise may be nil
	andExpression         struct{ left, right expression }
	orExpression          struct{ left, right expression }
	notExpression         struct{ of expression }
	signExpression        struct {
		negative bool
		of       expression
	}
	binaryExpression struct {
		operator    string
		left, right expression
	}
	concatExpression  struct{ parts []expression }
	compareExpression struct {
		first     expression
		operators []string
		operands  []expression
	}
)

// constants are names that cannot be variables.
var constants = map[string]Value{
	"true": true, "True": true, "false": false, "False": false, "none": nil, "None": nil,
}

// tuple reads expressions with commas between, and makes a tuple of them where
// there is a comma. conditional allows a if b else c without parentheses.
func (p *parser) tuple(conditional bool) (expression, error) {
	read := p.or
	if conditional {
		read = p.expression
	}
	first, err := read()
	if err != nil || !p.is(",") {
		return first, err
	}
	n := &listExpression{items: []expression{first}, tuple: true}
	for p.accept(",") {
		if p.peek().kind == endToken || p.is(")") || p.is("]") {
			break
		}
		next, err := read()
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, next)
	}
	return n, nil
}

// expression reads a if b else c, or what is without.
func (p *parser) expression() (expression, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	e, err := p.or()
	for err == nil && p.accept("if") {
		n := &conditionalExpression{then: e}
		if n.condition, err = p.or(); err != nil {
			return nil, err
		}
		if p.accept("else") {
			if n.otherwise, err = p.expression(); err != nil {
				return nil, err
			}
		}
		e = n
	}
	return e, err
}

func (p *parser) or() (expression, error) {
	left, err := p.and()
	for err == nil && p.accept("or") {
		n := &orExpression{left: left}
		n.right, err = p.and()
		left = n
	}
	return left, err
}

func (p *parser) and() (expression, error) {
	left, err := p.not()
	for err == nil && p.accept("and") {
		n := &andExpression{left: left}
		n.right, err = p.not()
		left = n
	}
	return left, err
}

func (p *parser) not() (expression, error) {
	if !p.accept("not") {
		return p.compare()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	e, err := p.not()
	return &notExpression{e}, err
}

func (p *parser) compare() (expression, error) {
	first, err := p.sum()
	n := &compareExpression{first: first}
	for err == nil {
		operator := p.peek().text
		switch {
		case p.accept("in"), p.peek().kind == symbolToken && slices.Contains(comparisons, operator) && p.accept(operator):
		case p.is("not") && p.next+1 < len(p.tokens) && p.tokens[p.next+1].kind == nameToken && p.tokens[p.next+1].text == "in":
			p.next, operator = p.next+2, "not in"
		case len(n.operators) == 0:
			return first, nil
		default:
			return n, nil
		}
		var operand expression
		operand, err = p.sum()
		n.operators, n.operands = append(n.operators, operator), append(n.operands, operand)
	}
	return nil, err
}

var comparisons = []string{"==", "!=", "<", "<=", ">", ">="}

func (p *parser) sum() (expression, error)     { return p.chain(p.concat, "+", "-") }
func (p *parser) product() (expression, error) { return p.chain(p.power, "*", "/", "//", "%") }
func (p *parser) power() (expression, error)   { return p.chain(p.filteredUnary, "**") }

// chain reads operands with one of operators between, grouped from the left.
func (p *parser) chain(operand func() (expression, error), operators ...string) (expression, error) {
	left, err := operand()
	for err == nil && p.peek().kind == symbolToken && slices.Contains(operators, p.peek().text) {
		n := &binaryExpression{operator: p.take().text, left: left}
		n.right, err = operand()
		left = n
	}
	return left, err
}

func (p *parser) concat() (expression, error) {
	first, err := p.product()
	if err != nil || !p.is("~") {
		return first, err
	}
	n := &concatExpression{parts: []expression{first}}
	for p.accept("~") {
		next, err := p.product()
		if err != nil {
			return nil, err
		}
		n.parts = append(n.parts, next)
	}
	return n, nil
}

func (p *parser) filteredUnary() (expression, error) {
	e, err := p.unary()
	if err != nil {
		return nil, err
	}
	return p.filters(e)
}

func (p *parser) unary() (expression, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	if p.is("-") || p.is("+") {
		n := &signExpression{negative: p.take().text == "-"}
		var err error
		if n.of, err = p.unary(); err != nil {
			return nil, err
		}
		return p.postfix(n)
	}
	e, err := p.primary()
	if err != nil {
		return nil, err
	}
	return p.postfix(e)
}

func (p *parser) primary() (expression, error) {
	t := p.take()
	switch {
	case t.kind == nameToken:
		if v, ok := constants[t.text]; ok {
			return &constantExpression{v}, nil
		}
		return &nameExpression{t.text}, nil
	case t.kind == stringToken:
		text := t.text
		for p.peek().kind == stringToken {
			text += p.take().text
		}
		return &constantExpression{text}, nil
	case t.kind == numberToken:
		return &constantExpression{t.value}, nil
	case t.kind == symbolToken && t.text == "(":
		return p.parenthesis()
	case t.kind == symbolToken && t.text == "[":
		items, err := p.list("]")
		return &listExpression{items: items}, err
	case t.kind == symbolToken && t.text == "{":
		return p.dict()
	}
	return nil, fmt.Errorf("unexpected %q", t.text)
}

func (p *parser) parenthesis() (expression, error) {
	if p.accept(")") {
		return &listExpression{tuple: true}, nil
	}
	e, err := p.tuple(true)
	if err != nil {
		return nil, err
	}
	return e, p.expect(")")
}

// list reads expressions up to the closing bracket, which it takes.
func (p *parser) list(closing string) ([]expression, error) {
	var items []expression
	for !p.accept(closing) {
		if len(items) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
			if p.accept(closing) {
				break
			}
		}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		items = append(items, e)
	}
	return items, nil
}

func (p *parser) dict() (expression, error) {
	n := &dictExpression{}
	for !p.accept("}") {
		if len(n.keys) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
			if p.accept("}") {
				break
			}
		}
		key, err := p.expression()
		if err != nil {
			return nil, err
		}
		if err := p.expect(":"); err != nil {
			return nil, err
		}
		value, err := p.expression()
		if err != nil {
			return nil, err
		}
		n.keys, n.values = append(n.keys, key), append(n.values, value)
	}
	return n, nil
}
