package jinja

import (
	"fmt"
	"slices"
)

// parser turns segments into statements by the grammar of jinja2.parser.
type parser struct {
	segments []segment
	at       int // next segment

	tokens []token // of the tag under way
	next   int
	line   int
	depth  int
}

// enter counts nesting; leave with the returned function.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxNesting {
		return fmt.Errorf("%w: more than %d levels of nesting", ErrLimit, maxNesting)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

// peek returns the next token of the tag.
func (p *parser) peek() token {
	if p.next < len(p.tokens) {
		return p.tokens[p.next]
	}
	return token{kind: endToken, text: "the end of the tag", line: p.line}
}

func (p *parser) take() token {
	t := p.peek()
	p.next++
	return t
}

// is reports whether the next token is a symbol or a keyword.
func (p *parser) is(text string) bool {
	t := p.peek()
	return (t.kind == symbolToken || t.kind == nameToken) && t.text == text
}

// accept takes the next token where it is that symbol or keyword.
func (p *parser) accept(text string) bool {
	if !p.is(text) {
		return false
	}
	p.next++
	return true
}

func (p *parser) expect(text string) error {
	if !p.accept(text) {
		return fmt.Errorf("expected %q and found %q", text, p.peek().text)
	}
	return nil
}

func (p *parser) name() (string, error) {
	if t := p.take(); t.kind == nameToken {
		return t.text, nil
	} else {
		return "", fmt.Errorf("expected a name and found %q", t.text)
	}
}

// finish checks that a tag has been read to its end.
func (p *parser) finish() error {
	if p.peek().kind != endToken {
		return fmt.Errorf("unexpected %q", p.peek().text)
	}
	return nil
}

// statements reads up to a block that begins with one of ends, which it takes,
// or to the end of the source where there are none.
func (p *parser) statements(ends ...string) (body []statement, end string, err error) {
	if err := p.enter(); err != nil {
		return nil, "", err
	}
	defer p.leave()
	opened := p.line
	for p.at < len(p.segments) {
		seg := p.segments[p.at]
		p.at++
		if seg.kind == textSegment {
			body = append(body, &textStatement{seg.text})
			continue
		}
		p.tokens, p.next, p.line = seg.tokens, 0, seg.line
		if first := p.peek(); seg.kind == blockSegment && first.kind == nameToken && slices.Contains(ends, first.text) {
			p.next++
			return body, first.text, nil
		}
		st, err := p.segment(seg)
		if err != nil {
			return nil, "", atLine(seg.line, err)
		}
		body = append(body, st)
	}
	if len(ends) > 0 {
		return nil, "", atLine(opened, fmt.Errorf("a block without %s", ends[len(ends)-1]))
	}
	return body, "", nil
}

func (p *parser) segment(seg segment) (statement, error) {
	if seg.kind == blockSegment {
		return p.block()
	}
	v, err := p.tuple(true)
	if err != nil {
		return nil, err
	}
	return &outputStatement{v, seg.line}, p.finish()
}

// block reads the statement that a block tag begins.
func (p *parser) block() (statement, error) {
	keyword, err := p.name()
	if err != nil {
		return nil, err
	}
	switch keyword {
	case "if":
		return p.ifBlock()
	case "for":
		return p.forBlock()
	case "set":
		return p.setBlock()
	case "with":
		return p.withBlock()
	case "macro":
		return p.macroBlock()
	case "call":
		return p.callBlock()
	case "filter":
		return p.filterBlock()
	case "generation":
		body, err := p.body("endgeneration")
		return &generationStatement{body}, err
	case "break":
		return breakStatement{}, p.finish()
	case "continue":
		return continueStatement{}, p.finish()
	}
	return nil, fmt.Errorf("block %q is not supported", keyword)
}

// body reads the body of a block after its tag, and its end.
func (p *parser) body(end string) ([]statement, error) {
	if err := p.finish(); err != nil {
		return nil, err
	}
	body, _, err := p.statements(end)
	if err != nil {
		return nil, err
	}
	return body, p.finish()
}

func (p *parser) ifBlock() (statement, error) {
	n := &ifStatement{line: p.line}
	for word := "if"; ; {
		var b branch
		var err error
		if word != "else" {
			if b.condition, err = p.tuple(false); err != nil {
				return nil, err
			}
		}
		if err := p.finish(); err != nil {
			return nil, err
		}
		ends := []string{"elif", "else", "endif"}
		if word == "else" {
			ends = ends[2:]
		}
		if b.body, word, err = p.statements(ends...); err != nil {
			return nil, err
		}
		n.branches = append(n.branches, b)
		if word == "endif" {
			return n, p.finish()
		}
	}
}

