package reward

import (
	"math/big"
	"strings"
)

// function evaluates a function by name. A letter such as f stands for some
// function: its value depends on the argument and nothing else.
func (p *point) function(n *node) (number, bool) {
	if n.name == "det" {
		return number{}, false
	}
	args := make([]number, len(n.args))
	for i, a := range n.args {
		x, ok := p.evaluate(a)
		if !ok {
			return x, false
		}
		args[i] = x
	}
	if p.budget.spend(costFunction) != nil {
		return number{}, false
	}
	if len(args) == 1 && elementary[n.name] != nil {
		y, ok := elementary[n.name](p, args[0])
		if ok && y.mayBeZero() && !args[0].mayBeZero() && args[0].scale() < -agreement {
			y.lost = true // it is as small as its argument
		}
		return y, ok
	}
	return p.discrete(n.name, args)
}

// elementary are the functions of one number.
var elementary = map[string]func(*point, number) (number, bool){
	"sin": func(p *point, x number) (number, bool) { _, s := x.cosSin(); return s, x.scale() < 64 },
	"cos": func(p *point, x number) (number, bool) { c, _ := x.cosSin(); return c, x.scale() < 64 },
	"tan": func(p *point, x number) (number, bool) { c, s := x.cosSin(); return quotient(s, c) },
	"cot": func(p *point, x number) (number, bool) { c, s := x.cosSin(); return quotient(c, s) },
	"sec": func(p *point, x number) (number, bool) { c, _ := x.cosSin(); return quotient(intNumber(1), c) },
	"csc": func(p *point, x number) (number, bool) { _, s := x.cosSin(); return quotient(intNumber(1), s) },
	"sinh": func(p *point, x number) (number, bool) {
		_, s := x.turned().cosSin()
		return s.turned().negated(), x.scale() < 8
	},
	"cosh": func(p *point, x number) (number, bool) { c, _ := x.turned().cosSin(); return c, x.scale() < 8 },
	"tanh": func(p *point, x number) (number, bool) {
		c, s := x.turned().cosSin()
		t, ok := quotient(s.turned().negated(), c)
		return t, ok && x.scale() < 8
	},
	"asin": func(p *point, x number) (number, bool) { return x.arcsin(), true },
	"acos": func(p *point, x number) (number, bool) {
		return pi().halved().minus(x.arcsin()), true
	},
	"atan": func(p *point, x number) (number, bool) { return x.arctan() },
	"exp":  func(p *point, x number) (number, bool) { return p.exp(x) },
	"log": func(p *point, x number) (number, bool) {
		if x.mayBeZero() {
			return x, false
		}
		return x.log(), true
	},
	"abs": func(p *point, x number) (number, bool) {
		if x.isReal() {
			x.re = newFloat().Abs(x.re)
			return x, true
		}
		return number{re: newFloat().Sqrt(x.norm()), im: newFloat(), lost: x.lost}.relative(x), true
	},
}

func quotient(x, y number) (number, bool) {
	if y.mayBeZero() {
		return x, false
	}
	return x.times(y.inverse()), true
}

// discrete evaluates functions of whole numbers, and those of several numbers.
func (p *point) discrete(name string, args []number) (number, bool) {
	if !strings.Contains("factorial binom floor ceil max min gcd lcm", name) {
		return p.unknown(name, args)
	}
	values := make([]*big.Rat, len(args))
	worst, lost := exactly, false
	for i, x := range args {
		if !x.isReal() || x.scale() > 64 {
			return x, false
		}
		lost = lost || x.lost
		if n, ok := x.whole(); ok {
			values[i] = ratInt(n)
			continue
		}
		worst = max(worst, x.err)
		values[i], _ = x.re.Rat(nil)
	}
	v, ok := exactFunction(name, values)
	if !ok {
		return number{}, false
	}
	result := fromRat(v)
	result.lost = lost
	if name == "max" || name == "min" {
		result.err = max(result.err, worst)
	}
	return result, true
}

// unknown is a function that nothing is known of but its name.
func (p *point) unknown(name string, args []number) (number, bool) {
	key := name
	for _, x := range args {
		// 64 bits are the same for equal arguments computed in different ways.
		key += "," + new(big.Float).SetPrec(64).Set(x.re).Text('p', 0) + "," + new(big.Float).SetPrec(64).Set(x.im).Text('p', 0)
	}
	return p.variable(key), true
}
