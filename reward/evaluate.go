package reward

import (
	"hash/fnv"
	"math/big"
)

// point evaluates expressions with numbers in place of their variables. A
// variable has the same value wherever it occurs and in both answers.
type point struct {
	index    uint64 // of the point; with the name it decides a variable's value
	integers bool   // variables take small whole numbers
	wide     bool   // some variables take large values
	complex  bool   // values need not be real
	budget   *budget
}

// Costs of functions in units of the budget, of about a hundred nanoseconds each.
const (
	costArithmetic = 3
	costFunction   = 400
)

// maxInteger is the largest value of a variable that stands for whole numbers.
const maxInteger = 64

// variable returns a rational number in (−3, 3) with a denominator of 2³², or a
// whole number from 1 to 64, that depends on nothing but name and point. At a
// wide point the former is larger by a power of two, up to 2¹².
func (p *point) variable(name string) number {
	h := mix(hash(name) + p.index*0x9e3779b97f4a7c15)
	if p.integers {
		return intNumber(int64(1 + h%maxInteger))
	}
	scale := -32
	if p.wide {
		scale += int(p.index%5) * 3
	}
	return realNumber(shift(floatInt(int64(h%(6<<32))-3<<32), scale), exactly)
}

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

// mix is the finalizer of SplitMix64.
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// evaluate returns the value of n, or false where it has none, is too large or
// too small, not real where it should be, or the budget has ended.
func (p *point) evaluate(n *node) (number, bool) {
	if p.budget.spend(costArithmetic) != nil {
		return number{}, false
	}
	x, ok := p.compute(n)
	if !ok || x.scale() > maxScale || !p.complex && !x.isReal() {
		return x, false
	}
	if x.scale() < -maxScale && !x.isZero() {
		return number{re: newFloat(), im: newFloat(), err: -maxScale, lost: x.lost || !x.mayBeZero()}, true
	}
	return x, true
}

func (p *point) compute(n *node) (number, bool) {
	switch n.op {
	case opNum:
		return fromRat(n.num), true
	case opSym:
		return p.symbol(n.name)
	case opAdd, opMul:
		return p.fold(n)
	case opPow:
		return p.power(n)
	case opFunc:
		return p.function(n)
	case opPercent:
		x, ok := p.evaluate(n.args[0])
		if !ok {
			return x, false
		}
		return x.times(fromRat(big.NewRat(1, 100))), true
	case opUnit:
		x, ok := p.evaluate(n.args[0])
		if ok && n.name == "degree" {
			x = x.times(pi()).times(fromRat(big.NewRat(1, 180)))
		}
		return x, ok
	}
	return number{}, false
}

func (p *point) symbol(name string) (number, bool) {
	switch name {
	case "pi":
		return pi(), true
	case "e":
		return intNumber(1).exp(), true
	case "i":
		return intNumber(1).turned(), true
	case "infty", "emptyset":
		return number{}, false
	}
	return p.variable(name), true
}

// fromRat returns r, exactly where it is a whole number of at most 63 bits.
func fromRat(r *big.Rat) number {
	if r.IsInt() && r.Num().IsInt64() {
		return intNumber(r.Num().Int64())
	}
	return rounded(newFloat().SetRat(r))
}

func pi() number { return realNumber(newFloat().Set(piValue()), -precision+8) }

func (p *point) fold(n *node) (number, bool) {
	result, ok := p.evaluate(n.args[0])
	for _, a := range n.args[1:] {
		if !ok {
			return result, false
		}
		var x number
		if x, ok = p.evaluate(a); !ok {
			return result, false
		}
		if n.op == opAdd {
			result = result.plus(x)
		} else {
			result = result.times(x)
		}
		ok = result.scale() <= maxScale
	}
	return result, ok
}

// power returns whole powers by squaring, real odd roots of negative numbers,
// and else the exponential of the logarithm.
func (p *point) power(n *node) (number, bool) {
	base, ok := p.evaluate(n.args[0])
	if !ok {
		return base, false
	}
	exponent, ok := p.evaluate(n.args[1])
	if !ok {
		return base, false
	}
	whole, isWhole := exponent.whole()
	if base.mayBeZero() {
		if !exponent.isReal() || exponent.re.Sign() <= 0 || exponent.mayBeZero() {
			return base, false
		}
		if n.args[1] == oneHalf {
			return base.sqrt(), true
		}
		return base, isWhole || base.isZero()
	}
	if isWhole {
		return p.wholePower(base, whole)
	}
	if base.isReal() && base.re.Sign() < 0 {
		if even, odd := oddRoot(n.args[1]); odd {
			root, ok := p.realPower(base.negated(), exponent)
			if !even {
				root = root.negated()
			}
			return root, ok
		}
	}
	if n.args[1] == oneHalf {
		return base.sqrt(), p.budget.spend(costFunction/8) == nil
	}
	return p.realPower(base, exponent)
}

// whole returns the whole number that x is up to its error.
func (x number) whole() (n int64, ok bool) {
	if !x.isReal() || x.scale() > 62 || x.err > -agreement {
		return 0, false
	}
	nearest, _ := add(x.re, newFloat().SetFloat64(0.5)).Int(nil)
	if x.re.Sign() < 0 {
		nearest, _ = sub(x.re, newFloat().SetFloat64(0.5)).Int(nil)
	}
	if d := sub(newFloat().SetInt(nearest), x.re); d.Sign() != 0 && d.MantExp(nil) > x.err {
		return 0, false
	}
	return nearest.Int64(), true
}

// oddRoot reports whether an exponent is a fraction with an odd denominator,
// and whether its numerator is even.
func oddRoot(n *node) (even, odd bool) {
	value := n.num
	if n.op == opMul && len(n.args) == 2 && n.args[0].op == opNum && n.args[1].op == opPow && n.args[1].args[0].op == opNum && n.args[1].args[1] == minusOne && n.args[1].args[0].num.Sign() != 0 {
		value = new(big.Rat).Quo(n.args[0].num, n.args[1].args[0].num)
	} else if n.op != opNum {
		return false, false
	}
	return value.Num().Bit(0) == 0, value.Denom().Bit(0) == 1
}

func (p *point) realPower(base, exponent number) (number, bool) {
	if p.budget.spend(2*costFunction) != nil {
		return base, false
	}
	return p.exp(base.log().times(exponent))
}

func (p *point) exp(x number) (number, bool) {
	if x.scale() > 11 || p.budget.spend(costFunction) != nil {
		return x, false
	}
	return x.exp(), true
}

func (p *point) wholePower(base number, e int64) (number, bool) {
	if e < 0 {
		base, e = base.inverse(), -e
	}
	result := intNumber(1)
	for ; e > 0; e >>= 1 {
		if e&1 == 1 {
			result = result.times(base)
		}
		if s := result.scale(); s > maxScale || s < -maxScale || e < 0 {
			return result, false
		}
		if e > 1 {
			base = base.times(base)
			if s := base.scale(); s > 2*maxScale || s < -2*maxScale {
				return result, false
			}
		}
		if p.budget.spend(costArithmetic) != nil {
			return result, false
		}
	}
	return result, true
}
