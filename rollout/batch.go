package rollout

import "github.com/octorl/octorl/kernels"

// promptBatch packs the prompts to prefill before a step. Its arrays are reused.
type promptBatch struct {
	ids, positions, slots []int32
	segments              []kernels.Segment
}

func newPromptBatch(tokens int) *promptBatch {
	return &promptBatch{
		ids:       make([]int32, 0, tokens),
		positions: make([]int32, 0, tokens),
		slots:     make([]int32, 0, tokens),
	}
}

// fits reports whether n more tokens can be packed.
func (b *promptBatch) fits(n int) bool { return len(b.ids)+n <= cap(b.ids) }

// add packs a prompt whose keys go to pages. An empty one takes no segment.
func (b *promptBatch) add(prompt, pages []int32, pageTokens int) {
	if len(prompt) == 0 {
		return
	}
	b.segments = append(b.segments, kernels.Segment{Start: int32(len(b.ids)), Len: int32(len(prompt))})
	b.ids = append(b.ids, prompt...)
	for i := range prompt {
		b.positions = append(b.positions, int32(i))
		b.slots = append(b.slots, pages[i/pageTokens]*int32(pageTokens)+int32(i%pageTokens))
	}
}

// reset empties b.
func (b *promptBatch) reset() {
	b.ids, b.positions, b.slots, b.segments = b.ids[:0], b.positions[:0], b.slots[:0], b.segments[:0]
}

// stepBatch holds the arrays of one decoding step, one row an active sequence,
// sized for Config.Rows and refilled each step.
type stepBatch struct {
	ids, positions, slots, table []int32 // of the tokens fed
	rows, keys, next             []int32 // of the draw; next are the positions of the tokens drawn
	temperatures                 []float32
	tokens                       []int32 // drawn
	logprobs, entropy            []float32
}

func newStepBatch(c Config) *stepBatch {
	ints := func() []int32 { return make([]int32, c.Rows) }
	floats := func() []float32 { return make([]float32, c.Rows) }
	b := &stepBatch{
		ids: ints(), positions: ints(), slots: ints(),
		table: make([]int32, c.Rows*c.tableWidth()),
		rows:  ints(), keys: make([]int32, 2*c.Rows), next: ints(), temperatures: floats(),
		tokens: ints(), logprobs: floats(), entropy: floats(),
	}
	for i := range b.rows {
		b.rows[i] = int32(i)
	}
	return b
}

// fill writes the row of every active sequence of s.
func (b *stepBatch) fill(s *scheduler) {
	for i, q := range s.active {
		id, position := q.input()
		b.ids[i], b.positions[i], b.next[i] = id, position, position+1
		b.slots[i] = s.grow(q, position)
		b.keys[2*i], b.keys[2*i+1] = q.key[0], q.key[1]
		b.temperatures[i] = q.group.Temperature
		copy(b.table[i*len(q.table):], q.table)
	}
}
