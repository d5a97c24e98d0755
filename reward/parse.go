package reward

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxDepth bounds how deep brackets, fractions and powers nest.
const maxDepth = 64

// errNotFormula is returned for an answer that is no formula, as most texts are.
var errNotFormula = errors.New("no formula")

// parser reads the tokens of an answer by recursive descent. After the first
// error it has no tokens left, so that every loop ends.
type parser struct {
	tokens   []token
	at       int
	depth    int
	inAbs    int // open bars of absolute values
	inSet    int // open braces of sets, in which a bar separates
	inSystem int // open environments of equations, in which & aligns
	splits   []split
	budget   *budget
	err      error
}

// parse reads an answer as a formula. It returns errNotFormula, wrapped, when it
// is none, and the error of the budget when that ends.
func parse(text string, thousands bool, b *budget) (*node, error) {
	if err := b.spend(len(text)/4 + 1); err != nil {
		return nil, err
	}
	p := &parser{tokens: lex(text, thousands), budget: b}
	n := p.list()
	if p.accept("over") { // the plain TeX way of fractions
		n = newProduct(n, reciprocal(p.list()))
	}
	if p.err == nil && p.at < len(p.tokens) {
		p.fail("unexpected %q", p.peek().text)
	}
	if p.err != nil {
		return nil, p.err
	}
	return n, nil
}

func (p *parser) fail(format string, args ...any) *node {
	if p.err == nil {
		p.err = fmt.Errorf("%w: %s", errNotFormula, fmt.Sprintf(format, args...))
	}
	p.at = len(p.tokens)
	return minusOne
}

func (p *parser) peek() token {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return token{}
}

func (p *parser) next() token {
	t := p.peek()
	if p.at < len(p.tokens) {
		p.at++
	}
	return t
}

func (p *parser) isOp(texts ...string) bool {
	t := p.peek()
	return t.kind == tokenOp && slices.Contains(texts, t.text)
}

func (p *parser) accept(text string) bool {
	if t := p.peek(); t.kind == tokenOp && t.text == text {
		p.at++
		return true
	}
	return false
}

func (p *parser) expect(text string) {
	if !p.accept(text) {
		p.fail("no %q before %q", text, p.peek().text)
	}
}

// enter goes one level down; leave is to follow.
func (p *parser) enter() bool {
	p.depth++
	if p.depth > maxDepth {
		p.fail("nested more than %d levels", maxDepth)
		return false
	}
	if err := p.budget.spend(1); err != nil {
		p.err, p.at = err, len(p.tokens)
		return false
	}
	return true
}

func (p *parser) leave() { p.depth-- }

// list reads what commas, semicolons or the words and and or separate.
func (p *parser) list() *node {
	if !p.enter() {
		return minusOne
	}
	defer p.leave()
	items := []*node{p.relation()}
	name := ""
	for p.isOp(",", ";") {
		for p.isOp(",", ";") { // "1, 2, and 3"
			if p.next().both {
				name = "and"
			}
		}
		if p.inSystem > 0 && p.peek().kind == tokenOp && (p.peek().text == `\\` || strings.HasPrefix(p.peek().text, "end ")) {
			break
		}
		items = append(items, p.relation())
	}
	if len(items) == 1 {
		return items[0]
	}
	return &node{op: opList, name: name, args: items}
}

// relation reads a chain of equations, inequalities or memberships.
func (p *parser) relation() *node {
	args := []*node{p.union()}
	var ops []string
	for p.isRelation() {
		ops = append(ops, p.next().text)
		if p.inSystem > 0 {
			p.accept("&")
		}
		args = append(args, p.union())
	}
	if ops == nil {
		return args[0]
	}
	return &node{op: opRelation, args: args, ops: ops}
}

func (p *parser) union() *node {
	args := []*node{p.difference()}
	for p.accept("cup") {
		args = append(args, p.difference())
	}
	if len(args) == 1 {
		return args[0]
	}
	if slices.ContainsFunc(args, func(a *node) bool { return a.op != opSet }) {
		return &node{op: opUnion, args: args}
	}
	all := &node{op: opSet}
	for _, a := range args {
		all.args = append(all.args, a.args...)
	}
	return all
}

func (p *parser) ratio() *node {
	args := []*node{p.sum()}
	for p.inSet == 0 && p.accept(":") {
		args = append(args, p.sum())
	}
	if len(args) == 1 {
		return args[0]
	}
	return &node{op: opRatio, args: args}
}

