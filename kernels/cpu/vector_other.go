//go:build !amd64

package cpu

func vectorName() string { return "portable" }

func vectorKind() string { return portableKind }

func panelsAtOnce() int { return 1 }

func multiplyTile(out output, a matrix, b panel, rows, depth int, add bool, _ lines) {
	multiplyTileGo(out, a, b, rows, depth, add)
}

func multiplyPair(out output, a matrix, b0, b1 panel, rows, depth int, add bool, _ lines) {
	multiplyTileGo(out, a, b0, rows, depth, add)
	multiplyTileGo(output{out.at[tileCols:], out.row}, a, b1, rows, depth, add)
}

func multiplyPairs(output, matrix, panel, panel, int, int, bool, []lines) int { return 0 }

func multiplyRow(out, a []float32, step int, b *[4]panel, depth int, add bool) {
	multiplyRowGo(out, a, step, b, depth, add)
}

func transposePanel(dst, src []float32, row, depth, cols int) {
	transposePanelGo(dst, src, row, depth, cols)
}

func copyColumns(dst []float32, dstRow int, src []float32, srcRow, depth, cols int) {
	copyColumnsGo(dst, dstRow, src, srcRow, depth, cols)
}

func rotateHeads(row []float32, width int, turn []float32, inverse bool) {
	rotateHeadsGo(row, width, turn, inverse)
}

func expRow(dst, src []float32, scale, shift float32) (sum, dot float32) {
	return expRowGo(dst, src, scale, shift)
}

func maxRow(x []float32) float32                     { return maxRowGo(x) }
func dotRow(x, y []float32) float32                  { return dotRowGo(x, y) }
func dot3Row(x, y, z []float32) float32              { return dot3RowGo(x, y, z) }
func addRow(dst, x, y []float32)                     { addRowGo(dst, x, y) }
func scaleRow(dst, x []float32, s float32)           { scaleRowGo(dst, x[:len(dst)], s) }
func scaleByGain(dst, x, gain []float32, s float32)  { scaleByGainGo(dst, x, gain, s) }
func addProductRow(dst, x, y []float32, s float32)   { addProductRowGo(dst, x, y, s) }
func scoreGradRow(dp, p []float32, delta, s float32) { scoreGradRowGo(dp, p, delta, s) }
func logitGradRow(e, z []float32, scale, shift, a, b float32) {
	logitGradRowGo(e, z, scale, shift, a, b)
}

func addProducts(dst, x, y []float32, row int, s []float32) { addProductsGo(dst, x, y, row, s) }

func normGradRow(dx, dOut, gain, sum []float32, own, shared float32) {
	normGradRowGo(dx, dOut, gain, sum, own, shared)
}

func swigluRow(out, gate, up []float32)                  { swigluRowGo(out, gate, up) }
func swigluGradRow(dGate, dUp, dOut, gate, up []float32) { swigluGradRowGo(dGate, dUp, dOut, gate, up) }
func adamRow(w, g, m, v []float32, a *adamStep)          { adamRowGo(w, g, m, v, a) }

func multiplyRegisters(int) float64 { return 0 }
