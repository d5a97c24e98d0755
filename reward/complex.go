package reward

import "math/big"

// number is a complex number of high precision, known up to an error. Numbers are
// not changed.
type number struct {
	re, im *big.Float
	err    int  // both parts are wrong by less than 2^err
	lost   bool // it depends on something too small to show in it
}

// exactly is the error of a number that is exact.
const exactly = -1 << 20

// Errors of functions in bits: of their own rounding, relative to results of
// about 1. They are bounds for the halvings in real.go and their rounding.
const functionError = -232

func realNumber(x *big.Float, err int) number { return number{re: x, im: newFloat(), err: err} }

// rounded returns x with the error of one rounding.
func rounded(x *big.Float) number {
	n := realNumber(x, exactly)
	n.err = n.scale() - precision
	return n
}

// intNumber returns a whole number, or a float that is one exactly.
func intNumber(n int64) number { return realNumber(floatInt(n), exactly) }

func (x number) isReal() bool { return x.im.Sign() == 0 }
func (x number) isZero() bool { return x.re.Sign() == 0 && x.im.Sign() == 0 }

// mayBeZero reports whether x is zero up to its error.
func (x number) mayBeZero() bool { return x.isZero() || x.scale()-1 <= x.err }

func (x number) negated() number {
	x.re, x.im = neg(x.re), neg(x.im)
	return x
}

// plus returns x+y. Where one is not zero and yet below the error of the sum, it
// is lost.
func (x number) plus(y number) number {
	sum := number{re: add(x.re, y.re), im: add(x.im, y.im), lost: x.lost || y.lost}
	sum.err = max(x.err, y.err, sum.scale()-precision) + 1
	for _, part := range []number{x, y} {
		if !part.mayBeZero() && part.scale() <= sum.err {
			sum.lost = true
		}
	}
	return sum
}

func (x number) minus(y number) number { return x.plus(y.negated()) }

func (x number) times(y number) number {
	product := number{im: newFloat(), lost: x.lost || y.lost}
	if x.isReal() && y.isReal() {
		product.re = times(x.re, y.re)
	} else {
		product.re = sub(times(x.re, y.re), times(x.im, y.im))
		product.im = add(times(x.re, y.im), times(x.im, y.re))
	}
	product.err = max(x.err+y.scale(), y.err+x.scale(), x.err+y.err, x.scale()+y.scale()-precision) + 2
	return product
}

// inverse returns 1/x for x ≠ 0.
func (x number) inverse() number {
	if x.isReal() {
		return number{re: over(floatInt(1), x.re), im: newFloat(), lost: x.lost}.relative(x)
	}
	n := x.norm()
	return number{re: over(x.re, n), im: neg(over(x.im, n)), lost: x.lost}.relative(x)
}

// relative gives x the relative error of y, and that of some roundings.
func (x number) relative(y number) number {
	x.err = x.scale() + max(y.err-y.scale(), -precision) + 4
	return x
}

// norm returns |x|².
func (x number) norm() *big.Float { return add(times(x.re, x.re), times(x.im, x.im)) }

// scale returns the binary exponent of x, and a very small one for 0.
func (x number) scale() int {
	e := exactly
	if x.re.Sign() != 0 {
		e = x.re.MantExp(nil)
	}
	if x.im.Sign() != 0 {
		e = max(e, x.im.MantExp(nil))
	}
	return e
}

// near1 marks a function that is 1 for small x: what does not show is lost.
func (x number) near1(arg number, order int) number {
	x.lost = x.lost || !arg.mayBeZero() && order*arg.scale() < -precision
	return x
}

func (x number) exp() number {
	r := expReal(x.re)
	y := number{re: r, im: newFloat(), lost: x.lost}
	if !x.isReal() {
		cos, sin := cosSin(x.im)
		y.re, y.im = times(r, cos), times(r, sin)
	}
	y.err = y.scale() + max(x.err+2, x.scale()-precision+4, functionError)
	return y.near1(x, 1)
}

// log returns the principal logarithm of x ≠ 0.
func (x number) log() number {
	y := number{im: newFloat(), lost: x.lost}
	if x.isReal() && x.re.Sign() > 0 {
		y.re = logReal(x.re)
	} else {
		y.re, y.im = shift(logReal(x.norm()), -1), angle(x.re, x.im)
	}
	y.err = max(x.err-x.scale()+3, functionError+y.scale(), functionError)
	if y.mayBeZero() && !x.minus(intNumber(1)).mayBeZero() {
		y.lost = true
	}
	return y
}

func (x number) sqrt() number {
	switch {
	case x.mayBeZero():
		return realNumber(newFloat(), x.err/2+1)
	case x.isReal() && x.re.Sign() > 0:
		return number{re: newFloat().Sqrt(x.re), im: newFloat(), lost: x.lost}.relative(x)
	case x.isReal():
		return number{re: newFloat(), im: newFloat().Sqrt(neg(x.re)), lost: x.lost}.relative(x)
	}
	half := x.log()
	half.re, half.im = shift(half.re, -1), shift(half.im, -1)
	return half.exp()
}

// turned returns i·x.
func (x number) turned() number {
	x.re, x.im = neg(x.im), x.re
	return x
}

// halved returns x/2.
func (x number) halved() number {
	x.re, x.im = shift(x.re, -1), shift(x.im, -1)
	return x
}

// cosSin returns cosine and sine: of reals directly, else (e^{ix}±e^{−ix})/2.
func (x number) cosSin() (cos, sin number) {
	if x.isReal() {
		c, s := cosSin(x.re)
		err := max(x.err+2, x.scale()-precision+4, functionError)
		cos, sin = realNumber(c, err), realNumber(s, err)
		if x.scale() < 0 { // no turns were taken off, so that the series is exact to the last bits
			sin.err = max(x.err+2, x.scale()+functionError)
		}
		cos.lost, sin.lost = x.lost, x.lost
		return cos.near1(x, 2), sin
	}
	p := x.turned().exp()
	q := p.inverse()
	return p.plus(q).halved().near1(x, 2), p.minus(q).halved().turned().negated()
}

// arcsin returns −i·ln(ix+√(1−x²)), which is real for real x in [−1, 1].
func (x number) arcsin() number {
	root := intNumber(1).minus(x.times(x)).sqrt()
	if x.isReal() && root.isReal() {
		y := realNumber(angle(root.re, x.re), max(x.err, root.err, functionError)+3)
		y.lost = x.lost || root.lost && x.scale() > -8
		return y
	}
	return x.turned().plus(root).log().turned().negated()
}

// arctan is the angle of 1+xi for real x, and else i/2·(ln(1−ix)−ln(1+ix)).
func (x number) arctan() (number, bool) {
	if x.isReal() {
		y := realNumber(angle(floatInt(1), x.re), max(x.err+2, functionError))
		y.lost = x.lost || x.scale() > -functionError // π/2 and something too small
		return y, true
	}
	down, up := intNumber(1).minus(x.turned()), intNumber(1).plus(x.turned())
	if down.mayBeZero() || up.mayBeZero() {
		return x, false
	}
	return down.log().minus(up.log()).turned().halved(), true
}
