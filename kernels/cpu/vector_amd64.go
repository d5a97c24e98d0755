package cpu

// transposePanel sets dst[k·16 + c] to src[c·row + k], eight columns at once
// where there are as many.
func transposePanel(dst, src []float32, row, depth, cols int) {
	done, blocks := 0, depth/lanes
	if using != portable && blocks > 0 {
		for ; done+lanes <= cols; done += lanes {
			_, _ = dst[:(depth-1)*tileCols+done+lanes], src[:(done+lanes-1)*row+depth]
			transposeAVX2(&dst[done], &src[done*row], row, blocks)
			if k := blocks * lanes; k < depth {
				transposePanelGo(dst[k*tileCols+done:], src[done*row+k:], row, depth-k, lanes)
			}
		}
	}
	if done < cols {
		transposePanelGo(dst[done:], src[done*row:], row, depth, cols-done)
	}
}

// copyColumns sets dst[k·dstRow + c] to src[k·srcRow + c] for cols columns.
func copyColumns(dst []float32, dstRow int, src []float32, srcRow, depth, cols int) {
	done := 0
	if using != portable && depth > 0 {
		for ; done+tileCols <= cols; done += tileCols {
			_, _ = dst[(depth-1)*dstRow+done+tileCols-1], src[(depth-1)*srcRow+done+tileCols-1]
			copy16AVX2(&dst[done], dstRow, &src[done], srcRow, depth)
		}
	}
	if done < cols {
		copyColumnsGo(dst[done:], dstRow, src[done:], srcRow, depth, cols-done)
	}
}

// rotateHeads turns the heads of row by angles with the given cosines and
// sines, or back.
func rotateHeads(row []float32, width int, turn []float32, inverse bool) {
	half := len(turn) / 2
	if using == portable || half%lanes != 0 {
		rotateHeadsGo(row, width, turn, inverse)
		return
	}
	flip := uint32(0)
	if inverse {
		flip = 1 << 31
	}
	_ = row[:len(row)/width*width]
	rotateAVX2(&row[0], len(row)/width, width, half, &turn[0], flip)
}

func expRow(dst, src []float32, scale, shift float32) (sum, dot float32) {
	if using == portable || len(src) == 0 {
		return expRowGo(dst, src, scale, shift)
	}
	_ = dst[len(src)-1]
	if using == avx512 {
		return expRowAVX512(&dst[0], &src[0], len(src), scale, shift)
	}
	return expRowAVX2(&dst[0], &src[0], len(src), scale, shift)
}

func maxRow(x []float32) float32 {
	if using == portable || len(x) == 0 {
		return maxRowGo(x)
	}
	return maxRowAVX2(&x[0], len(x))
}

func dotRow(x, y []float32) float32 {
	if using == portable || len(x) == 0 {
		return dotRowGo(x, y)
	}
	_ = y[len(x)-1]
	return dotRowAVX2(&x[0], &y[0], len(x))
}

func dot3Row(x, y, z []float32) float32 {
	if using == portable || len(x) == 0 {
		return dot3RowGo(x, y, z)
	}
	_, _ = y[len(x)-1], z[len(x)-1]
	return dot3RowAVX2(&x[0], &y[0], &z[0], len(x))
}

func addRow(dst, x, y []float32) {
	if using == portable || len(dst) == 0 {
		addRowGo(dst, x, y)
		return
	}
	_, _ = x[len(dst)-1], y[len(dst)-1]
	addRowAVX2(&dst[0], &x[0], &y[0], len(dst))
}

func scaleRow(dst, x []float32, s float32) {
	if using == portable || len(dst) == 0 {
		scaleRowGo(dst, x, s)
		return
	}
	_ = x[len(dst)-1]
	scaleRowAVX2(&dst[0], &x[0], len(dst), s)
}

func scaleByGain(dst, x, gain []float32, s float32) {
	if using == portable || len(dst) == 0 {
		scaleByGainGo(dst, x, gain, s)
		return
	}
	_, _ = x[len(dst)-1], gain[len(dst)-1]
	scaleByGainAVX2(&dst[0], &x[0], &gain[0], len(dst), s)
}

func addProductRow(dst, x, y []float32, s float32) {
	if using == portable || len(dst) == 0 {
		addProductRowGo(dst, x, y, s)
		return
	}
	_, _ = x[len(dst)-1], y[len(dst)-1]
	addProductRowAVX2(&dst[0], &x[0], &y[0], len(dst), s)
}

func addProducts(dst, x, y []float32, row int, s []float32) {
	if using == portable || len(dst) != columnsAtOnce || len(s) == 0 {
		addProductsGo(dst, x, y, row, s)
		return
	}
	_, _ = x[(len(s)-1)*row+columnsAtOnce-1], y[(len(s)-1)*row+columnsAtOnce-1]
	addProducts32AVX2(&dst[0], &x[0], &y[0], row, &s[0], len(s))
}

func normGradRow(dx, dOut, gain, sum []float32, own, shared float32) {
	if using == portable || len(dx) == 0 {
		normGradRowGo(dx, dOut, gain, sum, own, shared)
		return
	}
	_, _, _ = dOut[len(dx)-1], gain[len(dx)-1], sum[len(dx)-1]
	normGradRowAVX2(&dx[0], &dOut[0], &gain[0], &sum[0], len(dx), own, shared)
}

func scoreGradRow(dp, p []float32, delta, scale float32) {
	if using == portable || len(dp) == 0 {
		scoreGradRowGo(dp, p, delta, scale)
		return
	}
	_ = p[len(dp)-1]
	scoreGradRowAVX2(&dp[0], &p[0], len(dp), delta, scale)
}

func logitGradRow(e, z []float32, scale, shift, a, b float32) {
	if using == portable || len(e) == 0 {
		logitGradRowGo(e, z, scale, shift, a, b)
		return
	}
	_ = z[len(e)-1]
	logitGradRowAVX2(&e[0], &z[0], len(e), scale, shift, a, b)
}

func swigluRow(out, gate, up []float32) {
	if using == portable || len(out) == 0 {
		swigluRowGo(out, gate, up)
		return
	}
	_, _ = gate[len(out)-1], up[len(out)-1]
	if using == avx512 {
		swigluRowAVX512(&out[0], &gate[0], &up[0], len(out))
		return
	}
	swigluRowAVX2(&out[0], &gate[0], &up[0], len(out))
}

func swigluGradRow(dGate, dUp, dOut, gate, up []float32) {
	if using == portable || len(dGate) == 0 {
		swigluGradRowGo(dGate, dUp, dOut, gate, up)
		return
	}
	_, _, _, _ = dUp[len(dGate)-1], dOut[len(dGate)-1], gate[len(dGate)-1], up[len(dGate)-1]
	if using == avx512 {
		swigluGradRowAVX512(&dGate[0], &dUp[0], &dOut[0], &gate[0], &up[0], len(dGate))
		return
	}
	swigluGradRowAVX2(&dGate[0], &dUp[0], &dOut[0], &gate[0], &up[0], len(dGate))
}

func adamRow(w, g, m, v []float32, s *adamStep) {
	if using == portable || len(w) == 0 {
		adamRowGo(w, g, m, v, s)
		return
	}
	_, _, _ = g[len(w)-1], m[len(w)-1], v[len(w)-1]
	adamRowAVX2(&w[0], &g[0], &m[0], &v[0], len(w), s)
}
