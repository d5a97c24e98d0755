package reward

import (
	"math"
	"math/big"
	"sync"
)

// precision of evaluations in bits. Values count as equal when they are known to
// agreement bits and do not differ, so that the rest may be lost to cancellation.
const (
	precision = 256
	agreement = 112
	maxScale  = 1 << 12 // largest binary exponent of a value
)

func newFloat() *big.Float             { return new(big.Float).SetPrec(precision) }
func floatInt(n int64) *big.Float      { return newFloat().SetInt64(n) }
func add(x, y *big.Float) *big.Float   { return newFloat().Add(x, y) }
func sub(x, y *big.Float) *big.Float   { return newFloat().Sub(x, y) }
func times(x, y *big.Float) *big.Float { return newFloat().Mul(x, y) }
func over(x, y *big.Float) *big.Float  { return newFloat().Quo(x, y) }
func neg(x *big.Float) *big.Float      { return newFloat().Neg(x) }

func shift(x *big.Float, n int) *big.Float { return newFloat().SetMantExp(x, n) }

// piValue by Machin: π = 16 arctan 1/5 − 4 arctan 1/239.
var piValue = sync.OnceValue(func() *big.Float {
	return sub(times(floatInt(16), arctanInverse(5)), times(floatInt(4), arctanInverse(239)))
})

// ln2Value is 2 artanh 1/3.
var ln2Value = sync.OnceValue(func() *big.Float {
	sum, power := newFloat(), over(floatInt(1), floatInt(3))
	for k := int64(1); power.MantExp(nil) > -precision-8; k += 2 {
		sum.Add(sum, over(power, floatInt(k)))
		power = over(power, floatInt(9))
	}
	return shift(sum, 1)
})

func arctanInverse(n int64) *big.Float {
	sum, power := newFloat(), over(floatInt(1), floatInt(n))
	for k := int64(1); power.MantExp(nil) > -precision-8; k += 2 {
		t := over(power, floatInt(k))
		if k%4 == 3 {
			t.Neg(t)
		}
		sum.Add(sum, t)
		power = over(power, floatInt(n*n))
	}
	return sum
}

// halvings before a Taylor series, undone by squarings that cost as many bits.
const halvings = 16

// expReal returns e to the x; the caller bounds x.
func expReal(x *big.Float) *big.Float {
	f, _ := over(x, ln2Value()).Float64()
	k := math.Round(f)
	r := shift(sub(x, times(ln2Value(), newFloat().SetFloat64(k))), -halvings)
	sum, t := floatInt(1), floatInt(1)
	for n := int64(1); t.Sign() != 0 && t.MantExp(nil) > -precision-8; n++ {
		t = over(times(t, r), floatInt(n))
		sum.Add(sum, t)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	return shift(sum, int(k))
}

// logReal returns the natural logarithm of x > 0.
func logReal(x *big.Float) *big.Float {
	m := newFloat()
	e := x.MantExp(m)
	f, _ := m.Float64()
	y := newFloat().SetFloat64(math.Log(f))
	for range 2 { // Halley triples the 53 bits, twice
		p := expReal(y)
		y.Add(y, shift(over(sub(m, p), add(m, p)), 1))
	}
	return y.Add(y, times(ln2Value(), floatInt(int64(e))))
}

// cosSin returns the cosine and sine of x; the caller bounds x.
func cosSin(x *big.Float) (cos, sin *big.Float) {
	turn := shift(piValue(), 1)
	turns, _ := over(x, turn).Int(nil)
	r := shift(sub(x, times(turn, newFloat().SetInt(turns))), -halvings)
	cos, sin = floatInt(1), newFloat()
	t := floatInt(1)
	for n := int64(1); t.Sign() != 0 && t.MantExp(nil) > -precision-8; n++ {
		t = over(times(t, r), floatInt(n))
		switch n % 4 {
		case 0:
			cos.Add(cos, t)
		case 1:
			sin.Add(sin, t)
		case 2:
			cos.Sub(cos, t)
		case 3:
			sin.Sub(sin, t)
		}
	}
	for range halvings {
		cos, sin = sub(times(cos, cos), times(sin, sin)), shift(times(cos, sin), 1)
	}
	return cos, sin
}

// angle returns the argument of x+yi, which is not 0, in (−π, π].
func angle(x, y *big.Float) *big.Float {
	if y.Sign() == 0 {
		if x.Sign() < 0 {
			return newFloat().Set(piValue())
		}
		return newFloat()
	}
	r := newFloat().Sqrt(add(times(x, x), times(y, y)))
	ux, uy := over(x, r), over(y, r)
	fx, _ := ux.Float64()
	fy, _ := uy.Float64()
	a := newFloat().SetFloat64(math.Atan2(fy, fx))
	cos, sin := cosSin(a)
	// The rest d is as small as a rounding error of float64: arcsin s = s+s³/6+3s⁵/40.
	s := sub(times(uy, cos), times(ux, sin))
	s3 := times(times(s, s), s)
	a.Add(a, s)
	a.Add(a, over(s3, floatInt(6)))
	return a.Add(a, over(times(times(times(s3, s), s), floatInt(3)), floatInt(40)))
}
