package tokenizer

import "hash/maphash"

const (
	maxCachedBytes = 30 // with maxCachedIDs: a cache entry fills a line of 64 bytes
	maxCachedIDs   = 8
	cacheEntries   = 1 << 14 // 1 MiB for each encoder in use at the same time
	maxScanned     = 96      // bytes; beyond, scanning for the lowest rank costs more than a heap
)

// encoder is the working memory of one Encode at a time: a direct-mapped cache
// of pieces, since few distinct words make up most text, and scratch arrays.
type encoder struct {
	tokenizer *Tokenizer
	seed      maphash.Seed
	cache     []cachedPiece
	ids       [maxScanned]int32
	ranks     [maxScanned]uint32
	long      longMerger
}

type cachedPiece struct {
	numBytes, numIDs uint8
	piece            [maxCachedBytes]byte
	ids              [maxCachedIDs]int32
}

func newEncoder(t *Tokenizer) *encoder {
	return &encoder{tokenizer: t, seed: maphash.MakeSeed(), cache: make([]cachedPiece, cacheEntries)}
}

// encode appends the ids of text, which is normalized and has no added tokens.
func (e *encoder) encode(ids []int32, text string) []int32 {
	next := e.tokenizer.pattern.next
	for start := 0; start < len(text); {
		end := next(text, start)
		ids = e.appendPiece(ids, text[start:end])
		start = end
	}
	return ids
}

// appendPiece appends the ids of a piece, from the cache where it is there.
func (e *encoder) appendPiece(ids []int32, piece string) []int32 {
	if len(piece) == 1 {
		return e.tokenizer.appendBytes(ids, piece)
	}
	if len(piece) > maxCachedBytes {
		return e.bpe(ids, piece)
	}
	c := &e.cache[maphash.String(e.seed, piece)%cacheEntries]
	if string(c.piece[:c.numBytes]) == piece {
		return append(ids, c.ids[:c.numIDs]...)
	}
	before := len(ids)
	ids = e.bpe(ids, piece)
	if fresh := ids[before:]; len(fresh) <= maxCachedIDs {
		c.numBytes, c.numIDs = uint8(len(piece)), uint8(len(fresh))
		copy(c.piece[:], piece)
		copy(c.ids[:], fresh)
	}
	return ids
}

// bpe appends the ids of a piece after all merges.
func (e *encoder) bpe(ids []int32, piece string) []int32 {
	if e.tokenizer.ignoreMerges {
		if id, ok := e.tokenizer.words[piece]; ok {
			return append(ids, id)
		}
	}
	if len(piece) > maxScanned {
		return e.long.merge(ids, e.tokenizer, piece)
	}
	return e.scan(ids, piece)
}

// scan merges the pair of lowest rank, the leftmost among equals, until there
// is none, finding it by looking at all: quadratic, and fastest on short pieces.
func (e *encoder) scan(ids []int32, piece string) []int32 {
	t := e.tokenizer
	part := t.appendBytes(e.ids[:0], piece)
	if len(part) == 0 {
		return ids
	}
	ranks := e.ranks[:len(part)-1]
	for i := range ranks {
		ranks[i] = t.pairs.rank(part[i], part[i+1])
	}
	for {
		best, at := noMerge, 0
		for i, rank := range ranks {
			if rank < best {
				best, at = rank, i
			}
		}
		if best == noMerge {
			return append(ids, part...)
		}
		part[at] = t.pairs.merged[best]
		part = append(part[:at+1], part[at+2:]...)
		ranks = append(ranks[:at], ranks[at+1:]...)
		if at > 0 {
			ranks[at-1] = t.pairs.rank(part[at-1], part[at])
		}
		if at < len(ranks) {
			ranks[at] = t.pairs.rank(part[at], part[at+1])
		}
	}
}

// appendBytes appends the tokens of the bytes of piece, where they have any.
func (t *Tokenizer) appendBytes(ids []int32, piece string) []int32 {
	for i := range len(piece) {
		if id := t.byteIDs[piece[i]]; id != noToken {
			ids = append(ids, id)
		}
	}
	return ids
}
