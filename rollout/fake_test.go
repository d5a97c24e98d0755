package rollout

import (
	"context"
	"encoding/binary"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/rollout/trajectory"
)

// fakeDecoder remembers which token and position lies in each slot, and draws
// tokens by a hash of all that a row sees. So a wrong slot, table or page that
// was given away too early changes a completion.
type fakeDecoder struct {
	t          *testing.T
	config     Config
	slots      [][2]int32 // token, position
	seen       []uint64   // by row of the last step
	prefilled  int
	vocabulary int32
	fail       error
}

const fakeEnd = 0

func newFake(t *testing.T, c Config) *fakeDecoder {
	return &fakeDecoder{t: t, config: c, slots: make([][2]int32, c.pages()*c.PageTokens), vocabulary: 12}
}

func (d *fakeDecoder) Free() {}

func (d *fakeDecoder) Prefill(ids, positions []int32, segments []kernels.Segment, slots []int32) error {
	if len(ids) > d.config.PromptTokens {
		d.t.Errorf("prefilled %d tokens of at most %d", len(ids), d.config.PromptTokens)
	}
	rows := 0
	for _, s := range segments {
		for i := range s.Len {
			if positions[s.Start+i] != i {
				d.t.Errorf("row %d of segment %v has position %d", i, s, positions[s.Start+i])
			}
		}
		rows += int(s.Len)
	}
	if rows != len(ids) {
		d.t.Errorf("segments cover %d of %d rows", rows, len(ids))
	}
	d.store(ids, positions, slots)
	d.prefilled += len(ids)
	return d.fail
}

func (d *fakeDecoder) store(ids, positions, slots []int32) {
	for i, slot := range slots {
		d.slots[slot] = [2]int32{ids[i], positions[i]}
	}
}

func (d *fakeDecoder) Step(ids, positions, slots, table []int32) error {
	if len(ids) > d.config.Rows {
		d.t.Errorf("decoded %d rows of at most %d", len(ids), d.config.Rows)
	}
	d.store(ids, positions, slots)
	width := kernels.CacheTable + d.config.pagesPerRow()
	d.seen = d.seen[:0]
	for b := range ids {
		tokens := d.read(table[b*width : (b+1)*width])
		if last := len(tokens) - 1; last != int(positions[b]) || tokens[last] != ids[b] {
			d.t.Errorf("row %d feeds token %d at %d and sees %v", b, ids[b], positions[b], tokens)
		}
		d.seen = append(d.seen, hashTokens(tokens))
	}
	return d.fail
}

// read returns the tokens that a row of the table sees, as CacheTable says.
func (d *fakeDecoder) read(row []int32) []int32 {
	size := int32(d.config.PageTokens)
	prefix, length, pages := row[0], row[1], row[2:]
	own := pages[(prefix+size-1)/size:]
	var tokens []int32
	for p := range length {
		offset, from := p, pages
		if p >= prefix {
			offset, from = p-prefix, own
		}
		slot := d.slots[from[offset/size]*size+offset%size]
		if slot[1] != p {
			d.t.Errorf("position %d of a row holds position %d", p, slot[1])
		}
		tokens = append(tokens, slot[0])
	}
	return tokens
}

func (d *fakeDecoder) Sample(s policy.Draw, tokens []int32, logprobs, entropy []float32) error {
	for b, row := range s.Rows {
		key := [2]int32{s.Keys[2*b], s.Keys[2*b+1]}
		tokens[b], logprobs[b] = d.draw(d.seen[row], s.Temperatures[b], key, s.Positions[b], s.Seed)
		entropy[b] = 1
	}
	return d.fail
}

// draw returns the token that follows what was seen, and its logprob.
func (d *fakeDecoder) draw(seen uint64, temperature float32, key [2]int32, position int32, seed uint64) (int32, float32) {
	u := float32(0.5)
	if temperature > 0 {
		u = kernels.Uniform(seed, key[0], key[1], position)
	}
	token := int32((seen + uint64(u*1e6)) % uint64(d.vocabulary))
	return token, -u - float32(seen%97)
}

