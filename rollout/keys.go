package rollout

import (
	"crypto/sha256"
	"encoding/binary"
)

// SampleKey returns the words that name the random numbers of one trajectory:
// the first eight bytes of SHA-256 over the purpose, the group's key and the
// index in the group. With the run's seed and a position they decide a draw, so
// a completion does not depend on what shares its batch, nor on which engine
// runs it, nor when.
func SampleKey(group string, index int) [2]int32 {
	b := append([]byte("rollout\x00"), group...)
	b = binary.LittleEndian.AppendUint64(append(b, 0), uint64(index))
	sum := sha256.Sum256(b)
	return [2]int32{
		int32(binary.LittleEndian.Uint32(sum[0:])),
		int32(binary.LittleEndian.Uint32(sum[4:])),
	}
}
