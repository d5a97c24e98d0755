package reward

import (
	"math/big"
	"strings"
)

// function computes functions of numbers that have exact values; others become
// atoms.
func (g *algebra) function(n *node) (fraction, error) {
	if n.name == "det" {
		return g.determinant(n.args)
	}
	args := make([]fraction, len(n.args))
	values := make([]*big.Rat, 0, len(n.args))
	for i, a := range n.args {
		f, err := g.canonical(a)
		if err != nil {
			return f, err
		}
		args[i] = f
		if v, ok := f.value(); ok {
			values = append(values, v)
		}
	}
	if len(values) == len(args) {
		if v, ok := exactFunction(n.name, values); ok {
			return whole(constant(v)), nil
		}
	}
	return g.opaqueFunction(n.name, args)
}

func (g *algebra) opaqueFunction(name string, args []fraction) (fraction, error) {
	keys := make([]string, len(args))
	for i, f := range args {
		if err := g.budget.spend(len(f.numerator) + len(f.denominator)); err != nil {
			return f, err
		}
		keys[i] = g.key(f)
	}
	return g.opaque(name+"("+strings.Join(keys, ",")+")", 1)
}

// exactFunction returns rational values of functions of rational numbers.
func exactFunction(name string, v []*big.Rat) (*big.Rat, bool) {
	switch {
	case name == "abs" && len(v) == 1:
		return new(big.Rat).Abs(v[0]), true
	case name == "floor" && len(v) == 1:
		return new(big.Rat).SetInt(floor(v[0])), true
	case name == "ceil" && len(v) == 1:
		f := floor(new(big.Rat).Neg(v[0]))
		return new(big.Rat).SetInt(f.Neg(f)), true
	case name == "factorial" && len(v) == 1 && smallInt(v[0]):
		return new(big.Rat).SetInt(new(big.Int).MulRange(1, v[0].Num().Int64())), true
	case name == "binom" && len(v) == 2 && smallInt(v[0]) && smallInt(v[1]):
		return new(big.Rat).SetInt(new(big.Int).Binomial(v[0].Num().Int64(), v[1].Num().Int64())), true
	case (name == "max" || name == "min") && len(v) > 0:
		return extreme(v, name == "max"), true
	case (name == "gcd" || name == "lcm") && len(v) == 2 && v[0].IsInt() && v[1].IsInt():
		return divisor(v[0].Num(), v[1].Num(), name)
	case name == "log" && len(v) == 1 && v[0].Cmp(one[0].coefficient) == 0:
		return new(big.Rat), true
	}
	return nil, false
}

func floor(r *big.Rat) *big.Int {
	return new(big.Int).Div(r.Num(), r.Denom()) // rounds to −∞, as the denominator is positive
}

func smallInt(r *big.Rat) bool {
	return r.IsInt() && r.Sign() >= 0 && r.Num().IsInt64() && r.Num().Int64() <= maxFactorial
}

func extreme(v []*big.Rat, largest bool) *big.Rat {
	best := v[0]
	for _, x := range v[1:] {
		if (x.Cmp(best) > 0) == largest {
			best = x
		}
	}
	return best
}

func divisor(x, y *big.Int, name string) (*big.Rat, bool) {
	x, y = new(big.Int).Abs(x), new(big.Int).Abs(y)
	d := new(big.Int).GCD(nil, nil, x, y)
	if name == "gcd" {
		return new(big.Rat).SetInt(d), true
	}
	if d.Sign() == 0 {
		return nil, false
	}
	return new(big.Rat).SetInt(x.Mul(x, y).Quo(x, d)), true
}

// maxDeterminant is the largest order of a determinant, by expansion.
const maxDeterminant = 5

func (g *algebra) determinant(args []*node) (fraction, error) {
	if len(args) != 1 || args[0].op != opMatrix {
		return fraction{}, errUndefined
	}
	m := args[0]
	if m.columns*m.columns != len(m.args) || m.columns > maxDeterminant {
		return fraction{}, errUndefined
	}
	columns := make([]int, m.columns)
	for i := range columns {
		columns[i] = i
	}
	return g.minor(m, 0, columns)
}

// minor expands the determinant of the rows from row and the columns given.
func (g *algebra) minor(m *node, row int, columns []int) (fraction, error) {
	if len(columns) == 0 {
		return whole(one), nil
	}
	sum := whole(nil)
	for i, column := range columns {
		rest := append(append([]int{}, columns[:i]...), columns[i+1:]...)
		below, err := g.minor(m, row+1, rest)
		if err != nil {
			return sum, err
		}
		entry, err := g.canonical(m.args[row*m.columns+column])
		if err != nil {
			return sum, err
		}
		product, err := g.multiplyFractions(entry, below)
		if err != nil {
			return sum, err
		}
		if i%2 == 1 {
			product = fraction{product.numerator.scaled(minusOne.num), product.denominator}
		}
		if sum, err = g.addFractions(sum, product); err != nil {
			return sum, err
		}
	}
	return sum, nil
}