func hashTokens(tokens []int32) uint64 {
	h := fnv.New64a()
	for _, t := range tokens {
		h.Write(binary.LittleEndian.AppendUint32(nil, uint32(t)))
	}
	return h.Sum64() >> 8
}

// expected decodes a request without an engine.
func (d *fakeDecoder) expected(r Request) []trajectory.Trajectory {
	var out []trajectory.Trajectory
	for index := range r.Samples {
		t := trajectory.Trajectory{Index: index, Finish: trajectory.FinishLength}
		tokens := slices.Clone(r.Prompt)
		for range r.MaxTokens {
			token, logprob := d.draw(hashTokens(tokens), r.Temperature, SampleKey(r.ID, index), int32(len(tokens)), d.config.Seed)
			tokens = append(tokens, token)
			t.Completion = append(t.Completion, token)
			t.LogProbs = append(t.LogProbs, logprob)
			t.Versions = append(t.Versions, r.Version)
			if token == fakeEnd {
				t.Finish = trajectory.FinishStop
				break
			}
			t.Text = letters(t.Completion)
			if slices.ContainsFunc(r.StopStrings, func(s string) bool { return strings.Contains(t.Text, s) }) {
				t.Finish = trajectory.FinishStop
				t.Text = cutStop(t.Text, r.StopStrings)
				break
			}
		}
		out = append(out, t)
	}
	return out
}

// letters decodes token 1 as "a", 2 as "bb", 3 as "c" and so on; the end token
// and token 5 are special and have no text.
func letters(tokens []int32) string {
	var b strings.Builder
	for _, t := range tokens {
		if t != fakeEnd && t != 5 {
			b.WriteString(strings.Repeat(string(rune('a'+t-1)), 1+int(t+1)%2))
		}
	}
	return b.String()
}

// small is a configuration in which rows, pages and prompts run short often.
func small() Config {
	return Config{Rows: 5, PromptTokens: 12, SequenceTokens: 24, PageTokens: 4, CacheTokens: 80, Seed: 7, EndTokens: []int32{fakeEnd}, Decode: letters}
}

// ending is one call of Request.Done.
type ending struct {
	group trajectory.Group
	err   error
}

// runAll submits the requests to a new engine, drains it, and returns how each
// group ended.
func runAll(t *testing.T, c Config, requests []Request) map[string]ending {
	t.Helper()
	e := newEngine(newFake(t, c), c)
	ended := map[string]ending{}
	for _, r := range requests {
		r.Done = func(g trajectory.Group, err error) {
			if _, twice := ended[g.ID]; twice {
				t.Errorf("group %s ended twice", g.ID)
			}
			ended[g.ID] = ending{g, err}
		}
		if err := e.Submit(r); err != nil {
			t.Fatal(err)
		}
	}
	e.Drain()
	if err := e.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	checkIdle(t, e)
	return ended
}

// checkIdle fails unless nothing holds a row or a page of e.
func checkIdle(t *testing.T, e *Engine) {
	t.Helper()
	s := e.scheduler
	if free := s.pool.available(); free != e.config.pages() || slices.Contains(s.pool.held, true) {
		t.Errorf("%d of %d pages are available in an idle engine", free, e.config.pages())
	}
	if len(s.active) != 0 || len(s.spare) != e.config.Rows || len(s.groups) != 0 || len(e.known) != 0 {
		t.Errorf("idle engine has %d active, %d spare sequences, %d groups, %d known", len(s.active), len(s.spare), len(s.groups), len(e.known))
	}
}

// sameTrajectories compares bit for bit.
func sameTrajectories(a, b []trajectory.Trajectory) bool {
	return slices.EqualFunc(a, b, func(x, y trajectory.Trajectory) bool {
		return x.Index == y.Index && x.Finish == y.Finish && x.Text == y.Text &&
			slices.Equal(x.Completion, y.Completion) && slices.Equal(x.Versions, y.Versions) &&
			slices.EqualFunc(x.LogProbs, y.LogProbs, func(p, q float32) bool {
				return math.Float32bits(p) == math.Float32bits(q)
			})
	})
}
