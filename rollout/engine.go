// Package rollout turns problems into trajectories: an Engine takes requests
// for groups of completions, decodes all of them together in one continuous
// batch over a paged cache, and hands each group back when its last completion
// ends. What a completion is worth, and who wanted it, it does not know.
//
// Read Request, Config and Engine first. The scheduler decides who decodes, the
// pagePool where keys lie, and SampleKey why none of that changes what is drawn.
package rollout

import (
	"context"
	"fmt"
	"sync"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/rollout/trajectory"
)

// decoder is what an Engine needs of policy.Decoder.
type decoder interface {
	Prefill(ids, positions []int32, segments []kernels.Segment, slots []int32) error
	Step(ids, positions, slots, table []int32) error
	Sample(s policy.Draw, tokens []int32, logprobs, entropy []float32) error
	Free()
}

// Stats is what an Engine has done and what it is at.
type Stats struct {
	Steps     int64 // decoding steps since New
	Tokens    int64 // tokens drawn since New
	Prefilled int64 // prompt tokens prefilled since New
	Groups    int   // under way, started or not
	Active    int   // sequences that the last step decoded
	FreePages int   // pages of the cache that nothing holds
}

// Engine decodes groups in a continuous batch: a sample that ends gives its row
// to the next one at once. A group's prompt is prefilled once and its keys are
// shared by the group's samples.
//
// Submit, Cancel, Drain and Stats may be called from any goroutine, return at
// once and act before the next step. All work is done in Run.
type Engine struct {
	config    Config
	decoder   decoder
	scheduler *scheduler
	prompts   *promptBatch
	step      *stepBatch
	wake      chan struct{} // holds one token while the inbox may have news

	mu    sync.Mutex
	inbox inbox
	known map[string]*group // submitted and not ended
	stats Stats
}

// inbox is what has arrived since the last step.
type inbox struct {
	submitted []*group
	cancelled []cancellation
	closed    bool // no more submissions
}

type cancellation struct {
	group  *group
	reason string
}

// New returns an engine that decodes with the weights that p has at each step,
// and allocates the decoder for it. It returns c's faults, or an error that
// wraps kernels.ErrNoMemory. Free releases the decoder.
func New(p *policy.Policy, c Config) (*Engine, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if most := p.Config().MaxPositions; c.SequenceTokens > most {
		return nil, fmt.Errorf("rollout SequenceTokens is %d and the policy's MaxPositions is %d: lower SequenceTokens to it", c.SequenceTokens, most)
	}
	d, err := p.NewDecoder(c.limits())
	if err != nil {
		return nil, err
	}
	return newEngine(d, c), nil
}

func newEngine(d decoder, c Config) *Engine {
	s := newScheduler(c)
	return &Engine{
		config:    c,
		decoder:   d,
		scheduler: s,
		prompts:   newPromptBatch(c.PromptTokens),
		step:      newStepBatch(c),
		wake:      make(chan struct{}, 1),
		known:     map[string]*group{},
		stats:     Stats{FreePages: s.pool.available()},
	}
}

// Submit hands in a request. It returns an error that wraps ErrTooLarge,
// ErrDuplicate or ErrClosed, or names the fault of the request; then Done is
// not called. Else Done is called once, provided that Run is.
func (e *Engine) Submit(r Request) error {
	if err := r.validate(); err != nil {
		return err
	}
	if err := r.fits(e.config); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.inbox.closed {
		return fmt.Errorf("submit group %s: %w: submit it to another engine", r.ID, ErrClosed)
	}
	if e.known[r.ID] != nil {
		return fmt.Errorf("submit group %s: %w: wait for its end, or choose another ID", r.ID, ErrDuplicate)
	}
	g := &group{Request: r, trajectories: make([]trajectory.Trajectory, r.Samples)}
	e.known[r.ID] = g
	e.inbox.submitted = append(e.inbox.submitted, g)
	e.signal()
	return nil
}

// Cancel ends the group of that ID before the next step, for a reason that its
// Done is told. A group that is unknown or has ended is left alone.
func (e *Engine) Cancel(id, reason string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if g := e.known[id]; g != nil {
		e.inbox.cancelled = append(e.inbox.cancelled, cancellation{g, reason})
		e.signal()
	}
}

