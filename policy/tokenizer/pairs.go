package tokenizer

import "math/bits"

const (
	noToken   = int32(-1)       // in place of an id
	noMerge   = ^uint32(0)      // in place of a rank
	rankBits  = 24              // of a slot; the rest holds two ids up to maxID
	maxMerges = 1<<rankBits - 1 // the largest rank is one less, so that no slot looks like an empty one
	emptySlot = ^uint64(0)
)

// pairTable finds the merge of two tokens: a hash table with open addressing of
// 8 bytes a slot, at most half full, since most of the time that merging takes
// is spent in it.
type pairTable struct {
	slots  []uint64 // left id, right id, rank
	shift  uint     // of a hash to an index
	merged []int32  // by rank
}

// newPairTable returns the table of merges, whose ranks are their places, or,
// with byID, the ids of what they make. Of equal pairs the last counts.
func newPairTable(merges []merge, byID bool) *pairTable {
	logSize := max(1, bits.Len(uint(2*len(merges))))
	t := &pairTable{slots: make([]uint64, 1<<logSize), shift: uint(64 - logSize)}
	for i := range t.slots {
		t.slots[i] = emptySlot
	}
	for i, m := range merges {
		rank := uint32(i)
		if byID {
			rank = uint32(m.merged)
		}
		if missing := int(rank) + 1 - len(t.merged); missing > 0 {
			t.merged = append(t.merged, make([]int32, missing)...)
		}
		t.merged[rank] = m.merged
		at, _ := t.find(m.left, m.right)
		t.slots[at] = pairBits(m.left, m.right) | uint64(rank)
	}
	return t
}

// rank returns the rank of the merge of two tokens, or noMerge.
func (t *pairTable) rank(left, right int32) uint32 {
	if at, ok := t.find(left, right); ok {
		return uint32(t.slots[at] & maxMerges)
	}
	return noMerge
}

// find returns the slot of a pair, and whether it is taken.
func (t *pairTable) find(left, right int32) (at uint64, taken bool) {
	key := pairBits(left, right)
	mask := uint64(len(t.slots) - 1)
	for at = key * 0x9E3779B97F4A7C15 >> t.shift; ; at = (at + 1) & mask {
		slot := t.slots[at&mask]
		if slot == emptySlot {
			return at & mask, false
		}
		if slot&^maxMerges == key {
			return at & mask, true
		}
	}
}

// pairBits returns the slot of a pair with rank 0.
func pairBits(left, right int32) uint64 {
	return uint64(uint32(left))<<(rankBits+20) | uint64(uint32(right))<<rankBits
}