func (p *parser) forBlock() (statement, error) {
	n := &forStatement{line: p.line}
	var err error
	if n.targets, err = p.targets(false); err != nil {
		return nil, err
	}
	if err := p.expect("in"); err != nil {
		return nil, err
	}
	if n.items, err = p.tuple(false); err != nil {
		return nil, err
	}
	if p.accept("if") {
		if n.condition, err = p.expression(); err != nil {
			return nil, err
		}
	}
	if p.is("recursive") {
		return nil, fmt.Errorf("a recursive loop is not supported")
	}
	if err := p.finish(); err != nil {
		return nil, err
	}
	var end string
	if n.body, end, err = p.statements("else", "endfor"); err != nil {
		return nil, err
	}
	if end == "else" {
		n.otherwise, err = p.body("endfor")
		return n, err
	}
	return n, p.finish()
}

// targets reads what values are assigned to; attributes of namespaces where they
// are allowed.
func (p *parser) targets(attributes bool) (target, error) {
	first, err := p.target(attributes)
	if err != nil || !p.is(",") {
		return first, err
	}
	parts := []target{first}
	for p.accept(",") {
		if t := p.peek(); t.kind != nameToken && !p.is("(") || p.is("in") {
			break
		}
		next, err := p.target(attributes)
		if err != nil {
			return target{}, err
		}
		parts = append(parts, next)
	}
	return target{parts: parts}, nil
}

func (p *parser) target(attributes bool) (target, error) {
	if p.accept("(") {
		if err := p.enter(); err != nil {
			return target{}, err
		}
		defer p.leave()
		t, err := p.targets(attributes)
		if err != nil {
			return target{}, err
		}
		return t, p.expect(")")
	}
	name, err := p.name()
	if err != nil {
		return target{}, err
	}
	if _, constant := constants[name]; constant {
		return target{}, fmt.Errorf("cannot assign to %s", name)
	}
	t := target{name: name}
	if attributes && p.accept(".") {
		t.attribute, err = p.name()
		if err == nil && t.attribute[0] == '_' {
			err = fmt.Errorf("cannot set the attribute %s: names with an underscore in front are not allowed", t.attribute)
		}
	}
	return t, err
}

func (p *parser) setBlock() (statement, error) {
	n := &setStatement{line: p.line}
	var err error
	if n.target, err = p.targets(true); err != nil {
		return nil, err
	}
	if p.accept("=") {
		if n.value, err = p.tuple(true); err != nil {
			return nil, err
		}
		return n, p.finish()
	}
	if p.is("|") {
		if n.filters, err = p.filters(&nameExpression{placeholder}); err != nil {
			return nil, err
		}
	}
	n.body, err = p.body("endset")
	return n, err
}

func (p *parser) withBlock() (statement, error) {
	n := &withStatement{line: p.line}
	for p.peek().kind != endToken {
		if len(n.names) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		name, err := p.target(false)
		if err != nil {
			return nil, err
		}
		if err := p.expect("="); err != nil {
			return nil, err
		}
		v, err := p.expression()
		if err != nil {
			return nil, err
		}
		n.names, n.values = append(n.names, name), append(n.values, v)
	}
	var err error
	n.body, err = p.body("endwith")
	return n, err
}

func (p *parser) filterBlock() (statement, error) {
	n := &filterStatement{line: p.line}
	var err error
	if n.filters, err = p.filter(&nameExpression{placeholder}); err != nil {
		return nil, err
	}
	if n.filters, err = p.filters(n.filters); err != nil {
		return nil, err
	}
	n.body, err = p.body("endfilter")
	return n, err
}

func (p *parser) macroBlock() (statement, error) {
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	n := &macroStatement{name: name}
	if n.parameters, err = p.parameters(); err != nil {
		return nil, err
	}
	n.body, err = p.body("endmacro")
	return n, err
}

// parameters reads the parameters of a macro.
func (p *parser) parameters() ([]parameter, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	var all []parameter
	for !p.accept(")") {
		if len(all) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		one := parameter{name: name}
		if p.accept("=") {
			if one.value, err = p.expression(); err != nil {
				return nil, err
			}
		}
		all = append(all, one)
	}
	return all, nil
}

func (p *parser) callBlock() (statement, error) {
	n := &callStatement{line: p.line}
	var err error
	if p.is("(") {
		if n.body.parameters, err = p.parameters(); err != nil {
			return nil, err
		}
	}
	e, err := p.expression()
	if err != nil {
		return nil, err
	}
	var ok bool
	if n.call, ok = e.(*callExpression); !ok {
		return nil, fmt.Errorf("expected a call")
	}
	n.body.body, err = p.body("endcall")
	return n, err
}
