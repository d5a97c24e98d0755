package reward

import "math/big"

// number is a complex number of high precision. Numbers are not changed.
type number struct{ re, im *big.Float }

func realNumber(x *big.Float) number { return number{x, newFloat()} }
func intNumber(n int64) number       { return realNumber(floatInt(n)) }

func (x number) isReal() bool          { return x.im.Sign() == 0 }
func (x number) isZero() bool          { return x.re.Sign() == 0 && x.im.Sign() == 0 }
func (x number) plus(y number) number  { return number{add(x.re, y.re), add(x.im, y.im)} }
func (x number) minus(y number) number { return number{sub(x.re, y.re), sub(x.im, y.im)} }
func (x number) negated() number       { return number{neg(x.re), neg(x.im)} }

func (x number) times(y number) number {
	if x.isReal() && y.isReal() {
		return realNumber(times(x.re, y.re))
	}
	return number{sub(times(x.re, y.re), times(x.im, y.im)), add(times(x.re, y.im), times(x.im, y.re))}
}

// inverse returns 1/x for x ≠ 0.
func (x number) inverse() number {
	if x.isReal() {
		return realNumber(over(floatInt(1), x.re))
	}
	n := x.norm()
	return number{over(x.re, n), neg(over(x.im, n))}
}

// norm returns |x|².
func (x number) norm() *big.Float { return add(times(x.re, x.re), times(x.im, x.im)) }

// scale returns the binary exponent of x, and a very small one for 0.
func (x number) scale() int {
	e := -1 << 20
	if x.re.Sign() != 0 {
		e = x.re.MantExp(nil)
	}
	if x.im.Sign() != 0 {
		e = max(e, x.im.MantExp(nil))
	}
	return e
}

func (x number) exp() number {
	r := expReal(x.re)
	if x.isReal() {
		return realNumber(r)
	}
	cos, sin := cosSin(x.im)
	return number{times(r, cos), times(r, sin)}
}

// log returns the principal logarithm of x ≠ 0.
func (x number) log() number {
	if x.isReal() && x.re.Sign() > 0 {
		return realNumber(logReal(x.re))
	}
	return number{shift(logReal(x.norm()), -1), angle(x.re, x.im)}
}

func (x number) sqrt() number {
	switch {
	case x.isZero():
		return x
	case x.isReal() && x.re.Sign() > 0:
		return realNumber(newFloat().Sqrt(x.re))
	case x.isReal():
		return number{newFloat(), newFloat().Sqrt(neg(x.re))}
	}
	half := x.log()
	return number{shift(half.re, -1), shift(half.im, -1)}.exp()
}

// turned returns i·x.
func (x number) turned() number { return number{neg(x.im), x.re} }

// cosSin returns cosine and sine: of reals directly, else (e^{ix}±e^{−ix})/2.
func (x number) cosSin() (cos, sin number) {
	if x.isReal() {
		c, s := cosSin(x.re)
		return realNumber(c), realNumber(s)
	}
	p := x.turned().exp()
	q := p.inverse()
	half := realNumber(newFloat().SetFloat64(0.5))
	return p.plus(q).times(half), p.minus(q).times(half).turned().negated()
}

// arcsin returns −i·ln(ix+√(1−x²)), which is real for real x in [−1, 1].
func (x number) arcsin() number {
	root := intNumber(1).minus(x.times(x)).sqrt()
	if x.isReal() && root.isReal() {
		return realNumber(angle(root.re, x.re))
	}
	return x.turned().plus(root).log().turned().negated()
}

// arctan is the angle of 1+xi for real x, and else i/2·(ln(1−ix)−ln(1+ix)).
func (x number) arctan() (number, bool) {
	if x.isReal() {
		return realNumber(angle(floatInt(1), x.re)), true
	}
	down, up := intNumber(1).minus(x.turned()), intNumber(1).plus(x.turned())
	if down.isZero() || up.isZero() {
		return x, false
	}
	return down.log().minus(up.log()).turned().times(realNumber(newFloat().SetFloat64(0.5))), true
}
