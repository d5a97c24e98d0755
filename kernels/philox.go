package kernels

// Philox returns four random words for a counter under a key: Philox4x32-10 of
// Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011). It is
// a pure function, so what is drawn depends on who asks for what and never on
// when or where.
func Philox(key uint64, counter [4]uint32) [4]uint32 {
	k0, k1 := uint32(key), uint32(key>>32)
	c := counter
	for range 10 {
		p0 := uint64(c[0]) * 0xD2511F53
		p1 := uint64(c[2]) * 0xCD9E8D57
		c = [4]uint32{uint32(p1>>32) ^ c[1] ^ k0, uint32(p1), uint32(p0>>32) ^ c[3] ^ k1, uint32(p0)}
		k0 += 0x9E3779B9
		k1 += 0xBB67AE85
	}
	return c
}

// Uniform returns a number in [0, 1), a multiple of 2⁻²⁴, drawn for a position
// of the sequence named by two key words under a run's seed.
func Uniform(seed uint64, key0, key1, position int32) float32 {
	r := Philox(seed, [4]uint32{uint32(position), 0, uint32(key0), uint32(key1)})
	return float32(r[0]>>8) * (1.0 / (1 << 24))
}