// Drain refuses further requests; Run returns when those under way have ended.
func (e *Engine) Drain() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.inbox.closed = true
	e.signal()
}

// Stats returns counts as of the end of the last step.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stats
}

// Free returns the decoder's memory. Run must have returned.
func (e *Engine) Free() { e.decoder.Free() }

// signal wakes Run where it waits for news.
func (e *Engine) signal() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// Run decodes until the engine is drained, and returns nil; or until ctx ends
// or the device fails, and returns why, after every group under way has ended
// with that error. It is called once.
func (e *Engine) Run(ctx context.Context) error {
	for {
		closed := e.receive()
		if err := context.Cause(ctx); err != nil {
			return e.abort(fmt.Errorf("rollout engine stopped: %w", err))
		}
		if len(e.scheduler.groups) > 0 {
			if err := e.decode(); err != nil {
				return e.abort(err)
			}
			continue
		}
		if closed {
			return nil
		}
		select {
		case <-e.wake:
		case <-ctx.Done():
		}
	}
}

// receive takes over what has arrived and reports whether more may.
func (e *Engine) receive() (closed bool) {
	e.mu.Lock()
	submitted, cancelled := e.inbox.submitted, e.inbox.cancelled
	e.inbox.submitted, e.inbox.cancelled = nil, nil
	closed = e.inbox.closed
	e.scheduler.groups = append(e.scheduler.groups, submitted...)
	e.observe()
	e.mu.Unlock()
	for _, c := range cancelled {
		if c.group.gone {
			continue
		}
		e.scheduler.cancel(c.group)
		e.end(c.group, fmt.Errorf("group %s: %w: %s", c.group.ID, ErrCancelled, c.reason))
	}
	return closed
}

// decode runs one step: it admits samples, prefills new prompts, decodes a
// token for each active sequence and ends the groups that are complete.
func (e *Engine) decode() error {
	s, b := e.scheduler, e.step
	e.prompts.reset()
	s.admit(e.prompts)
	if p := e.prompts; len(p.ids) > 0 {
		if err := e.decoder.Prefill(p.ids, p.positions, p.segments, p.slots); err != nil {
			return fmt.Errorf("prefill %d prompt tokens: %w", len(p.ids), err)
		}
	}
	b.fill(s)
	rows := len(s.active)
	if err := e.decoder.Step(b.ids[:rows], b.positions[:rows], b.slots[:rows], b.table[:rows*e.config.tableWidth()]); err != nil {
		return fmt.Errorf("decode %d rows: %w", rows, err)
	}
	drawn := policy.Draw{Rows: b.rows[:rows], Temperatures: b.temperatures[:rows], Keys: b.keys[:2*rows], Positions: b.next[:rows], Seed: e.config.Seed}
	if err := e.decoder.Sample(drawn, b.tokens[:rows], b.logprobs[:rows], b.entropy[:rows]); err != nil {
		return fmt.Errorf("sample %d rows: %w", rows, err)
	}
	complete := s.accept(b.tokens, b.logprobs)
	e.count(rows)
	for _, g := range complete {
		e.end(g, nil)
	}
	return nil
}

// count adds a step of so many rows to the statistics.
func (e *Engine) count(rows int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stats.Steps++
	e.stats.Tokens += int64(rows)
	e.stats.Prefilled += int64(len(e.prompts.ids))
	e.stats.Active = rows
	e.observe()
}

// observe refreshes the statistics that are states; mu must be held.
func (e *Engine) observe() {
	e.stats.Groups = len(e.scheduler.groups)
	e.stats.FreePages = len(e.scheduler.pool.free)
}

// end tells the owner of g, which has left the scheduler.
func (e *Engine) end(g *group, err error) {
	e.mu.Lock()
	delete(e.known, g.ID)
	e.mu.Unlock()
	result := g.result()
	if err != nil {
		result.Trajectories = nil
	}
	g.Done(result, err)
}

// abort closes the engine, ends every group with err and returns err.
func (e *Engine) abort(err error) error {
	e.Drain()
	e.receive()
	for len(e.scheduler.groups) > 0 {
		g := e.scheduler.groups[0]
		e.scheduler.cancel(g)
		e.end(g, fmt.Errorf("group %s: %w", g.ID, err))
	}
	return err
}
