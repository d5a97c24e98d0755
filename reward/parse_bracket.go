package reward

import "strings"

// maxUnitWords bounds the words of a unit.
const maxUnitWords = 6

// outward turns the French way of open intervals, ]0,1[, into (0,1).
var outward = strings.NewReplacer("][", "()", "]]", "(]", "[[", "[)")

// bracket reads a parenthesis around an expression, a tuple or an interval. A
// closing bracket may open an interval, as in ]0,1].
func (p *parser) bracket(open string) *node {
	if p.isOp(")", "]") && open != "]" {
		return &node{op: opTuple, name: open + p.next().text}
	}
	inAbs, inSet := p.inAbs, p.inSet
	p.inAbs, p.inSet = 0, 0
	inner := p.list()
	p.inAbs, p.inSet = inAbs, inSet
	if !p.isOp(")", "]", "[") || p.isOp("[") && open == "(" {
		return p.fail("bracket without an end")
	}
	closing := p.next().text
	if inner.op != opList {
		if open+closing == "()" || open+closing == "[]" {
			return inner
		}
		return p.fail("bracket %s with the end %s", open, closing)
	}
	name := outward.Replace(open + closing)
	return &node{op: opTuple, name: name, args: inner.args}
}

// set reads a set in braces, by its elements or by a condition.
func (p *parser) set() *node {
	if p.accept(`\}`) {
		return &node{op: opSet}
	}
	if name, ok := strings.CutPrefix(p.peek().text, "begin "); ok && p.peek().kind == tokenOp {
		p.at++ // a brace on the left of several equations
		system := p.system(name)
		p.accept(`\}`)
		return system
	}
	p.inSet++
	inner := p.list()
	p.inSet--
	if p.isOp("mid", "|", ":") {
		p.at++
		inner = p.list() // the condition says all
		p.expect(`\}`)
		return inner
	}
	p.expect(`\}`)
	if inner.op == opList {
		return &node{op: opSet, args: inner.args}
	}
	return &node{op: opSet, args: []*node{inner}}
}

func (p *parser) absolute() *node {
	p.inAbs++
	inner := p.sum()
	p.inAbs--
	p.expect("|")
	if inner.op == opMatrix {
		return &node{op: opFunc, name: "det", args: []*node{inner}}
	}
	return &node{op: opFunc, name: "abs", args: []*node{inner}}
}

// unitInBrackets reports whether the next tokens are words in parentheses, as
// the unit in "9 (apples)".
func (p *parser) unitInBrackets() bool {
	i := p.at + 1
	for i < len(p.tokens) && p.tokens[i].kind == tokenWord {
		i++
	}
	return i > p.at+1 && i < len(p.tokens) && p.tokens[i].text == ")"
}

// withUnit reads the unit behind a value: words, with / and powers among them.
func (p *parser) withUnit(value *node) *node {
	bracketed := p.isOp("(") && p.unitInBrackets()
	if bracketed {
		p.at++
	}
	if p.peek().kind != tokenWord || p.err != nil {
		return value
	}
	if !value.isScalar() {
		return p.fail("unit behind what is no value")
	}
	words := p.unitWords()
	if p.err != nil {
		return value
	}
	if bracketed {
		p.expect(")")
	}
	if scale := scales[words[0]]; scale != 0 {
		value = newProduct(value, numberNode(scale))
		words = words[1:]
	}
	if len(words) == 0 {
		return value
	}
	if value.op == opUnit { // "$5 per hour"
		value = value.args[0]
	}
	return &node{op: opUnit, name: strings.Join(words, " "), args: []*node{value}}
}

// mayBeUnit reports whether a token behind the slash of a unit is one.
func (t token) mayBeUnit() bool {
	return t.kind == tokenWord || t.kind == tokenSymbol && (t.prose || isUnit(t.text))
}

// unitWords reads words that do not speak of the value.
func (p *parser) unitWords() []string {
	var words []string
	if first := strings.ToLower(p.peek().text); first == "squared" || first == "cubed" {
		p.fail("%q is no unit", first)
		return nil
	}
	for p.peek().kind == tokenWord {
		t := p.next()
		lower := strings.ToLower(t.text)
		if notUnits[lower] || numerals[lower] != "" || len(words) == maxUnitWords {
			p.fail("%q is no unit", t.text)
			return nil
		}
		if scales[lower] != 0 {
			if len(words) > 0 {
				p.fail("%q after a unit", t.text)
				return nil
			}
			t.text = lower
		}
		if p.accept("^") {
			t.text += "^" + p.index()
		}
		words = append(words, t.text)
		if lower == "degree" || lower == "degrees" {
			words = append(words, strings.Fields(p.degree())[1:]...)
		}
		if p.isOp("/", "*", ".") && p.at+1 < len(p.tokens) && p.tokens[p.at+1].mayBeUnit() {
			sign := p.next().text
			if p.peek().kind == tokenSymbol {
				p.tokens[p.at].kind = tokenWord
			}
			words[len(words)-1] += sign
		}
	}
	return words
}

func numberNode(n int64) *node {
	return &node{op: opNum, num: ratInt(n), name: ""}
}
