package rollout

import (
	"fmt"
	"slices"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/rollout/trajectory"
)

// scheduler decides who decodes: it gives rows and pages to the samples of
// groups in the order of submission, and takes them back. Only the first group
// that has samples without a row holds pages for them to wait with, namely its
// prompt's, and everything that has a row can finish; so rows and pages always
// come free and nothing waits for ever.
type scheduler struct {
	config Config
	pool   *pagePool
	groups []*group    // under way, in order of submission
	active []*sequence // with a row; the samples of a group are neighbors
	spare  []*sequence // without
}

func newScheduler(c Config) *scheduler {
	s := &scheduler{config: c, pool: newPagePool(c.pages())}
	for range c.Rows {
		s.spare = append(s.spare, &sequence{
			table:    make([]int32, c.tableWidth()),
			tokens:   make([]int32, 0, c.SequenceTokens),
			logprobs: make([]float32, 0, c.SequenceTokens),
		})
	}
	return s
}

// admit starts as many samples as rows and pages allow, first come first
// served. Prompts of groups that start are added to prompts. It panics when a
// group is under way and none has a row then: something was lost.
func (s *scheduler) admit(prompts *promptBatch) {
	for s.startNext(prompts) {
	}
	if len(s.active) == 0 {
		panic(fmt.Sprintf("rollout: no row for %d groups with %d rows and %d pages free", len(s.groups), len(s.spare), s.pool.available()))
	}
}

// startNext starts the first sample that has no row, or reports false.
func (s *scheduler) startNext(prompts *promptBatch) bool {
	for _, g := range s.groups {
		if g.started < g.Samples {
			return s.start(g, prompts)
		}
	}
	return false
}

// start gives the next sample of g a row, and with the first sample the prompt
// its pages. It reports false, and does nothing, where either is lacking.
func (s *scheduler) start(g *group, prompts *promptBatch) bool {
	own, shared := s.config.pagesOf(g.MaxTokens), 0
	if g.started == 0 {
		shared = s.config.pagesOf(len(g.prefix()))
	}
	if len(s.spare) == 0 || own+shared > s.pool.available() {
		return false
	}
	if g.started == 0 {
		if !prompts.fits(len(g.prefix())) {
			return false
		}
		s.pool.promise(shared)
		for range shared {
			g.promptPages = append(g.promptPages, s.pool.take())
		}
		prompts.add(g.prefix(), g.promptPages, s.config.PageTokens)
	}
	s.pool.promise(own)
	s.begin(g)
	return true
}

// begin puts the next sample of g on a spare sequence.
func (s *scheduler) begin(g *group) {
	last := len(s.spare) - 1
	q := s.spare[last]
	s.spare = s.spare[:last]
	s.active = append(s.active, q)

	q.group, q.index = g, g.started
	q.key = SampleKey(g.drawKey(), g.started)
	q.shared, q.own = len(g.promptPages), 0
	q.table[0] = int32(len(g.prefix()))
	copy(q.table[kernels.CacheTable:], g.promptPages)
	q.tokens, q.logprobs = q.tokens[:0], q.logprobs[:0]
	q.stop.reset(g.StopStrings)
	g.started++
}

// grow makes room in q's own pages for the key at position and returns its
// slot. It keeps q's table up to date.
func (s *scheduler) grow(q *sequence, position int32) int32 {
	pageTokens := int32(s.config.PageTokens)
	offset := position - q.table[0]
	own := q.table[kernels.CacheTable+q.shared:]
	if int(offset/pageTokens) == q.own {
		own[q.own] = s.pool.take()
		q.own++
	}
	q.table[1] = position + 1
	return own[offset/pageTokens]*pageTokens + offset%pageTokens
}

// accept gives the active sequences the tokens drawn for them, takes the rows
// of those that end, and returns the groups that are complete with that.
func (s *scheduler) accept(tokens []int32, logprobs []float32) (complete []*group) {
	keep := s.active[:0]
	for i, q := range s.active {
		finish := q.accept(&s.config, tokens[i], logprobs[i])
		if finish == "" {
			keep = append(keep, q)
			continue
		}
		g := q.group
		s.retire(q, finish)
		if g.ended == g.Samples {
			s.remove(g)
			complete = append(complete, g)
		}
	}
	s.active = keep
	return complete
}

// retire files q's trajectory and returns its pages and its sequence.
func (s *scheduler) retire(q *sequence, finish trajectory.FinishReason) {
	g := q.group
	g.trajectories[q.index] = q.trajectory(&s.config, finish)
	g.ended++
	s.reclaim(q)
}

// reclaim returns q's pages, taken and promised, and makes it spare.
func (s *scheduler) reclaim(q *sequence) {
	own := kernels.CacheTable + q.shared
	s.pool.release(q.table[own : own+q.own])
	s.pool.unpromise(s.config.pagesOf(q.group.MaxTokens) - q.own)
	q.group = nil
	s.spare = append(s.spare, q)
}

// cancel takes everything from g, which must be under way.
func (s *scheduler) cancel(g *group) {
	s.active = slices.DeleteFunc(s.active, func(q *sequence) bool {
		if q.group != g {
			return false
		}
		s.reclaim(q)
		return true
	})
	g.trajectories = nil
	s.remove(g)
}

// remove forgets g, whose sequences have all been reclaimed.
func (s *scheduler) remove(g *group) {
	s.pool.release(g.promptPages)
	g.promptPages, g.gone = nil, true
	s.groups = slices.DeleteFunc(s.groups, func(other *group) bool { return other == g })
}