// sum reads terms with signs between them and a unit behind them.
func (p *parser) sum() *node {
	var terms []*node
	if p.isOp("pm", "mp") {
		terms = append(terms, &node{op: opPlusMinus, name: p.next().text, args: []*node{zeroNode, p.term()}})
	} else {
		terms = append(terms, p.signed())
	}
	for p.isOp("+", "-", "pm", "mp") {
		switch sign := p.next().text; sign {
		case "+":
			terms = append(terms, p.signed())
		case "-":
			terms = append(terms, negative(p.signed()))
		default:
			terms = []*node{{op: opPlusMinus, name: sign, args: []*node{sumOf(terms), p.term()}}}
		}
	}
	return p.withUnit(sumOf(terms))
}

func sumOf(terms []*node) *node {
	if len(terms) == 1 {
		return terms[0]
	}
	return &node{op: opAdd, args: terms}
}

func (p *parser) signed() *node {
	minus := false
	for p.isOp("+", "-") {
		if p.next().text == "-" {
			minus = !minus
		}
	}
	if p.accept("$") {
		return p.amount(minus, "dollar")
	}
	if t := p.peek(); t.kind == tokenWord && currencies[t.text] != "" {
		p.at++
		return p.amount(minus, currencies[t.text])
	}
	n := p.term()
	if minus {
		return negative(n)
	}
	return n
}

// amount reads what follows a currency sign.
func (p *parser) amount(minus bool, currency string) *node {
	for p.isOp("-") {
		p.at++
		minus = !minus
	}
	n := p.term()
	if minus {
		n = negative(n)
	}
	if !n.isScalar() {
		return p.fail("no amount after the currency sign")
	}
	for p.peek().kind == tokenWord && isUnit(p.peek().text) && units[strings.TrimSuffix(strings.ToLower(p.peek().text), "s")].dimension == "money" {
		p.at++ // "$5 dollars"
	}
	return &node{op: opUnit, name: currency, args: []*node{n}}
}

// term reads factors with or without signs of multiplication between them.
func (p *parser) term() *node {
	if !p.enter() {
		return minusOne
	}
	defer p.leave()
	factors := []*node{p.mixed()}
	for {
		if p.budget.spend(1) != nil {
			p.err, p.at = p.budget.err, len(p.tokens)
		}
		switch {
		case p.isOp("*"):
			p.at++
			factors = append(factors, p.signedFactor())
		case p.isOp("/"):
			p.at++
			below := p.signedFactor()
			if below.op == opPercent && len(factors) == 1 && factors[0].op == opNum && below.args[0].op == opNum {
				factors = []*node{{op: opPercent, args: []*node{newProduct(factors[0], reciprocal(below.args[0]))}}} // 1/2% is a half percent
				continue
			}
			factors = append(factors, reciprocal(below))
		case p.startsFactor():
			if p.peek().kind == tokenNumber && p.at > 0 && p.tokens[p.at-1].kind == tokenNumber {
				return p.fail("two numbers side by side")
			}
			factors = append(factors, p.power())
		default:
			return product(factors)
		}
	}
}

// product returns the product of factors. A matrix among expressions is
// multiplied entry by entry.
func product(factors []*node) *node {
	if len(factors) == 1 {
		return factors[0]
	}
	at := slices.IndexFunc(factors, func(f *node) bool { return f.op == opMatrix })
	if at < 0 {
		return &node{op: opMul, args: factors}
	}
	scaled := *factors[at]
	scaled.args = make([]*node, len(factors[at].args))
	for i, entry := range factors[at].args {
		scaled.args[i] = &node{op: opMul, args: slices.Concat(factors[:at], []*node{entry}, factors[at+1:])}
	}
	return &scaled
}

// signedFactor reads the factor behind a sign of multiplication: 2·−3.
func (p *parser) signedFactor() *node {
	minus := false
	for p.isOp("+", "-") {
		minus = minus != (p.next().text == "-")
	}
	n := p.mixed()
	if minus {
		return negative(n)
	}
	return n
}

// startsFactor reports whether the next token begins a factor of a product
// without a sign.
func (p *parser) startsFactor() bool {
	switch t := p.peek(); t.kind {
	case tokenNumber, tokenSymbol, tokenFunc:
		return true
	case tokenOp:
		switch t.text {
		case "(":
			return !p.unitInBrackets()
		case "{", "frac", "sqrt", "binom", "lfloor", "lceil":
			return true
		case "[":
			return p.groups()
		case "|":
			return p.inAbs == 0 && p.inSet == 0
		}
		return strings.HasPrefix(t.text, "begin ")
	}
	return false
}

// groups reports whether the square bracket that is next closes and has no comma
// in it, so that it groups an expression and is no interval.
func (p *parser) groups() bool {
	closing, separators := p.bracketAhead()
	return closing == "]" && separators == 0
}

// separates reports whether the bracket that is next closes and has a comma in it.
func (p *parser) separates() bool {
	closing, separators := p.bracketAhead()
	return closing != "" && separators > 0
}

