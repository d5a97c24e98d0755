package reward

import (
	"math/big"
	"slices"
	"strings"
)

var zeroNode = &node{op: opNum, num: new(big.Rat), name: "0"}

func addRat(x, y *big.Rat) *big.Rat { return new(big.Rat).Add(x, y) }

func mixedNumber(whole, numerator, denominator token) *node {
	q := new(big.Rat).Quo(numerator.num, denominator.num)
	return &node{op: opNum, num: q.Add(q, whole.num), name: whole.text + " " + numerator.text + "/" + denominator.text}
}

// split is a token of which a digit was taken.
type split struct {
	at  int
	was token
}

// back returns to a place before which n splits had been made.
func (p *parser) back(at, n int) {
	for _, s := range slices.Backward(p.splits[n:]) {
		p.tokens[s.at] = s.was
	}
	p.at, p.splits = at, p.splits[:n]
}

// splitDigits takes one digit of a number, as \frac12 does, and leaves the rest.
func (p *parser) splitDigits(t token) token {
	p.at--
	rest := t
	rest.text = t.text[1:]
	rest.num, _ = new(big.Rat).SetString(rest.text)
	p.tokens[p.at] = rest
	p.splits = append(p.splits, split{p.at, t})
	t.text = t.text[:1]
	t.num, _ = new(big.Rat).SetString(t.text)
	return t
}

// power reads a primary with what stands behind or above it.
func (p *parser) power() *node {
	if !p.enter() {
		return minusOne
	}
	defer p.leave()
	return p.raised(p.indexed(p.primary()))
}

// indexed reads the digits right behind a letter as its index: x1 is x₁, not x·1.
func (p *parser) indexed(n *node) *node {
	if n.op != opSym || len(n.name) != 1 || !isLetter(n.name[0]) || n.name == "i" || n.name == "e" || p.tokens[max(p.at-1, 0)].text != n.name {
		return n
	}
	if t := p.peek(); t.kind == tokenNumber && !t.space && isDigits(t.text) {
		p.at++
		return &node{op: opSym, name: n.name + "_" + t.text}
	}
	return n
}

// raised reads powers, factorials, percent and degree signs behind base.
func (p *parser) raised(base *node) *node {
	for n := 0; ; n++ {
		switch {
		case n == maxDepth:
			return p.fail("more than %d signs behind a value", maxDepth)
		case p.accept("^"):
			base = p.raise(base)
		case p.accept("!"):
			base = &node{op: opFunc, name: "factorial", args: []*node{base}}
		case p.accept("%"):
			base = &node{op: opPercent, args: []*node{base}}
		case p.isOp("_") && base.op == opNum && base.name != "" && isDigits(base.name):
			base = p.numeral(token{kind: tokenNumber, text: base.name, num: base.num}) // (101)_2
		case p.accept("deg"):
			base = &node{op: opUnit, name: p.degree(), args: []*node{base}}
		default:
			return base
		}
		if p.budget.spend(1) != nil {
			p.err, p.at = p.budget.err, len(p.tokens)
		}
		if !base.isScalar() {
			return p.fail("power of what is no expression")
		}
	}
}

func (p *parser) raise(base *node) *node {
	if p.isDegree() {
		return &node{op: opUnit, name: p.degree(), args: []*node{base}}
	}
	minus := false
	for p.isOp("-", "+") {
		minus = minus != (p.next().text == "-")
	}
	exponent := p.argument()
	if p.isOp("^") {
		p.at++
		exponent = p.raise(exponent) // 2^3^2 is 2^9
	}
	if minus {
		exponent = negative(exponent)
	}
	return newPower(base, exponent)
}

// degree returns the unit of a degree sign, with the scale of a temperature
// behind it.
func (p *parser) degree() string {
	if t := p.peek(); t.text == "C" || t.text == "F" {
		p.at++
		return "degree " + t.text
	}
	return "degree"
}

// isDegree takes \circ, with or without braces, as a degree sign.
func (p *parser) isDegree() bool {
	return p.accept("deg") || p.take("{", "deg", "}")
}

// argument reads an argument of a command: a group in braces or one token.
func (p *parser) argument() *node {
	t := p.peek()
	if t.kind == tokenNumber && len(t.text) > 1 && strings.Trim(t.text, "0123456789") == "" && p.at > 0 && p.tokens[p.at-1].text != "^" {
		p.at++
		digit := p.splitDigits(t)
		return &node{op: opNum, num: digit.num, name: digit.text}
	}
	return p.primary()
}

