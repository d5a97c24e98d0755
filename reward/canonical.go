package reward

import (
	"errors"
	"math/big"
	"strconv"
)

const (
	maxPower     = 4096 // of a number or polynomial, computed exactly
	maxFactorial = 1000
	maxRoot      = 64 // degree of a root
)

// canonical returns an expression as a quotient of polynomials. It returns
// errTooLarge, errUndefined or the error of the budget.
func (g *algebra) canonical(n *node) (fraction, error) {
	if f, ok := g.memo[n]; ok {
		return f, nil
	}
	if err := g.budget.spend(1); err != nil {
		return fraction{}, err
	}
	f, err := g.compute(n)
	if err == nil {
		g.memo[n] = f
	}
	return f, err
}

func (g *algebra) compute(n *node) (fraction, error) {
	switch n.op {
	case opNum:
		return whole(constant(n.num)), nil
	case opSym:
		return g.symbol(n.name)
	case opAdd:
		return g.fold(n.args, g.addFractions)
	case opMul:
		return g.fold(n.args, g.multiplyFractions)
	case opPow:
		return g.power(n)
	case opFunc:
		return g.function(n)
	case opPercent:
		f, err := g.canonical(n.args[0])
		if err != nil {
			return f, err
		}
		return fraction{f.numerator.scaled(big.NewRat(1, 100)), f.denominator}, nil
	case opUnit:
		return g.measure(n)
	}
	return fraction{}, errUndefined
}

// measure takes degrees within an expression as π/180.
func (g *algebra) measure(n *node) (fraction, error) {
	f, err := g.canonical(n.args[0])
	if err != nil || n.name != "degree" {
		return f, err
	}
	pi, err := g.symbol("pi")
	if err != nil {
		return f, err
	}
	return g.multiplyFractions(f, whole(pi.numerator.scaled(big.NewRat(1, 180))))
}

func (g *algebra) fold(args []*node, combine func(x, y fraction) (fraction, error)) (fraction, error) {
	result, err := g.canonical(args[0])
	for _, a := range args[1:] {
		if err != nil {
			return result, err
		}
		var f fraction
		if f, err = g.canonical(a); err == nil {
			result, err = combine(result, f)
		}
	}
	return result, err
}

func (g *algebra) symbol(name string) (fraction, error) {
	a := atom{key: name}
	if name == "i" {
		a.root, a.square = 2, ratInt(-1)
	}
	return g.single(a, 1), nil
}

func (g *algebra) single(a atom, exponent int) fraction {
	return whole(polynomial{{ratInt(1), []factor{{g.intern(a), exponent}}}})
}

// power computes powers with whole exponents and roots of numbers; others, and
// those too large, become atoms.
func (g *algebra) power(n *node) (fraction, error) {
	exponent, err := g.canonical(n.args[1])
	if err != nil {
		return exponent, err
	}
	base, err := g.canonical(n.args[0])
	if err != nil {
		return base, err
	}
	e, ok := exponent.value()
	if !ok {
		return g.opaquePower(base, exponent)
	}
	var result fraction
	if e.IsInt() {
		result, err = g.wholePower(base, e.Num())
	} else {
		result, err = g.rationalPower(base, e)
	}
	if errors.Is(err, errTooLarge) {
		return g.opaquePower(base, exponent) // still equal to itself
	}
	return result, err
}

func (g *algebra) wholePower(base fraction, e *big.Int) (fraction, error) {
	if !e.IsInt64() {
		return base, errTooLarge
	}
	n := e.Int64()
	if n == 0 && len(base.numerator) == 0 {
		return base, errUndefined
	}
	if len(base.numerator) == 1 && len(base.denominator) == 1 && len(base.numerator[0].factors) > 0 {
		if n > maxDegree || n < -maxDegree {
			return base, errTooLarge
		}
		return g.monomialPower(base.numerator[0], int(n))
	}
	if n > maxPower || n < -maxPower {
		return base, errTooLarge
	}
	return g.raiseFraction(base, int(n))
}

// monomialPower multiplies the exponents of a term.
func (g *algebra) monomialPower(t term, n int) (fraction, error) {
	if bits(t.coefficient)*max(n, -n) > maxBits && bits(t.coefficient) > 2 {
		return fraction{}, errTooLarge
	}
	c := smallPower(t.coefficient, n)
	var factors []factor
	for _, f := range t.factors {
		if f.exponent > maxDegree/max(n, -n, 1) || f.exponent < -maxDegree/max(n, -n, 1) {
			return fraction{}, errTooLarge
		}
		if f, c = g.reduce(factor{f.atom, f.exponent * n}, c); f.exponent != 0 {
			factors = append(factors, f)
		}
	}
	t, err := checked(term{c, factors})
	return whole(polynomial{t}), err
}

