package main

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/evaluation/exam"
	"github.com/octorl/octorl/rollout"
	"github.com/octorl/octorl/rollout/trajectory"
)

// engineSampler draws completions with a rollout engine of its own for each
// paper.
type engineSampler struct {
	model   *model
	ends    []int32
	engine  atomic.Pointer[rollout.Engine]
	started time.Time
}

// rate returns the tokens drawn a second, or 0 before the first.
func (s *engineSampler) rate() float64 {
	engine := s.engine.Load()
	if engine == nil {
		return 0
	}
	return float64(engine.Stats().Tokens) / time.Since(s.started).Seconds()
}

// Sample implements exam.Sampler.
func (s *engineSampler) Sample(ctx context.Context, settings evaluation.Settings, questions []exam.Question, done func(int, []trajectory.Trajectory)) error {
	engine, err := rollout.New(s.model.policy, s.config(settings, questions))
	if err != nil {
		return err
	}
	defer engine.Free()
	s.started = time.Now()
	s.engine.Store(engine)
	defer s.engine.Store(nil)
	var failure error
	for i, q := range questions {
		err := engine.Submit(rollout.Request{
			ID: q.Problem.ID, Problem: q.Problem.Problem, Prompt: q.Prompt, Samples: settings.Samples, MaxTokens: q.MaxTokens,
			Temperature: settings.Temperature, StopStrings: settings.Stops,
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

// maxCacheBytes bounds the keys and values that an evaluation keeps.
const maxCacheBytes = 2 << 30

// config sizes an engine for questions.
func (s *engineSampler) config(settings evaluation.Settings, questions []exam.Question) rollout.Config {
	longest, total := 1, 2
	for _, q := range questions {
		longest, total = max(longest, len(q.Prompt)), max(total, len(q.Prompt)+q.MaxTokens)
	}
	c := rollout.Default()
	p := s.model.policy.Config()
	sequenceBytes := 8 * total * p.Layers * p.Heads.KeyValue * p.Heads.Width
	c.Rows = max(1, min(c.Rows, len(questions)*settings.Samples, maxCacheBytes/sequenceBytes))
	c.PromptTokens, c.SequenceTokens = max(c.PromptTokens, longest), total
	c.Seed, c.EndTokens = settings.Seed, s.ends
	c.Decode = func(ids []int32) string { return s.model.tokens.Decode(ids, true) }
	return c
}