// primary reads a number, a symbol, a command with its arguments, or a bracket.
func (p *parser) primary() *node {
	if !p.enter() {
		return minusOne
	}
	defer p.leave()
	t := p.next()
	switch t.kind {
	case tokenNumber:
		return p.numeral(t)
	case tokenSymbol:
		return p.symbol(t)
	case tokenFunc:
		return p.function(t.text)
	case tokenWord:
		if digits := p.numeralWord(t); digits != "" {
			whole := p.numeral(token{kind: tokenNumber, text: digits, num: ratOf(digits)})
			if below := p.fractionWord(); below != 0 {
				return newProduct(whole, reciprocal(numberNode(below)))
			}
			return whole
		}
		if strings.EqualFold(t.text, "half") && p.at == len(p.tokens) {
			return oneHalf
		}
	case tokenOp:
		return p.operator(t)
	}
	return p.fail("%q has no value", t.text)
}

// numeralWord returns the digits of a number in words, such as seven or
// twenty-one, whose first word is t.
func (p *parser) numeralWord(t token) string {
	digits := numerals[strings.ToLower(t.text)]
	if len(digits) != 2 || digits[1] != '0' || digits == "10" || p.at >= len(p.tokens) {
		return digits
	}
	ones, words := p.tokens[p.at], 1
	if ones.text == "-" && !ones.space && p.at+1 < len(p.tokens) {
		ones, words = p.tokens[p.at+1], 2
	}
	if one := numerals[strings.ToLower(ones.text)]; len(one) == 1 && one != "0" {
		p.at += words
		return digits[:1] + one
	}
	return digits
}

// fractionWord reads the denominator of two thirds or two-thirds, or returns 0.
func (p *parser) fractionWord() int64 {
	at := p.at
	if p.accept("-") && p.peek().space {
		p.at = at
		return 0
	}
	below := fractions[strings.ToLower(p.peek().text)]
	if below == 0 {
		p.at = at
		return 0
	}
	p.at++
	return below
}

func ratOf(digits string) *big.Rat {
	r, _ := new(big.Rat).SetString(digits)
	return r
}

func (p *parser) operator(t token) *node {
	switch {
	case t.text == "(" || t.text == "[" || t.text == "]":
		return p.bracket(t.text)
	case t.text == "{":
		inner := p.list()
		switch { // the plain TeX way of fractions
		case p.accept("over"):
			inner = newProduct(inner, reciprocal(p.list()))
		case p.accept("choose"):
			inner = &node{op: opFunc, name: "binom", args: []*node{inner, p.list()}}
		}
		p.expect("}")
		return inner
	case t.text == `\{`:
		return p.set()
	case t.text == "|":
		return p.absolute()
	case t.text == "frac":
		numerator := p.argument()
		return newProduct(numerator, reciprocal(p.argument()))
	case t.text == "binom":
		n := p.argument()
		return &node{op: opFunc, name: "binom", args: []*node{n, p.argument()}}
	case t.text == "sqrt":
		return p.root()
	case t.text == "lfloor" || t.text == "lceil":
		inner := p.list()
		p.expect("r" + t.text[1:])
		return &node{op: opFunc, name: strings.TrimPrefix(t.text, "l"), args: []*node{inner}}
	case strings.HasPrefix(t.text, "begin "):
		return p.matrix(t.text[len("begin "):])
	}
	return p.fail("unexpected %q", t.text)
}

// numeral reads a number with the base below it, if any.
func (p *parser) numeral(t token) *node {
	if !p.isOp("_") || strings.Trim(t.text, "0123456789") != "" {
		return &node{op: opNum, num: t.num, name: t.text}
	}
	p.at++
	base := p.argument()
	if base.op != opNum || !base.num.IsInt() {
		return p.fail("base of %s is no number", t.text)
	}
	return &node{op: opBased, name: t.text, num: base.num}
}

// symbol reads a variable with its index and primes, and f(x) for the letters
// that are functions by habit.
func (p *parser) symbol(t token) *node {
	name := t.text
	for {
		switch {
		case p.accept("_"):
			name += "_" + p.index()
		case p.accept("'"):
			name += "'"
		case p.take("^", "'") || p.take("^", "{", "'", "}"):
			name += "'"
		case isFunctionLetter(t.text) && p.isOp("^") && p.take("^", "{", "-", "1", "}", "("):
			return &node{op: opFunc, name: name + "^-1", args: p.arguments()}
		default:
			if p.isOp("(") && (isFunctionLetter(t.text) || p.argumentZero() || isPointName(name) && p.separates()) {
				p.at++
				return &node{op: opFunc, name: name, args: p.arguments()}
			}
			if t.text == "f" && p.isOp("{") && p.at+1 < len(p.tokens) && p.tokens[p.at+1].text == "(" {
				return &node{op: opFunc, name: name, args: []*node{p.primary()}} // as SymPy prints it
			}
			return &node{op: opSym, name: name}
		}
	}
}

