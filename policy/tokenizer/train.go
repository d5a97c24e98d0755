package tokenizer

import (
	"container/heap"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// TrainConfig says what vocabulary Train makes.
type TrainConfig struct {
	Vocab    int      // ids in all: 256 bytes, merges and specials; at most 2²⁰
	Specials []string // special tokens, which get the last ids in this order
}

// Validate returns all faults of c at once.
func (c TrainConfig) Validate() error {
	var faults []error
	if least := 256 + len(c.Specials); c.Vocab < least || c.Vocab > maxID+1 {
		faults = append(faults, fmt.Errorf("vocab %d: must be from %d (all bytes and special tokens) to %d", c.Vocab, least, maxID+1))
	}
	for i, s := range c.Specials {
		switch {
		case s == "" || qwen2.next(s, 0) == len(s):
			faults = append(faults, fmt.Errorf("special token %q: must not be a single word, which a merge could make; try %q", s, "<|"+s+"|>"))
		case slices.Contains(c.Specials[:i], s):
			faults = append(faults, fmt.Errorf("special token %q: occurs twice", s))
		}
	}
	return errors.Join(faults...)
}

// Train learns a byte-level BPE vocabulary from documents (arXiv:1508.07909 §3.2
// over bytes), splitting as Qwen2 does, so every digit is a token of its own.
// Byte b gets id b, merges the ids from 256 in the order learned, special
// tokens the last. The most frequent pair is merged first, of equals the one
// with the lowest left, then right id; so the result depends on nothing but the
// words and their counts. It ends early, with a smaller vocabulary, when no pair
// occurs twice.
func Train(documents iter.Seq[string], c TrainConfig) (*Tokenizer, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("train tokenizer: %w", err)
	}
	t := &Tokenizer{pattern: qwen2, words: map[string]int32{}, addedIDs: map[string]int32{}}
	for b := range 256 {
		t.byteIDs[b] = t.learn(string([]byte{byte(b)}))
	}
	tr := newTrainer(countWords(documents, t.pattern))
	for len(t.tokens) < c.Vocab-len(c.Specials) {
		left, right, ok := tr.best()
		if !ok {
			break
		}
		raw := t.tokens[left] + t.tokens[right]
		id, known := t.words[raw]
		if !known {
			id = t.learn(raw)
		}
		t.merges = append(t.merges, merge{left, right, id})
		tr.merge(left, right, id)
	}
	for _, s := range c.Specials {
		id := int32(len(t.tokens))
		t.tokens, t.special = append(t.tokens, s), append(t.special, true)
		t.added = append(t.added, addedToken{ID: id, Content: s, Special: true, listed: true})
		t.addedIDs[s] = id
	}
	return t, t.finish()
}

// learn gives the next id to a token of the BPE vocabulary.
func (t *Tokenizer) learn(raw string) int32 {
	id := int32(len(t.tokens))
	t.tokens, t.special = append(t.tokens, raw), append(t.special, false)
	t.words[raw] = id
	return id
}

func countWords(documents iter.Seq[string], p *pattern) map[string]int {
	counts := map[string]int{}
	for text := range documents {
		for start := 0; start < len(text); {
			end := p.next(text, start)
			counts[text[start:end]]++
			start = end
		}
	}
	return counts
}

// trainer keeps the words as token ids and counts pairs incrementally: a merge
// touches only the words that contain its pair.
type trainer struct {
	words  []word
	counts map[uint64]int     // occurrences by pairKey
	where  map[uint64][]int32 // words that contained the pair at some time, in any order
	fresh  map[uint64]bool    // pairs that may count more than queue knows
	queue  pairQueue          // with counts that may be too high
}

type word struct {
	ids   []int32
	count int
}

func newTrainer(counts map[string]int) *trainer {
	tr := &trainer{counts: map[uint64]int{}, where: map[uint64][]int32{}, fresh: map[uint64]bool{}}
	for text, count := range counts {
		w := word{make([]int32, len(text)), count}
		for i := range len(text) {
			w.ids[i] = int32(text[i])
		}
		tr.words = append(tr.words, w)
		tr.count(len(tr.words)-1, func(int32, int32) bool { return true })
	}
	tr.enqueue()
	return tr
}

// count adds the pairs of word i to the counts. For those that isNew reports as
// new to the word it is noted as a place.
func (tr *trainer) count(i int, isNew func(left, right int32) bool) {
	w := &tr.words[i]
	for j := 1; j < len(w.ids); j++ {
		key := pairKey(w.ids[j-1], w.ids[j])
		tr.counts[key] += w.count
		if !isNew(w.ids[j-1], w.ids[j]) {
			continue
		}
		tr.fresh[key] = true
		if places := tr.where[key]; len(places) == 0 || places[len(places)-1] != int32(i) {
			tr.where[key] = append(places, int32(i))
		}
	}
}

// enqueue brings the fresh pairs into the queue.
func (tr *trainer) enqueue() {
	for key := range tr.fresh {
		heap.Push(&tr.queue, pairCount{key, tr.counts[key]})
	}
	clear(tr.fresh)
}

// best returns the pair to merge next, or false when none occurs twice.
func (tr *trainer) best() (left, right int32, ok bool) {
	for len(tr.queue) > 0 {
		top := &tr.queue[0]
		count := tr.counts[top.key]
		switch {
		case count < 2:
			heap.Pop(&tr.queue)
		case count < top.count:
			top.count = count
			heap.Fix(&tr.queue, 0)
		default:
			return int32(top.key >> 32), int32(uint32(top.key)), true
		}
	}
	return 0, 0, false
}

// merge replaces a pair by id in all words, the leftmost first.
func (tr *trainer) merge(left, right, id int32) {
	key := pairKey(left, right)
	places := tr.where[key]
	delete(tr.where, key)
	for _, i := range places {
		w := &tr.words[i]
		for j := 1; j < len(w.ids); j++ {
			tr.counts[pairKey(w.ids[j-1], w.ids[j])] -= w.count
		}
		w.ids = replacePair(w.ids, left, right, id)
		tr.count(int(i), func(l, r int32) bool { return l == id || r == id })
	}
	delete(tr.counts, key)
	tr.enqueue()
}

// replacePair replaces each pair in ids by id, in place, from the left.
func replacePair(ids []int32, left, right, id int32) []int32 {
	out := ids[:0]
	for i := 0; i < len(ids); i++ {
		if i+1 < len(ids) && ids[i] == left && ids[i+1] == right {
			out = append(out, id)
			i++
			continue
		}
		out = append(out, ids[i])
	}
	return out
}

// pairQueue is a heap with the most frequent pair first, of equals the lowest.
type pairQueue []pairCount

type pairCount struct {
	key   uint64
	count int
}

func (q pairQueue) Len() int { return len(q) }
func (q pairQueue) Less(i, j int) bool {
	return q[i].count > q[j].count || q[i].count == q[j].count && q[i].key < q[j].key
}
func (q pairQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *pairQueue) Push(x any)   { *q = append(*q, x.(pairCount)) }
func (q *pairQueue) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}

func pairKey(left, right int32) uint64 { return uint64(uint32(left))<<32 | uint64(uint32(right)) }