// bracketAhead returns the end of the bracket that is next, or nothing if it is
// far or has none, and the number of separators right in it.
func (p *parser) bracketAhead() (closing string, separators int) {
	depth := 0
	for i := p.at; i < len(p.tokens) && i < p.at+maxGroup; i++ {
		if t := p.tokens[i]; t.kind == tokenOp {
			switch t.text {
			case "(", "[", "{", `\{`:
				depth++
			case ")", "]", "}", `\}`:
				if depth--; depth == 0 {
					return t.text, separators
				}
			case ",", ";", "cup":
				if depth == 1 {
					separators++
				}
			}
		}
	}
	return "", separators
}

// maxGroup bounds the tokens looked at for the end of a group.
const maxGroup = 256

// mixed reads a mixed number such as 2 1/3 or 2\frac13, or a power.
func (p *parser) mixed() *node {
	whole := p.peek()
	if whole.kind != tokenNumber || strings.Trim(whole.text, "0123456789") != "" {
		return p.power()
	}
	if n := p.plainFraction(p.at + 1); n > 0 && p.tokens[p.at+1].space {
		numerator, denominator := p.tokens[p.at+1], p.tokens[p.at+3]
		if numerator.num.Cmp(denominator.num) < 0 {
			p.at += 4
			return p.raised(mixedNumber(whole, numerator, denominator))
		}
	}
	if p.at+1 < len(p.tokens) && p.tokens[p.at+1].kind == tokenOp && p.tokens[p.at+1].text == "frac" {
		if n, ok := p.mixedFraction(whole); ok {
			return p.raised(n)
		}
	}
	if start, splits := p.at, len(p.splits); p.at+2 < len(p.tokens) && p.tokens[p.at+1].text == "{" && p.tokens[p.at+2].text == "frac" {
		p.at++ // 5{\frac12}
		if n, ok := p.mixedFraction(whole); ok && p.accept("}") {
			return p.raised(n)
		}
		p.back(start, splits)
	}
	if n := p.overFraction(p.at + 1); n > 0 {
		p.at += 1 + n
		return p.raised(mixedNumber(whole, p.tokens[p.at-4], p.tokens[p.at-2]))
	}
	if p.at+1 < len(p.tokens) && p.tokens[p.at+1].kind == tokenNumber && strings.Contains("½¼¾⅓⅔", p.tokens[p.at+1].text) {
		p.at += 2
		return &node{op: opNum, num: addRat(whole.num, p.tokens[p.at-1].num), name: whole.text + p.tokens[p.at-1].text}
	}
	return p.power()
}

// plainFraction reports with 1 whether number, slash, number stand at i and no
// more of a product follows.
func (p *parser) plainFraction(i int) int {
	if i+2 >= len(p.tokens) || p.tokens[i].kind != tokenNumber || p.tokens[i+1].text != "/" || p.tokens[i+2].kind != tokenNumber {
		return 0
	}
	if strings.Trim(p.tokens[i].text+p.tokens[i+2].text, "0123456789") != "" {
		return 0
	}
	return 1
}

// overFraction returns the tokens of {1 \over 2} at i, a fraction below one, or 0.
func (p *parser) overFraction(i int) int {
	if i+4 >= len(p.tokens) || p.tokens[i].text != "{" || p.tokens[i+2].text != "over" || p.tokens[i+4].text != "}" {
		return 0
	}
	above, below := p.tokens[i+1], p.tokens[i+3]
	if above.kind != tokenNumber || below.kind != tokenNumber || strings.Trim(above.text+below.text, "0123456789") != "" || above.num.Cmp(below.num) >= 0 {
		return 0
	}
	return 5
}

// mixedFraction reads whole\frac{numerator}{denominator} of digits.
func (p *parser) mixedFraction(whole token) (*node, bool) {
	start, splits := p.at, len(p.splits)
	p.at += 2
	numerator, okN := p.digitsArgument()
	denominator, okD := p.digitsArgument()
	if okN && okD && numerator.num.Cmp(denominator.num) < 0 && numerator.num.Sign() > 0 && !p.isOp("^", "!") {
		return mixedNumber(whole, numerator, denominator), true
	}
	p.back(start, splits)
	return nil, false
}

// digitsArgument reads an argument of a command that is a number only.
func (p *parser) digitsArgument() (token, bool) {
	t := p.next()
	braced := t.kind == tokenOp && t.text == "{"
	if braced {
		t = p.next()
	}
	if t.kind != tokenNumber || strings.Trim(t.text, "0123456789") != "" {
		return t, false
	}
	if !braced && len(t.text) > 1 {
		return p.splitDigits(t), true
	}
	return t, !braced || p.accept("}")
}
