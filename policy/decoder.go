package policy

import (
	"fmt"

	"github.com/octorl/octorl/kernels"
)

// DecoderLimits is the size of a Decoder.
type DecoderLimits struct {
	Rows         int // sequences decoded at once, and tokens drawn at once
	PromptTokens int // packed rows of one Prefill
	Pages        int // pages of the cache
	PageTokens   int // positions a page holds
	PagesPerRow  int // most pages one row of a table lists
}

// Decoder is the memory for drawing completions: a cache of keys and values and
// the activations of one call. It runs the same forward pass as training, so
// what Sample says of a token is what Pass says of it, bit for bit. Which page
// belongs to whom is the caller's business.
type Decoder struct {
	policy      *Policy
	limits      DecoderLimits
	cache       kernels.Cache
	activations *activations
	slots       kernels.Buffer // (N,) Int32
	segmentRows rowBuffers
	segments    kernels.Buffer // (S, 4) Int32
	tableRows   rowBuffers
	table       kernels.Buffer // (B, CacheTable+PagesPerRow) Int32
	draws       drawBuffers
	segmentInts []int32               // staging, kept for its memory
	steps       map[int]kernels.Graph // by rows; nil where seen once

	attendPacked, attendCached func(layer int, la *layerActivations)
}

// drawBuffers are the arguments and results of Sample.
type drawBuffers struct {
	rows                        rowBuffers
	hiddenRows, keys, positions kernels.Buffer // Int32; keys (B, 2)
	temperatures                kernels.Buffer // (B,) Float32
	tokens                      kernels.Buffer // (B,) Int32
	logprobs, entropy           kernels.Buffer // (B,) Float32
}

// NewDecoder allocates a decoder, or returns an error that wraps
// kernels.ErrNoMemory. Free releases it.
func (p *Policy) NewDecoder(l DecoderLimits) (*Decoder, error) {
	p.mustHave(false)
	d := &Decoder{
		policy: p, limits: l,
		activations: p.newActivations(max(l.PromptTokens, l.Rows), false),
		segmentRows: rowBuffers{dev: p.dev, maxRows: l.PromptTokens},
		tableRows:   rowBuffers{dev: p.dev, maxRows: l.Rows},
		draws:       drawBuffers{rows: rowBuffers{dev: p.dev, maxRows: l.Rows}},
		steps:       map[int]kernels.Graph{},
	}
	d.activations.rows.add(&d.slots, kernels.Int32, 1)
	d.segmentRows.add(&d.segments, kernels.Int32, 4)
	d.tableRows.add(&d.table, kernels.Int32, kernels.CacheTable+l.PagesPerRow)
	d.draws.alloc()
	d.attendPacked, d.attendCached = d.packed, d.cached

	shape := kernels.CacheShape{Layers: p.cfg.Layers, Pages: l.Pages, PageTokens: l.PageTokens, Heads: p.cfg.Heads}
	var err error
	d.cache, err = p.dev.AllocCache(shape)
	for _, rows := range d.groups() {
		if err == nil {
			err = rows.err
		}
	}
	if err != nil {
		d.Free()
		return nil, fmt.Errorf("allocate decoder of %+v: %w", l, err)
	}
	return d, nil
}

func (b *drawBuffers) alloc() {
	b.rows.add(&b.hiddenRows, kernels.Int32, 1)
	b.rows.add(&b.keys, kernels.Int32, 2)
	b.rows.add(&b.positions, kernels.Int32, 1)
	b.rows.add(&b.temperatures, kernels.Float32, 1)
	b.rows.add(&b.tokens, kernels.Int32, 1)
	b.rows.add(&b.logprobs, kernels.Float32, 1)
	b.rows.add(&b.entropy, kernels.Float32, 1)
}

func (d *Decoder) groups() [4]*rowBuffers {
	return [4]*rowBuffers{&d.activations.rows, &d.segmentRows, &d.tableRows, &d.draws.rows}
}

// Free releases the decoder, once queued work that uses it is done.
func (d *Decoder) Free() {
	for _, rows := range d.groups() {
		rows.free()
	}
	if d.cache != nil {
		d.policy.dev.FreeCache(d.cache)
		d.cache = nil
	}
}

// packed is attention over the packed rows themselves, whose keys and values
// are kept for later steps.
func (d *Decoder) packed(layer int, la *layerActivations) {
	p := d.policy
	p.dev.CacheStore(d.cache, layer, la.qkv, d.slots)
	p.dev.Attend(p.cfg.Heads, la.attention, la.lse, la.qkv, d.segments)
}

// cached is attention over the cache, to which each row's own keys and values
// are added first.
func (d *Decoder) cached(layer int, la *layerActivations) {
	d.policy.dev.CacheStore(d.cache, layer, la.qkv, d.slots)
	d.policy.dev.AttendCached(d.cache, layer, la.attention, la.qkv, d.table)
}

