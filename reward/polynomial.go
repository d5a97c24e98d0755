package reward

import (
	"cmp"
	"errors"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

const (
	maxTerms  = 2000    // of a polynomial
	maxDegree = 1 << 20 // of an atom in a term
	maxBits   = 1 << 16 // of a coefficient
)

var (
	// errTooLarge is returned for what has a value but is not computed.
	errTooLarge = errors.New("too large to compute")
	// errUndefined is returned for what has no value, such as 1/0.
	errUndefined = errors.New("undefined")
)

// atom is what polynomials are made of: a variable, π, the q-th root of a prime
// (or of −1), or a function of something.
type atom struct {
	key    string
	root   int      // q, or 0
	square *big.Rat // what the q-th power is
	opaque bool     // other atoms may depend on it
}

// factor is a power of an atom.
type factor struct {
	atom     int
	exponent int // not 0
}

// term is a product of a coefficient and atoms in rising order.
type term struct {
	coefficient *big.Rat // not 0; not changed once made
	factors     []factor
}

// polynomial is a sum of terms in the order of compareFactors, all different.
type polynomial []term

// algebra computes with polynomials over atoms that it numbers.
type algebra struct {
	budget *budget
	atoms  []atom
	known  map[string]int
	memo   map[*node]fraction
}

func newAlgebra(b *budget) *algebra {
	return &algebra{budget: b, known: map[string]int{}, memo: map[*node]fraction{}}
}

// intern returns the number of the atom with the key of a.
func (g *algebra) intern(a atom) int {
	if i, ok := g.known[a.key]; ok {
		return i
	}
	g.atoms = append(g.atoms, a)
	g.known[a.key] = len(g.atoms) - 1
	return len(g.atoms) - 1
}

func compareFactors(x, y []factor) int {
	return slices.CompareFunc(x, y, func(a, b factor) int {
		if c := cmp.Compare(a.atom, b.atom); c != 0 {
			return c
		}
		return cmp.Compare(b.exponent, a.exponent)
	})
}

func constant(r *big.Rat) polynomial {
	if r.Sign() == 0 {
		return nil
	}
	return polynomial{{coefficient: r}}
}

// value returns the constant that p is.
func (p polynomial) value() (*big.Rat, bool) {
	switch {
	case len(p) == 0:
		return new(big.Rat), true
	case len(p) == 1 && len(p[0].factors) == 0:
		return p[0].coefficient, true
	}
	return nil, false
}

func bits(r *big.Rat) int { return r.Num().BitLen() + r.Denom().BitLen() }

// add returns p + scale·q.
func (g *algebra) add(p, q polynomial, scale *big.Rat) (polynomial, error) {
	if err := g.budget.spend(len(p) + len(q)); err != nil {
		return nil, err
	}
	sum := make(polynomial, 0, len(p)+len(q))
	for len(p) > 0 || len(q) > 0 {
		order := 0
		switch {
		case len(p) == 0:
			order = 1
		case len(q) == 0:
			order = -1
		default:
			order = compareFactors(p[0].factors, q[0].factors)
		}
		if order < 0 {
			sum, p = append(sum, p[0]), p[1:]
			continue
		}
		c := new(big.Rat).Mul(q[0].coefficient, scale)
		if order == 0 {
			c.Add(c, p[0].coefficient)
			p = p[1:]
		}
		if bits(c) > maxBits {
			return nil, errTooLarge
		}
		if c.Sign() != 0 {
			sum = append(sum, term{c, q[0].factors})
		}
		q = q[1:]
	}
	return sum, nil
}

// multiply returns p·q.
func (g *algebra) multiply(p, q polynomial) (polynomial, error) {
	if len(p)*len(q) > maxTerms {
		return nil, errTooLarge
	}
	products := make(polynomial, 0, len(p)*len(q))
	for _, s := range p {
		for _, t := range q {
			cost := 2 + (bits(s.coefficient)+bits(t.coefficient))/64*(1+bits(s.coefficient)/512) + (len(s.factors)+len(t.factors))/16
			if err := g.budget.spend(cost); err != nil {
				return nil, err
			}
			product, err := g.multiplyTerms(s, t)
			if err != nil {
				return nil, err
			}
			products = append(products, product)
		}
	}
	return collect(products), nil
}

// multiplyTerms returns s·t, with powers of roots reduced.
func (g *algebra) multiplyTerms(s, t term) (term, error) {
	c := new(big.Rat).Mul(s.coefficient, t.coefficient)
	if len(s.factors)+len(t.factors) == 0 {
		return checked(term{coefficient: c})
	}
	factors := make([]factor, 0, len(s.factors)+len(t.factors))
	x, y := s.factors, t.factors
	for len(x) > 0 || len(y) > 0 {
		var f factor
		switch {
		case len(y) == 0 || len(x) > 0 && x[0].atom < y[0].atom:
			f, x = x[0], x[1:]
		case len(x) == 0 || y[0].atom < x[0].atom:
			f, y = y[0], y[1:]
		default:
			f = factor{x[0].atom, x[0].exponent + y[0].exponent}
			x, y = x[1:], y[1:]
		}
		if f, c = g.reduce(f, c); f.exponent != 0 {
			factors = append(factors, f)
		}
	}
	return checked(term{c, factors})
}

func checked(t term) (term, error) {
	if bits(t.coefficient) > maxBits {
		return t, errTooLarge
	}
	for _, f := range t.factors {
		if f.exponent > maxDegree || f.exponent < -maxDegree {
			return t, errTooLarge
		}
	}
	return t, nil
}

// reduce brings the exponent of a q-th root into 0…q−1.
func (g *algebra) reduce(f factor, c *big.Rat) (factor, *big.Rat) {
	a := g.atoms[f.atom]
	if a.root == 0 || f.exponent >= 0 && f.exponent < a.root {
		return f, c
	}
	whole := f.exponent / a.root
	if f.exponent%a.root < 0 {
		whole--
	}
	f.exponent -= whole * a.root
	if whole > 512 || whole < -512 {
		f.exponent += whole * a.root // checked refuses what this leads to
		return f, c
	}
	return f, new(big.Rat).Mul(c, smallPower(a.square, whole))
}

// smallPower returns r to the power of n, for r ≠ 0.
func smallPower(r *big.Rat, n int) *big.Rat {
	if n < 0 {
		return new(big.Rat).Inv(smallPower(r, -n))
	}
	e := big.NewInt(int64(n))
	return new(big.Rat).SetFrac(new(big.Int).Exp(r.Num(), e, nil), new(big.Int).Exp(r.Denom(), e, nil))
}

// collect sorts terms and adds those with the same factors.
func collect(terms polynomial) polynomial {
	if len(terms) < 2 {
		return terms
	}
	slices.SortStableFunc(terms, func(s, t term) int { return compareFactors(s.factors, t.factors) })
	out := terms[:0]
	for _, t := range terms {
		if n := len(out); n > 0 && compareFactors(out[n-1].factors, t.factors) == 0 {
			sum := new(big.Rat).Add(out[n-1].coefficient, t.coefficient)
			if out = out[:n-1]; sum.Sign() != 0 {
				out = append(out, term{sum, t.factors})
			}
			continue
		}
		out = append(out, t)
	}
	return out
}

// withoutQuotients returns p times the powers of variables and atoms that its
// terms have below the line.
func (g *algebra) withoutQuotients(p polynomial) (polynomial, error) {
	least := map[int]int{}
	for _, t := range p {
		for _, f := range t.factors {
			least[f.atom] = min(least[f.atom], f.exponent)
		}
	}
	m := term{coefficient: ratInt(1)}
	for _, atom := range slices.Sorted(maps.Keys(least)) {
		if least[atom] < 0 {
			m.factors = append(m.factors, factor{atom, -least[atom]})
		}
	}
	if len(m.factors) == 0 {
		return p, nil
	}
	return g.multiply(p, polynomial{m})
}

// scaled returns p with every coefficient times r, which is not 0.
func (p polynomial) scaled(r *big.Rat) polynomial {
	q := make(polynomial, len(p))
	for i, t := range p {
		q[i] = term{new(big.Rat).Mul(t.coefficient, r), t.factors}
	}
	return q
}

// text writes p, the same for equal polynomials over the same atoms whatever
// their numbers.
func (g *algebra) text(p polynomial) string {
	if len(p) == 0 {
		return "0"
	}
	terms := make([]string, len(p))
	for i, t := range p {
		terms[i] = g.termText(t)
	}
	slices.Sort(terms)
	return strings.ReplaceAll(strings.Join(terms, "+"), "+-", "-")
}

func (g *algebra) termText(t term) string {
	var names []string
	for _, f := range t.factors {
		name := g.atoms[f.atom].key
		if f.exponent != 1 {
			name += "^" + strconv.Itoa(f.exponent)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	coefficient := t.coefficient.RatString()
	switch {
	case len(names) == 0:
		return coefficient
	case coefficient == "1":
		return strings.Join(names, "*")
	case coefficient == "-1":
		return "-" + strings.Join(names, "*")
	}
	return coefficient + "*" + strings.Join(names, "*")
}
