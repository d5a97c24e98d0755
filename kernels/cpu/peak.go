package cpu

// MultiplyAdd does about n floating-point operations as multiply-adds on
// registers, without reading memory, on the calling goroutine, and returns how
// many it did. The time it takes is the least that any product of that size
// can take on one core; in portable Go it multiplies tiles in the first-level
// cache instead.
func MultiplyAdd(n float64) float64 {
	if rounds := int(n / registerFLOPs); rounds > 0 && multiplyRegisters(rounds) {
		return float64(rounds) * registerFLOPs
	}
	const depth = 64
	var a [tileRows * depth]float32
	var b [depth * tileCols]float32
	out := output{make([]float32, tileRows*tileCols), tileCols}
	done := 0.0
	for ; done < n; done += 2 * tileRows * tileCols * depth {
		multiplyTile(out, matrix{a[:], depth, 1}, b[:], tileRows, depth, false)
	}
	return done
}

// registerFLOPs is the operations of one round of multiplyRegisters: a
// multiplication and an addition for each lane of twelve sums.
const registerFLOPs = 2 * 12 * lanes