// rationalPower computes roots of rational numbers as products of roots of
// primes. A root of anything else is an atom.
func (g *algebra) rationalPower(base fraction, e *big.Rat) (fraction, error) {
	value, ok := base.value()
	p, q := e.Num(), e.Denom()
	if !q.IsInt64() || q.Int64() > maxRoot || !p.IsInt64() || p.Int64() > maxPower || p.Int64() < -maxPower {
		return base, errTooLarge
	}
	if !ok {
		root, err := g.opaquePower(base, whole(constant(new(big.Rat).SetFrac(big.NewInt(1), q))))
		if err != nil {
			return base, err
		}
		return g.wholePower(root, p)
	}
	if value.Sign() == 0 {
		if p.Sign() < 0 {
			return base, errUndefined
		}
		return base, nil
	}
	root, err := g.rootOf(value, int(q.Int64()))
	if err != nil {
		return base, err
	}
	return g.wholePower(root, p)
}

// rootOf returns the real q-th root of r, or i times that of −r for the square
// root of a negative number.
func (g *algebra) rootOf(r *big.Rat, q int) (fraction, error) {
	sign := fraction{}
	switch {
	case r.Sign() > 0:
		sign = whole(one)
	case q%2 == 1:
		sign = whole(constant(ratInt(-1)))
	case q == 2:
		sign, _ = g.symbol("i")
	default:
		return sign, errTooLarge
	}
	numerator, err := g.rootOfInt(new(big.Int).Abs(r.Num()), q)
	if err != nil {
		return sign, err
	}
	denominator, err := g.rootOfInt(r.Denom(), q)
	if err != nil {
		return sign, err
	}
	quotient, err := g.simplify(fraction{numerator.numerator, denominator.numerator})
	if err != nil {
		return sign, err
	}
	return g.multiplyFractions(sign, quotient)
}

// maxTrial is the largest divisor tried, so that numbers to its square are
// factored completely.
const maxTrial = 2000

// rootOfInt splits n > 0 into primes and returns the product of their roots.
func (g *algebra) rootOfInt(n *big.Int, q int) (fraction, error) {
	result := whole(one)
	rest := new(big.Int).Set(n)
	d, quotient, remainder := new(big.Int), new(big.Int), new(big.Int)
	for p := int64(2); p <= maxTrial && rest.Cmp(d.SetInt64(p*p)) >= 0; p += 1 + p&1 {
		count := 0
		for d.SetInt64(p); ; count++ {
			if err := g.budget.spend(1 + rest.BitLen()/256); err != nil {
				return result, err
			}
			quotient.QuoRem(rest, d, remainder)
			if remainder.Sign() != 0 {
				break
			}
			rest.Set(quotient)
		}
		if count > 0 {
			var err error
			if result, err = g.multiplyFractions(result, g.primeRoot(big.NewInt(p), q, count, false)); err != nil {
				return result, err
			}
		}
	}
	if rest.Cmp(big.NewInt(1)) == 0 {
		return result, nil
	}
	if s := new(big.Int).Sqrt(rest); q == 2 && new(big.Int).Mul(s, s).Cmp(rest) == 0 {
		return g.multiplyFractions(result, whole(constant(new(big.Rat).SetInt(s))))
	}
	composite := rest.Cmp(big.NewInt(maxTrial*maxTrial)) > 0
	return g.multiplyFractions(result, g.primeRoot(rest, q, 1, composite))
}

// primeRoot returns the q-th root of p to the power of count. Roots of different
// degrees of the same prime depend on each other, and so do those of numbers not
// known to be prime.
func (g *algebra) primeRoot(p *big.Int, q, count int, composite bool) fraction {
	r := new(big.Rat).SetInt(p)
	outside := smallPower(r, count/q)
	if count %= q; count == 0 {
		return whole(constant(outside))
	}
	name := p.String()
	a := atom{key: rootName(q) + "(" + name + ")", root: q, square: r, opaque: composite}
	seen := atom{key: "degree(" + name + ")", root: q}
	if i, ok := g.known[seen.key]; !ok {
		g.intern(seen)
	} else if g.atoms[i].root != q {
		a.opaque = true
	}
	return whole(polynomial{{outside, []factor{{g.intern(a), count}}}})
}

func rootName(q int) string {
	switch q {
	case 2:
		return "sqrt"
	case 3:
		return "cbrt"
	}
	return "root" + strconv.Itoa(q)
}

// maxKey bounds the name of an atom in bytes.
const maxKey = 1 << 14

// opaque returns an atom of which nothing is known but its name, to a power.
func (g *algebra) opaque(key string, exponent int) (fraction, error) {
	if len(key) > maxKey {
		return fraction{}, errTooLarge
	}
	return g.single(atom{key: key, opaque: true}, exponent), g.budget.spend(1 + len(key)/64)
}

// opaquePower is an atom for base to the exponent, with the sign of the exponent
// taken out.
func (g *algebra) opaquePower(base, exponent fraction) (fraction, error) {
	if err := g.budget.spend(len(base.numerator) + len(exponent.numerator) + 1); err != nil {
		return base, err
	}
	if len(exponent.denominator) == 1 && len(exponent.numerator) == 1 && exponent.numerator[0].coefficient.Sign() < 0 {
		return g.opaque("("+g.key(base)+")^("+g.key(whole(exponent.numerator.scaled(minusOne.num)))+")", -1)
	}
	return g.opaque("("+g.key(base)+")^("+g.key(exponent)+")", 1)
}
