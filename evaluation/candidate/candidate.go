// Package candidate lets a policy sit examinations.
//
// A policy and its tokenizer enter; an exam.Sampler and exam.Tokens leave, over an
// engine sized for the questions of a paper. It does not judge. Read Candidate.
package candidate

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/evaluation/exam"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/policy/tokenizer"
	"github.com/octorl/octorl/rollout"
	"github.com/octorl/octorl/rollout/trajectory"
)

// Candidate draws a policy's completions with an engine of its own for each paper. It
// implements exam.Sampler and exam.Tokens, and is used from one goroutine but for Rate.
type Candidate struct {
	Policy    *policy.Policy // not owned
	Tokenizer *tokenizer.Tokenizer
	Ends      []int32 // ids that end a completion
	Rows      int     // completions decoded at once, at most; 0 for the engine's default

	engine  atomic.Pointer[rollout.Engine]
	started time.Time
}

// Encode implements exam.Tokens, with the tokens that the tokenizer puts around a text.
func (c *Candidate) Encode(prompt string) []int32 { return c.Tokenizer.EncodeSpecial(prompt) }

// Positions implements exam.Tokens.
func (c *Candidate) Positions() int { return c.Policy.Config().MaxPositions }

// Rate returns the tokens drawn a second since the paper began, or 0 outside one.
func (c *Candidate) Rate() float64 {
	engine := c.engine.Load()
	if engine == nil {
		return 0
	}
	return float64(engine.Stats().Tokens) / time.Since(c.started).Seconds()
}

// Sample implements exam.Sampler. A draw is named by the settings' seed, the problem
// and the index of the completion, so it does not depend on what else is asked.
func (c *Candidate) Sample(ctx context.Context, s evaluation.Settings, questions []exam.Question, done func(int, []trajectory.Trajectory)) error {
	engine, err := rollout.New(c.Policy, c.config(s, questions))
	if err != nil {
		return err
	}
	defer engine.Free()
	c.started = time.Now()
	c.engine.Store(engine)
	defer c.engine.Store(nil)
	var failure error
	for i, q := range questions {
		err := engine.Submit(rollout.Request{
			ID: q.Problem.ID, Problem: q.Problem.Problem, Prompt: q.Prompt, Samples: s.Samples, MaxTokens: q.MaxTokens,
			Temperature: s.Temperature, StopStrings: s.Stops,
			Done: func(g trajectory.Group, err error) {
				if err != nil {
					failure = errors.Join(failure, err)
					return
				}
				done(i, g.Trajectories)
			},
		})
		if err != nil {
			return err
		}
	}
	engine.Drain()
	if err := engine.Run(ctx); err != nil {
		return err
	}
	return failure
}

// maxCacheBytes bounds the keys and values that an examination keeps.
const maxCacheBytes = 2 << 30

// config sizes an engine for questions.
func (c *Candidate) config(s evaluation.Settings, questions []exam.Question) rollout.Config {
	longest, total := 1, 2
	for _, q := range questions {
		longest, total = max(longest, len(q.Prompt)), max(total, len(q.Prompt)+q.MaxTokens)
	}
	e := rollout.Default()
	if c.Rows > 0 {
		e.Rows = c.Rows
	}
	p := c.Policy.Config()
	sequenceBytes := 8 * total * p.Layers * p.Heads.KeyValue * p.Heads.Width
	e.Rows = max(1, min(e.Rows, len(questions)*s.Samples, maxCacheBytes/sequenceBytes))
	e.PromptTokens, e.SequenceTokens = max(min(e.PromptTokens, p.MaxPositions), longest), total
	e.Seed, e.EndTokens = s.Seed, c.Ends
	e.Decode = func(ids []int32) string { return c.Tokenizer.Decode(ids, true) }
	return e
}
