package kerneltest

import (
	"math"

	"github.com/octorl/octorl/kernels"
)

// The references are written for reading, in float64, from the documentation of
// kernels.Device.

// linearOf returns x·wᵀ + bias; bias may be nil.
func linearOf(l kernels.LinearShape, x, w, bias []float64) []float64 {
	out := make([]float64, l.Rows*l.Out)
	for n := range l.Rows {
		for o := range l.Out {
			out[n*l.Out+o] = dot(x[n*l.In:(n+1)*l.In], w[o*l.In:(o+1)*l.In])
			if bias != nil {
				out[n*l.Out+o] += bias[o]
			}
		}
	}
	return out
}

// normOf returns RMSNorm(x)·gain and 1/sqrt(mean(x²)+eps).
func normOf(x, gain []float64, eps float64) (out, rstd []float64) {
	c := len(gain)
	for n := range len(x) / c {
		row := x[n*c : (n+1)*c]
		r := 1 / math.Sqrt(dot(row, row)/float64(c)+eps)
		rstd = append(rstd, r)
		for i, v := range row {
			out = append(out, v*r*gain[i])
		}
	}
	return out, rstd
}

// headNormOf returns qkv with queries and keys normalized, and their factors.
func headNormOf(h kernels.Heads, qkv, gain []float64, eps float64) (out, rstd []float64) {
	out = append([]float64(nil), qkv...)
	for n := range len(qkv) / h.QKV() {
		for head := range h.Query + h.KeyValue {
			g := gain[:h.Width]
			if head >= h.Query {
				g = gain[h.Width:]
			}
			x := out[n*h.QKV()+head*h.Width:][:h.Width]
			normed, r := normOf(x, g, eps)
			copy(x, normed)
			rstd = append(rstd, r...)
		}
	}
	return out, rstd
}

// ropeOf returns qkv with queries and keys rotated.
func ropeOf(h kernels.Heads, qkv []float64, positions []int32, frequencies []float64) []float64 {
	out := append([]float64(nil), qkv...)
	for n, p := range positions {
		for head := range h.Query + h.KeyValue {
			x := out[n*h.QKV()+head*h.Width:]
			for i, f := range frequencies {
				sin, cos := math.Sincos(float64(p) * f)
				a, b := x[i], x[i+h.Width/2]
				x[i], x[i+h.Width/2] = a*cos-b*sin, a*sin+b*cos
			}
		}
	}
	return out
}

// swigluOf returns silu(gate)·up.
func swigluOf(gateUp []float64, width int) []float64 {
	var out []float64
	for n := range len(gateUp) / (2 * width) {
		for i := range width {
			g, u := gateUp[2*n*width+i], gateUp[(2*n+1)*width+i]
			out = append(out, g/(1+math.Exp(-g))*u)
		}
	}
	return out
}

// attendOf returns attention and log-sum-exp of scores; rows outside segments
// are zero.
func attendOf(h kernels.Heads, qkv []float64, segments []kernels.Segment) (out, lse []float64) {
	n := len(qkv) / h.QKV()
	out, lse = make([]float64, n*h.Out()), make([]float64, n*h.Query)
	for _, s := range segments {
		for i := range int(s.Len) {
			row := int(s.Start) + i
			var seen []int
			for j := range int(s.PrefixLen) {
				seen = append(seen, int(s.PrefixStart)+j)
			}
			for j := range i + 1 {
				seen = append(seen, int(s.Start)+j)
			}
			for head := range h.Query {
				o := out[row*h.Out()+head*h.Width:][:h.Width]
				lse[row*h.Query+head] = attendRow(h, o, qkv, row, head, seen)
			}
		}
	}
	return out, lse
}

// attendRow adds one row's attention to out and returns its log-sum-exp.
func attendRow(h kernels.Heads, out, qkv []float64, row, head int, seen []int) float64 {
	kv := head / (h.Query / h.KeyValue)
	at := func(row, head int) []float64 { return qkv[row*h.QKV()+head*h.Width:][:h.Width] }
	weights, sum := make([]float64, len(seen)), 0.0
	for i, j := range seen {
		weights[i] = math.Exp(dot(at(row, head), at(j, h.Query+kv)) / math.Sqrt(float64(h.Width)))
		sum += weights[i]
	}
	for k, j := range seen {
		for i, v := range at(j, h.Query+h.KeyValue+kv) {
			out[i] += weights[k] / sum * v
		}
	}
	return math.Log(sum)
}

// softmaxOf returns the probabilities of logits z/temperature.
func softmaxOf(z []float64, temperature float64) []float64 {
	p, sum, top := make([]float64, len(z)), 0.0, math.Inf(-1)
	for _, v := range z {
		top = max(top, v)
	}
	for i, v := range z {
		p[i] = math.Exp((v - top) / temperature)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// predictionsOf returns logprobs and entropies.
func predictionsOf(c int, hidden, weight []float64, rows, targets []int32, temperature float64) (logProb, entropy []float64) {
	l := kernels.LinearShape{Rows: 1, In: c, Out: len(weight) / c}
	for i, row := range rows {
		p := softmaxOf(linearOf(l, hidden[int(row)*c:(int(row)+1)*c], weight, nil), temperature)
		logProb = append(logProb, math.Log(p[targets[i]]))
		h := 0.0
		for _, v := range p {
			if v > 0 {
				h -= v * math.Log(v)
			}
		}
		entropy = append(entropy, h)
	}
	return logProb, entropy
}

// surrogateOf returns PolicyGradient's loss for one prediction of weight 1.
func surrogateOf(a kernels.PolicyGradientArgs, logProb, behavior, reference, advantage float64) float64 {
	r, d := math.Exp(logProb-behavior), reference-logProb
	clipped := min(max(r, 1-float64(a.ClipLow)), 1+float64(a.ClipHigh))
	loss := -min(r*advantage, clipped*advantage)
	if advantage < 0 && a.DualClip > 0 {
		loss = min(loss, -float64(a.DualClip)*advantage)
	}
	return loss + float64(a.KL)*(math.Exp(d)-d-1)
}
