package cpu

// The routines of the .s files. None keeps its
// arguments.

//go:noescape
func tile6AVX2(out *float32, outRow int, a *float32, aRow, aStep int, b *float32, bStep, depth int, ahead *float32, aheadStep int, add bool)

//go:noescape
func tile4AVX2(out *float32, outRow int, a *float32, aRow, aStep int, b *float32, bStep, depth int, add bool)

//go:noescape
func tile2AVX2(out *float32, outRow int, a *float32, aRow, aStep int, b *float32, bStep, depth int, add bool)

//go:noescape
func tile1AVX2(out *float32, outRow int, a *float32, aRow, aStep int, b *float32, bStep, depth int, add bool)

//go:noescape
func quadAVX2(out, a *float32, aStep int, b0, b1, b2, b3 *float32, bStep, depth int, add bool)

//go:noescape
func pairAVX2(out *float32, outRow int, a *float32, aRow, aStep int, b0, b1 *float32, bStep, depth int, add bool)

//go:noescape
func pairs12AVX512(out *float32, outRow int, a *float32, aRow, aStep int, b0, b1 *float32, bStep, depth int, ahead *lines, numAhead, tiles int, add bool)

//go:noescape
func pair8AVX512(out *float32, outRow int, a *float32, aRow, aStep int, b0, b1 *float32, bStep, depth int, add bool)

//go:noescape
func pair4AVX512(out *float32, outRow int, a *float32, aRow, aStep int, b0, b1 *float32, bStep, depth int, add bool)

//go:noescape
func pair2AVX512(out *float32, outRow int, a *float32, aRow, aStep int, b0, b1 *float32, bStep, depth int, add bool)

//go:noescape
func pair1AVX512(out *float32, outRow int, a *float32, aRow, aStep int, b0, b1 *float32, bStep, depth int, add bool)

//go:noescape
func tile12AVX512(out *float32, outRow int, a *float32, aRow, aStep int, b0 *float32, bStep, depth int, add bool)

//go:noescape
func tile8AVX512(out *float32, outRow int, a *float32, aRow, aStep int, b0 *float32, bStep, depth int, add bool)

//go:noescape
func tile4AVX512(out *float32, outRow int, a *float32, aRow, aStep int, b0 *float32, bStep, depth int, add bool)

//go:noescape
func tile2AVX512(out *float32, outRow int, a *float32, aRow, aStep int, b0 *float32, bStep, depth int, add bool)

//go:noescape
func tile1AVX512(out *float32, outRow int, a *float32, aRow, aStep int, b0 *float32, bStep, depth int, add bool)

//go:noescape
func quadAVX512(out, a *float32, aStep int, b0, b1, b2, b3 *float32, bStep, depth int, add bool)

//go:noescape
func transposeAVX2(dst, src *float32, row, blocks int)

//go:noescape
func expRowAVX2(dst, src *float32, n int, scale, shift float32) (sum, dot float32)

//go:noescape
func expRowAVX512(dst, src *float32, n int, scale, shift float32) (sum, dot float32)

//go:noescape
func maxRowAVX2(x *float32, n int) float32

//go:noescape
func dotRowAVX2(x, y *float32, n int) float32

//go:noescape
func dot3RowAVX2(x, y, z *float32, n int) float32

//go:noescape
func addRowAVX2(dst, x, y *float32, n int)

//go:noescape
func scaleRowAVX2(dst, x *float32, n int, s float32)

//go:noescape
func scaleByGainAVX2(dst, x, gain *float32, n int, s float32)

//go:noescape
func addProductRowAVX2(dst, x, y *float32, n int, s float32)

//go:noescape
func addProducts32AVX2(dst, x, y *float32, row int, s *float32, rows int)

//go:noescape
func normGradRowAVX2(dx, dOut, gain, sum *float32, n int, own, shared float32)

//go:noescape
func scoreGradRowAVX2(dp, p *float32, n int, delta, scale float32)

//go:noescape
func logitGradRowAVX2(e, z *float32, n int, scale, shift, a, b float32)

//go:noescape
func swigluRowAVX2(out, gate, up *float32, n int)

//go:noescape
func swigluRowAVX512(out, gate, up *float32, n int)

//go:noescape
func swigluGradRowAVX2(dGate, dUp, dOut, gate, up *float32, n int)

//go:noescape
func swigluGradRowAVX512(dGate, dUp, dOut, gate, up *float32, n int)

//go:noescape
func adamRowAVX2(w, grads, m, v *float32, n int, s *adamStep)

//go:noescape
func rotateAVX2(row *float32, heads, width, half int, turn *float32, flip uint32)

//go:noescape
func copy16AVX2(dst *float32, dstRow int, src *float32, srcRow, depth int)

func fmaLoopAVX2(rounds int)

func fmaLoopAVX512(rounds int)
