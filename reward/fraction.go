package reward

import "math/big"

// fraction is a quotient of polynomials. A denominator of one term is always
// divided out, as exponents may be negative.
type fraction struct {
	numerator, denominator polynomial // the denominator is not 0
}

var one = polynomial{{coefficient: ratInt(1)}}

func whole(p polynomial) fraction { return fraction{p, one} }

func (f fraction) value() (*big.Rat, bool) {
	if len(f.denominator) != 1 {
		return nil, false
	}
	return f.numerator.value()
}

// simplify divides a denominator of one term out, and others by their first
// coefficient.
func (g *algebra) simplify(f fraction) (fraction, error) {
	if len(f.denominator) == 0 {
		return f, errUndefined
	}
	if len(f.numerator) == 0 {
		return whole(nil), nil
	}
	first := f.denominator[0]
	inverse := new(big.Rat).Inv(first.coefficient)
	if len(f.denominator) > 1 {
		return fraction{f.numerator.scaled(inverse), f.denominator.scaled(inverse)}, nil
	}
	if len(first.factors) == 0 {
		if inverse.IsInt() && inverse.Num().IsInt64() && inverse.Num().Int64() == 1 {
			return whole(f.numerator), nil
		}
		return whole(f.numerator.scaled(inverse)), nil
	}
	inverted := term{inverse, make([]factor, len(first.factors))}
	for i, x := range first.factors {
		inverted.factors[i] = factor{x.atom, -x.exponent}
	}
	p, err := g.multiply(f.numerator, polynomial{inverted})
	return whole(p), err
}

func (g *algebra) addFractions(x, y fraction) (fraction, error) {
	if len(x.denominator) == 1 && len(y.denominator) == 1 {
		sum, err := g.add(x.numerator, y.numerator, one[0].coefficient)
		return whole(sum), err
	}
	left, err := g.multiply(x.numerator, y.denominator)
	if err != nil {
		return x, err
	}
	right, err := g.multiply(y.numerator, x.denominator)
	if err != nil {
		return x, err
	}
	numerator, err := g.add(left, right, one[0].coefficient)
	if err != nil {
		return x, err
	}
	denominator, err := g.multiply(x.denominator, y.denominator)
	if err != nil {
		return x, err
	}
	return g.simplify(fraction{numerator, denominator})
}

func (g *algebra) multiplyFractions(x, y fraction) (fraction, error) {
	numerator, err := g.multiply(x.numerator, y.numerator)
	if err != nil {
		return x, err
	}
	if len(x.denominator) == 1 && len(y.denominator) == 1 {
		return whole(numerator), nil
	}
	denominator, err := g.multiply(x.denominator, y.denominator)
	if err != nil {
		return x, err
	}
	return g.simplify(fraction{numerator, denominator})
}

// raiseFraction returns x to the power of n.
func (g *algebra) raiseFraction(x fraction, n int) (fraction, error) {
	if n < 0 {
		inverse, err := g.simplify(fraction{x.denominator, x.numerator})
		if err != nil {
			return x, err
		}
		x, n = inverse, -n
	}
	if value, ok := x.value(); ok {
		if bits(value)*n > maxBits && value.Sign() != 0 && bits(value) > 2 {
			return x, errTooLarge
		}
		if err := g.budget.spend(1 + bits(value)*n/64); err != nil {
			return x, err
		}
		return whole(constant(smallPower(value, n))), nil
	}
	result := whole(one)
	for ; n > 0; n >>= 1 {
		var err error
		if n&1 == 1 {
			if result, err = g.multiplyFractions(result, x); err != nil {
				return x, err
			}
		}
		if n > 1 {
			if x, err = g.multiplyFractions(x, x); err != nil {
				return x, err
			}
		}
	}
	return result, nil
}

// same reports whether two fractions are equal, and whether that is certain: if
// no atom depends on others, what is not equal by the rules of polynomials is
// not equal. That roots of different primes do not depend on each other is a
// theorem of Besicovitch (1940); that π and e do not is taken for granted.
func (g *algebra) same(x, y fraction) (equal, certain bool, err error) {
	left, err := g.multiply(x.numerator, y.denominator)
	if err != nil {
		return false, false, err
	}
	right, err := g.multiply(y.numerator, x.denominator)
	if err != nil {
		return false, false, err
	}
	difference, err := g.add(left, right, minusOne.num)
	if err != nil {
		return false, false, err
	}
	if len(difference) == 0 {
		return true, true, nil
	}
	for _, t := range difference {
		for _, f := range t.factors {
			if g.atoms[f.atom].opaque {
				return false, false, nil
			}
		}
	}
	return false, true, nil
}

// key writes a fraction.
func (g *algebra) key(f fraction) string {
	if len(f.denominator) == 1 {
		return g.text(f.numerator)
	}
	return "(" + g.text(f.numerator) + ")/(" + g.text(f.denominator) + ")"
}
