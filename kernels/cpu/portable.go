package cpu

import (
	"math"
	"runtime"
)

// The routines below are what the assembly computes, in portable Go. Sums over
// a row are kept in eight lanes, element j in lane j mod 8, and folded at the end as
// lanes folds them, so a sum depends on the row alone.

const lanes = 8

// portableKind is Info.Kind without assembly: compilers fuse multiply-adds on
// some architectures, so each has results of its own.
const portableKind = "cpu-portable-" + runtime.GOARCH

// fold adds up lanes in the order of the vector instructions.
func fold(s *[lanes]float32) float32 {
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}

// multiplyTileGo sets rows × 16 elements of out to a·b, or adds a·b, over
// depth steps.
func multiplyTileGo(out output, a matrix, b panel, rows, depth int, add bool) {
	for r := range rows {
		var s [tileCols]float32
		row := out.at[r*out.row:][:tileCols]
		if add {
			copy(s[:], row)
		}
		at := a.at[r*a.row:]
		for k := range depth {
			v := at[k*a.step]
			for j, w := range b.at[k*b.step:][:tileCols] {
				s[j] += v * w
			}
		}
		copy(row, s[:])
	}
}

// multiplyRowGo is multiplyTileGo of one row for four panels.
func multiplyRowGo(out, a []float32, step int, b *[4]panel, depth int, add bool) {
	for p := range b {
		multiplyTileGo(output{out[p*tileCols:], 0}, matrix{a, 0, step}, b[p], 1, depth, add)
	}
}

// transposePanelGo sets dst[k·16 + c] to src[c·row + k].
func transposePanelGo(dst, src []float32, row, depth, cols int) {
	for c := range cols {
		for k, v := range src[c*row:][:depth] {
			dst[k*tileCols+c] = v
		}
	}
}

// copyColumnsGo sets dst[k·dstRow + c] to src[k·srcRow + c].
func copyColumnsGo(dst []float32, dstRow int, src []float32, srcRow, depth, cols int) {
	for k := range depth {
		copy(dst[k*dstRow:][:cols], src[k*srcRow:])
	}
}

// rotateHeadsGo turns the pairs (x[i], y[i]) of each head's halves.
func rotateHeadsGo(row []float32, width int, turn []float32, inverse bool) {
	half := len(turn) / 2
	cos, sin := turn[:half], turn[half:]
	sign := float32(1)
	if inverse {
		sign = -1
	}
	for ; len(row) > 0; row = row[width:] {
		x, y := row[:half], row[half:2*half]
		for i, a := range x {
			b, s := y[i], sign*sin[i]
			x[i], y[i] = a*cos[i]-b*s, b*cos[i]+a*s
		}
	}
}

// Range and coefficients of exp: x = n·ln 2 + r, then a polynomial in r.
const (
	expLow, expHigh = -87.33654, 88.02
	log2E           = 1.44269504088896341
	ln2High         = 0.693359375
	ln2Low          = -2.12194440e-4
)

var expCoefficients = [...]float32{
	1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
}

// exp returns eˣ within two units in the last place; it is 0 below expLow and
// stays at exp(expHigh) above expHigh.
func exp(x float32) float32 {
	if x < expLow {
		return 0
	}
	if x > expHigh {
		x = expHigh
	}
	n := float32(math.RoundToEven(float64(x * log2E)))
	r := x - n*ln2High
	r -= n * ln2Low
	p := expCoefficients[0]
	for _, c := range expCoefficients[1:] {
		p = p*r + c
	}
	p = p*(r*r) + r + 1
	return p * math.Float32frombits(uint32(int32(n)+127)<<23)
}

// expRowGo sets dst[j] to exp(t) with t = src[j]·scale − shift, and returns
// the sums of exp(t) and of exp(t)·t.
func expRowGo(dst, src []float32, scale, shift float32) (sum, dot float32) {
	var s, d [lanes]float32
	for j, v := range src {
		t := v*scale - shift
		e := exp(t)
		dst[j] = e
		s[j%lanes] += e
		d[j%lanes] += e * t
	}
	return fold(&s), fold(&d)
}

func maxRowGo(x []float32) float32 {
	m := x[0]
	for _, v := range x {
		m = max(m, v)
	}
	return m
}

func dotRowGo(x, y []float32) float32 {
	var s [lanes]float32
	for j, v := range x {
		s[j%lanes] += v * y[j]
	}
	return fold(&s)
}

func dot3RowGo(x, y, z []float32) float32 {
	var s [lanes]float32
	for j, v := range x {
		s[j%lanes] += v * y[j] * z[j]
	}
	return fold(&s)
}

func addRowGo(dst, x, y []float32) {
	for j := range dst {
		dst[j] = x[j] + y[j]
	}
}

// scaleRowGo sets dst to x·s.
func scaleRowGo(dst, x []float32, s float32) {
	for j := range dst {
		dst[j] = x[j] * s
	}
}

// scaleByGainGo sets dst to x·s·gain.
func scaleByGainGo(dst, x, gain []float32, s float32) {
	for j, v := range x {
		dst[j] = v * s * gain[j]
	}
}

// addProductRowGo adds x·s·y to dst.
func addProductRowGo(dst, x, y []float32, s float32) {
	for j, v := range x {
		dst[j] += v * s * y[j]
	}
}

// addProductsGo adds x·s·y of rows that are row apart, one after another, to
// the columns of dst; each row has its s.
func addProductsGo(dst, x, y []float32, row int, s []float32) {
	for n, v := range s {
		at := n * row
		addProductRow(dst, x[at:at+len(dst)], y[at:at+len(dst)], v)
	}
}

// normGradRowGo adds dOut·gain·own + sum·shared to dx.
func normGradRowGo(dx, dOut, gain, sum []float32, own, shared float32) {
	for j, v := range dOut {
		dx[j] += v*own*gain[j] + sum[j]*shared
	}
}

// scoreGradRowGo sets dp to p·(dp − delta)·scale.
func scoreGradRowGo(dp, p []float32, delta, scale float32) {
	for j, v := range p {
		dp[j] = v * (dp[j] - delta) * scale
	}
}

// logitGradRowGo sets e to e·(a + b·t) with t = z·scale − shift.
func logitGradRowGo(e, z []float32, scale, shift, a, b float32) {
	for j, v := range z {
		e[j] *= a + b*(v*scale-shift)
	}
}

func swigluRowGo(out, gate, up []float32) {
	for j, g := range gate {
		out[j] = g / (1 + exp(-g)) * up[j]
	}
}

func swigluGradRowGo(dGate, dUp, dOut, gate, up []float32) {
	for j, g := range gate {
		s := 1 / (1 + exp(-g))
		dUp[j] = dOut[j] * (g * s)
		dGate[j] = dOut[j] * up[j] * (s + g*s*(1-s))
	}
}

func adamRowGo(w, g, m, v []float32, a *adamStep) {
	for j := range w {
		grad := g[j] * a.clip
		m[j] = a.beta1*m[j] + a.rest1*grad
		v[j] = a.beta2*v[j] + a.rest2*(grad*grad)
		step := m[j]*a.c1/(float32(math.Sqrt(float64(v[j]*a.c2)))+a.eps) + a.decay*w[j]
		w[j] -= a.rate * step
	}
}