// isPointName reports whether name may stand before the coordinates of a point.
func isPointName(name string) bool { return len(name) == 1 && 'A' <= name[0] && name[0] <= 'Z' }

func isFunctionLetter(name string) bool { return name == "f" || name == "g" || name == "h" }

// take consumes tokens of exactly these texts, or none.
func (p *parser) take(texts ...string) bool {
	if p.at+len(texts) > len(p.tokens) {
		return false
	}
	for i, text := range texts {
		if p.tokens[p.at+i].text != text {
			return false
		}
	}
	p.at += len(texts)
	return true
}

// argumentZero reports whether (0) follows, which is an initial value such as
// I(0) and no product.
func (p *parser) argumentZero() bool {
	return p.at+2 < len(p.tokens) && p.tokens[p.at+1].text == "0" && p.tokens[p.at+2].text == ")"
}

// index reads what is below a symbol as text.
func (p *parser) index() string {
	if !p.accept("{") {
		return p.next().text
	}
	var b strings.Builder
	for depth := 1; p.at < len(p.tokens); {
		t := p.next()
		if t.kind == tokenOp && t.text == "{" {
			depth++
		}
		if t.kind == tokenOp && t.text == "}" {
			if depth--; depth == 0 {
				return b.String()
			}
		}
		b.WriteString(t.text)
	}
	p.fail("index without an end")
	return ""
}

// arguments reads the list behind the opening parenthesis of f(x, y).
func (p *parser) arguments() []*node {
	inner := p.list()
	p.expect(")")
	if inner.op == opList {
		return inner.args
	}
	return []*node{inner}
}

// root reads \sqrt[n]{x}.
func (p *parser) root() *node {
	if !p.accept("[") {
		return newPower(p.argument(), oneHalf)
	}
	degree := p.list()
	p.expect("]")
	if degree.op == opNum && degree.num.Sign() > 0 {
		return newPower(p.argument(), &node{op: opNum, num: new(big.Rat).Inv(degree.num), name: "1/" + degree.name})
	}
	return newPower(p.argument(), reciprocal(degree))
}

// function reads sin x, sin^2 x, sin(x), log_2 x.
func (p *parser) function(name string) *node {
	var base, exponent *node
	for p.isOp("_", "^") {
		switch p.next().text {
		case "_":
			base = p.argument()
		case "^":
			minus := p.accept("-")
			if exponent = p.argument(); minus {
				exponent = negative(exponent)
			}
		}
	}
	args := p.functionArguments()
	if inverse := exponent != nil && exponent.op == opNum && exponent.name == "-1"; inverse && functions["arc"+name] != "" {
		name, exponent = functions["arc"+name], nil // sin^{-1} is the inverse function
	}
	if base != nil && name != "log" {
		return p.fail("index of %s", name)
	}
	result := &node{op: opFunc, name: name, args: args}
	if name == "lg" {
		result.name, base = "log", tenNode
	}
	if base != nil {
		result = newProduct(result, reciprocal(&node{op: opFunc, name: "log", args: []*node{base}}))
	}
	if exponent != nil {
		return newPower(result, exponent)
	}
	return result
}

// functionArguments reads a bracket, or factors up to the next sign or function.
func (p *parser) functionArguments() []*node {
	if p.accept("(") {
		return p.arguments()
	}
	if p.accept(`\{`) { // \max\{a, b\}
		if set := p.set(); set.op == opSet && len(set.args) > 0 {
			return set.args
		}
		p.fail("braces that are no arguments")
	}
	if p.peek().kind == tokenFunc {
		return []*node{p.power()} // ln ln x
	}
	if p.isOp("-") {
		p.at++
		return []*node{negative(p.power())}
	}
	factors := []*node{p.power()}
	if p.tokens[max(p.at-1, 0)].text == "}" && factors[0].op != opPow && !p.isOp("/") && p.bracedArgument() {
		return factors
	}
	for p.err == nil && p.startsFactor() && p.peek().kind != tokenFunc && !p.isOp("(", "{") {
		factors = append(factors, p.power())
	}
	return []*node{product(factors)}
}

// bracedArgument reports whether the argument just read was a group in braces,
// as in \sin{x} y, rather than a command with arguments.
func (p *parser) bracedArgument() bool {
	depth := 0
	for i := p.at - 1; i >= 0; i-- {
		switch p.tokens[i].text {
		case "}":
			depth++
		case "{":
			if depth--; depth == 0 {
				return i > 0 && (p.tokens[i-1].kind == tokenFunc || p.tokens[i-1].text == "}")
			}
		}
	}
	return false
}
