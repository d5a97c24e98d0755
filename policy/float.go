package policy

import (
	"encoding/binary"
	"math"
)

// floatDecoders convert little-endian bytes to len(dst) numbers, exactly, by the
// name of their type in safetensors.
var floatDecoders = map[string]func(dst []float32, src []byte){
	"F32":  decodeFloat32,
	"F16":  decodeFloat16,
	"BF16": decodeBFloat16,
}

func decodeFloat32(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

func decodeBFloat16(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
	}
}

func decodeFloat16(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = float16(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

// float16 returns the value of an IEEE 754 binary16.
func float16(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exponent, fraction := uint32(h>>10)&31, uint32(h)&1023
	switch exponent {
	case 0: // zero and subnormal: fraction·2⁻²⁴
		magnitude := math.Float32bits(float32(fraction) * (1.0 / (1 << 24)))
		return math.Float32frombits(sign | magnitude)
	case 31: // infinity and NaN
		return math.Float32frombits(sign | 255<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}
