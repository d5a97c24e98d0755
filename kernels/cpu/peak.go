package cpu

// MultiplyAdd does about n floating-point operations as multiply-adds on
// registers, without reading memory, on the calling goroutine, and returns how
// many it did. The time it takes is the least that any product of that size
// can take on one core; in portable Go it multiplies tiles in the first-level
// cache instead.
func MultiplyAdd(n float64) float64 {
	if round := multiplyRegisters(0); n >= round && round > 0 {
		rounds := int(n / round)
		return float64(rounds) * multiplyRegisters(rounds)
	}
	const depth = 64
	var a [tileRows * depth]float32
	var b [depth * tileCols]float32
	out := output{make([]float32, tileRows*tileCols), tileCols}
	done := 0.0
	for ; done < n; done += 2 * tileRows * tileCols * depth {
		multiplyTile(out, matrix{a[:], depth, 1}, panel{b[:], tileCols}, tileRows, depth, false, lines{})
	}
	return done
}

// registerSums is the vectors that one round of multiplyRegisters adds to.
const registerSums = 12
