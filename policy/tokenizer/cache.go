package tokenizer

import "slices"

const (
	maxCachedBytes = 15 // a key holds them and their number
	maxCachedIDs   = 3  // with the key they fill half a cache line
	cacheBits      = 14 // log₂ of the sets of two pieces each: 1 MiB for each encoder in use at the same time
)

// pieceKey is a piece of up to maxCachedBytes bytes, zeros after it, and its
// length in the last byte.
type pieceKey struct{ low, high uint64 }

// keyOf returns the key of text[start:end], which is not empty.
func keyOf(text string, start, end int) pieceKey {
	n := uint(end - start)
	if start+16 > len(text) {
		return keyOfLast(text[start:end])
	}
	low := load8(text, start)
	if n <= 8 {
		return pieceKey{low << (64 - 8*n) >> (64 - 8*n), uint64(n) << 56}
	}
	high := load8(text, start+8)
	return pieceKey{low, high<<(128-8*n)>>(128-8*n) | uint64(n)<<56}
}

// keyOfLast is keyOf for a piece that has too little text after it.
func keyOfLast(piece string) pieceKey {
	var padded [16]byte
	copy(padded[:], piece)
	padded[15] = byte(len(piece))
	return pieceKey{load8(string(padded[:]), 0), load8(string(padded[:]), 8)}
}

// pieceCache keeps the ids of pieces, since few distinct words make up most
// text: two places a set, of which the older is overwritten.
type pieceCache [][2]cachedPiece

type cachedPiece struct {
	key    pieceKey // the zero key, of no piece, in an empty place
	ids    [maxCachedIDs]int32
	numIDs int32
}

func newPieceCache() pieceCache { return make(pieceCache, 1<<cacheBits) }

func (c pieceCache) set(k pieceKey) *[2]cachedPiece {
	const odd = 0x9E3779B97F4A7C15
	return &c[(k.low^k.high*odd)*odd>>(64-cacheBits)]
}

// find returns the place of a piece, or nil.
func (c pieceCache) find(k pieceKey) *cachedPiece {
	set := c.set(k)
	if set[0].key == k {
		return &set[0]
	}
	if set[1].key == k {
		return &set[1]
	}
	return nil
}

// put keeps the ids of a piece unless they are too many.
func (c pieceCache) put(k pieceKey, ids []int32) {
	if len(ids) > maxCachedIDs {
		return
	}
	set := c.set(k)
	set[1] = set[0]
	set[0] = cachedPiece{key: k, numIDs: int32(len(ids))}
	copy(set[0].ids[:], ids)
}

// appendTo appends the ids of c. All places are copied, which is faster than to
// ask how many.
func (c *cachedPiece) appendTo(ids []int32) []int32 {
	n := len(ids)
	if cap(ids)-n < maxCachedIDs {
		ids = slices.Grow(ids, maxCachedIDs)
	}
	*(*[maxCachedIDs]int32)(ids[n : n+maxCachedIDs]) = c.ids
	return ids[:n+int(c.numIDs)]
}
