package tokenizer

// longMerger merges long pieces in O(n log n): the tokens are a linked list
// over the positions of the bytes where they start, the candidate merges a heap in
// which overtaken ones stay until they surface.
type longMerger struct {
	ids        []int32 // by position; noToken where a token was merged into the one on its left
	prev, next []int32
	heap       []candidate
}

// candidate is a merge of the token at position at with the one after it.
type candidate struct {
	rank uint32
	at   int32
}

func (c candidate) before(d candidate) bool {
	return c.rank < d.rank || c.rank == d.rank && c.at < d.at
}

// merge appends the ids of piece after all merges.
func (m *longMerger) merge(ids []int32, t *Tokenizer, piece string) []int32 {
	m.ids, m.prev, m.next, m.heap = t.appendBytes(m.ids[:0], piece), m.prev[:0], m.next[:0], m.heap[:0]
	n := int32(len(m.ids))
	for i := range n {
		m.prev = append(m.prev, i-1)
		m.next = append(m.next, i+1)
	}
	for i := range n - 1 {
		m.push(t, i)
	}
	for len(m.heap) > 0 {
		c := m.pop()
		right := m.next[c.at]
		if m.ids[c.at] == noToken || right == n || t.pairs.rank(m.ids[c.at], m.ids[right]) != c.rank {
			continue // one of the two has been merged since
		}
		m.ids[c.at], m.ids[right] = t.pairs.merged[c.rank], noToken
		m.next[c.at] = m.next[right]
		if m.next[right] < n {
			m.prev[m.next[right]] = c.at
			m.push(t, c.at)
		}
		if m.prev[c.at] >= 0 {
			m.push(t, m.prev[c.at])
		}
	}
	for i := int32(0); i < n; i = m.next[i] {
		ids = append(ids, m.ids[i])
	}
	return ids
}

// push adds the merge of the token at position at with its successor, if any.
func (m *longMerger) push(t *Tokenizer, at int32) {
	c := candidate{t.pairs.rank(m.ids[at], m.ids[m.next[at]]), at}
	if c.rank == noMerge {
		return
	}
	m.heap = append(m.heap, c)
	i := len(m.heap) - 1
	for i > 0 && c.before(m.heap[(i-1)/2]) {
		m.heap[i] = m.heap[(i-1)/2]
		i = (i - 1) / 2
	}
	m.heap[i] = c
}

// pop removes and returns the candidate that comes before all others.
func (m *longMerger) pop() candidate {
	top, last := m.heap[0], m.heap[len(m.heap)-1]
	m.heap = m.heap[:len(m.heap)-1]
	n, i := len(m.heap), 0
	for child := 1; child < n; child = 2*i + 1 {
		if child+1 < n && m.heap[child+1].before(m.heap[child]) {
			child++
		}
		if !m.heap[child].before(last) {
			break
		}
		m.heap[i] = m.heap[child]
		i = child
	}
	if n > 0 {
		m.heap[i] = last
	}
	return top
}
