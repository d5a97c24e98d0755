package tokenizer

// maxScanned bounds pieces that are merged by scanning: beyond, it costs more
// than a heap.
const maxScanned = 96 // bytes

// encoder is the working memory of one Encode at a time.
type encoder struct {
	tokenizer *Tokenizer
	cache     pieceCache
	ids       [maxScanned]int32
	ranks     [maxScanned]uint32
	long      longMerger
}

func newEncoder(t *Tokenizer) *encoder {
	return &encoder{tokenizer: t, cache: newPieceCache()}
}

// encode appends the ids of text, which is normalized and has no added tokens.
func (e *encoder) encode(ids []int32, text string) []int32 {
	p := e.tokenizer.pattern
	for start := 0; start < len(text); {
		end := p.next(text, start)
		if end-start > maxCachedBytes {
			ids = e.bpe(ids, text[start:end])
			start = end
			continue
		}
		key := keyOf(text, start, end)
		c := e.cache.find(key)
		if c == nil {
			before := len(ids)
			ids = e.bpe(ids, text[start:end])
			e.cache.put(key, ids[before:])
		} else {
			ids = c.appendTo(ids)
		}
		start = end
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
