package actors

import (
	"context"
	"errors"
	"fmt"

	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/rollout"
	"github.com/octorl/octorl/rollout/trajectory"
)

// ExamRows is how many completions the evaluator decodes at once: few, since its
// cache stands beside those of the rollouts.
const ExamRows = 32

// examiner is the evaluator's scorer: a policy of its own, made with the first
// version, and an engine for each version. It is used from one goroutine.
type examiner struct {
	device    kernels.Device
	materials *materials
	policy    *policy.Policy // nil before the first version
}

// free releases the policy.
func (x *examiner) free() {
	if x.policy != nil {
		x.policy.Free()
		x.policy = nil
	}
}

// score implements scorer.
func (x *examiner) score(ctx context.Context, e examine) (examined, error) {
	out := examined{at: e.at, final: e.final}
	if err := ctx.Err(); err != nil {
		return out, err
	}
	if err := x.load(e); err != nil {
		return out, fmt.Errorf("evaluate version %d of stage %s: %w", e.at.step, e.at.stage, err)
	}
	requests := x.materials.exam(e.at, e.final)
	groups, err := x.draw(ctx, requests)
	if err != nil {
		return out, fmt.Errorf("evaluate version %d of stage %s: %w", e.at.step, e.at.stage, err)
	}
	failed := alarm{}
	for i, g := range groups {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		item := x.judge(ctx, g, &failed)
		if requests[i].Temperature == 0 {
			out.greedy = append(out.greedy, item)
		} else {
			out.sampled = append(out.sampled, item)
		}
	}
	out.alarm = alarmOf(failed.failed, failed.judged, failed.reason)
	return out, nil
}

// load brings the policy to the version.
func (x *examiner) load(e examine) (err error) {
	if x.policy == nil {
		if x.policy, err = policy.New(x.device, x.materials.config); err != nil {
			return err
		}
	}
	switch {
	case e.folder != "":
		return loadWeights(x.policy, e.folder)
	case e.file != "":
		if e.weights, err = readPending(e.file, x.policy.NumParameters()); err != nil {
			return err
		}
	}
	x.policy.SetWeights(e.weights)
	return nil
}

// draw returns the groups of requests in their order.
func (x *examiner) draw(ctx context.Context, requests []rollout.Request) ([]trajectory.Group, error) {
	engine, err := rollout.New(x.policy, x.materials.examConfig())
	if err != nil {
		return nil, err
	}
	defer engine.Free()
	groups := make([]trajectory.Group, len(requests))
	var failure error
	for i, q := range requests {
		q.Done = func(g trajectory.Group, err error) {
			groups[i], failure = g, errors.Join(failure, err)
		}
		if err := engine.Submit(q); err != nil {
			return nil, err
		}
	}
	engine.Drain()
	if err := engine.Run(ctx); err != nil {
		return nil, err
	}
	return groups, failure
}

// judge verifies a group and counts what failed.
func (x *examiner) judge(ctx context.Context, g trajectory.Group, failed *alarm) evaluation.Item {
	item := evaluation.Item{Problem: g.Problem}
	for i, r := range x.materials.judges.exam.all(ctx, g) {
		t := g.Trajectories[i]
		failed.count(r)
		item.Completions = append(item.Completions, evaluation.Completion{
			Verdict: r.Verdict, Tokens: len(t.Completion), Finish: t.Finish, Text: t.Text, Answer: r.Extracted,
		})
	}
	return item
}