// Prefill queues packed prompts: it leaves their hidden states for Sample and
// stores their keys and values, row n at slots[n] = page·PageTokens + offset
// (negative: nowhere).
//
//	ids, positions, slots (N,); segments as in Batch
//
// The caller may reuse them at once. It returns an error, and queues nothing,
// where N exceeds DecoderLimits.PromptTokens. It panics where lengths disagree.
func (d *Decoder) Prefill(ids, positions []int32, segments []kernels.Segment, slots []int32) error {
	if len(ids) > d.limits.PromptTokens {
		return fmt.Errorf("prefill %d prompt tokens: the decoder takes %d at once; shorten the prompts or raise the limit",
			len(ids), d.limits.PromptTokens)
	}
	d.segmentRows.resize("segments", len(segments))
	d.segmentInts = kernels.SegmentInts(d.segmentInts[:0], segments)
	d.policy.dev.Upload(d.segments, d.segmentInts)
	d.upload(ids, positions, slots)
	d.policy.forward(d.activations, d.attendPacked)
	return nil
}

// Step queues one token for each of B sequences: it stores the token's keys and
// values and leaves its hidden state, row b, for Sample.
//
//	ids, positions, slots (B,); table (B, kernels.CacheTable+PagesPerRow), see
//	kernels.CacheTable
//
// The caller may reuse them at once. It returns an error, and queues nothing,
// where B exceeds DecoderLimits.Rows. It panics where lengths disagree.
func (d *Decoder) Step(ids, positions, slots, table []int32) error {
	if len(ids) > d.limits.Rows {
		return fmt.Errorf("decode %d sequences: the decoder takes %d at once; raise the limit", len(ids), d.limits.Rows)
	}
	if width := kernels.CacheTable + d.limits.PagesPerRow; len(table) != len(ids)*width {
		panic(fmt.Sprintf("policy: table of %d elements for %d rows of %d", len(table), len(ids), width))
	}
	d.tableRows.resize("rows", len(ids))
	d.policy.dev.Upload(d.table, table)
	d.upload(ids, positions, slots)
	return d.step(len(ids))
}

// step queues the forward pass of n rows, from a recording where that is
// cheaper.
func (d *Decoder) step(n int) error {
	dev, forward := d.policy.dev, func() { d.policy.forward(d.activations, d.attendCached) }
	if !dev.Info().Replays {
		forward()
		return nil
	}
	g, seen := d.steps[n]
	if !seen { // the first may grow the device's own memory; many come once only
		d.steps[n] = nil
		forward()
		return nil
	}
	if g == nil {
		var err error
		if g, err = dev.Capture(forward); err != nil {
			return fmt.Errorf("record a step of %d rows: %w", n, err)
		}
		d.steps[n] = g
	}
	dev.Replay(g)
	return nil
}

// upload sets the rows of the next forward pass.
func (d *Decoder) upload(ids, positions, slots []int32) {
	if len(positions) != len(ids) || len(slots) != len(ids) {
		panic(fmt.Sprintf("policy: %d ids with %d positions and %d slots", len(ids), len(positions), len(slots)))
	}
	a, dev := d.activations, d.policy.dev
	a.rows.resize("rows", len(ids))
	dev.Upload(a.ids, ids)
	dev.Upload(a.positions, positions)
	dev.Upload(d.slots, slots)
}

// Draw says which tokens to draw: row b reads the hidden state Rows[b] of the
// last Prefill or Step; several may read one, as the completions of a group do
// after their prompt. See kernels.SampleArgs for the numbers drawn.
type Draw struct {
	Rows         []int32   // (B,), negative skips
	Temperatures []float32 // (B,), 0 is greedy
	Keys         []int32   // (B, 2), name the sequence
	Positions    []int32   // (B,), that the token will have
	Seed         uint64
}

// Sample draws one token for each row of s and waits for it.
//
//	tokens, logprobs, entropy (B,), overwritten
//
// Logprobs are natural logs at the row's temperature (1 where it is greedy),
// equal to what Pass computes at it. It returns the device's fault and panics
// where lengths disagree or B exceeds DecoderLimits.Rows.
func (d *Decoder) Sample(s Draw, tokens []int32, logprobs, entropy []float32) error {
	n, b, dev := len(s.Rows), &d.draws, d.policy.dev
	if len(s.Temperatures) != n || len(s.Keys) != 2*n || len(s.Positions) != n || len(tokens) != n || len(logprobs) != n || len(entropy) != n {
		panic(fmt.Sprintf("policy: draw of %d rows: %d temperatures, %d keys, %d positions; results %d, %d, %d", n,
			len(s.Temperatures), len(s.Keys), len(s.Positions), len(tokens), len(logprobs), len(entropy)))
	}
	b.rows.resize("draws", n)
	dev.Upload(b.hiddenRows, s.Rows)
	dev.Upload(b.temperatures, s.Temperatures)
	dev.Upload(b.keys, s.Keys)
	dev.Upload(b.positions, s.Positions)
	dev.Sample(kernels.SampleArgs{
		Channels: d.policy.cfg.Hidden, Hidden: d.activations.hidden, Weight: d.policy.parameters.head,
		Rows: b.hiddenRows, Temperatures: b.temperatures, Keys: b.keys, Positions: b.positions, Seed: s.Seed,
		Tokens: b.tokens, LogProb: b.logprobs, Entropy: b.entropy,
	})
	dev.Download(tokens, b.tokens)
	dev.Download(logprobs, b.logprobs)
	dev.Download(entropy, b.entropy)
	if err := dev.Wait(dev.Mark()); err != nil {
		return fmt.Errorf("sample %d tokens: %w", n, err)
	}
	return nil
}
