// Package trajectory holds what passes between rollout, verifier and learner:
// problems enter a rollout, groups of trajectories leave it. It knows neither
// how a completion was sampled nor what it is worth. Read Problem, Trajectory,
// Group in this order.
package trajectory

import "github.com/octorl/octorl/policy"

// Problem is a question with a reference answer.
type Problem struct {
	ID       string // unique within a run, e.g. "toy/train/17"
	Question string // text without a template
	Answer   string // reference answer, as a verifier compares it
	Level    int    // difficulty from 1, or 0 where unknown
	Source   string // corpus or benchmark it comes from
}

// FinishReason says why a completion ended.
type FinishReason string

const (
	// FinishStop means that the policy drew an end token or a stop string.
	FinishStop FinishReason = "stop"
	// FinishLength means that the completion reached its cap: it is truncated.
	FinishLength FinishReason = "length"
)

// Trajectory is one completion of a prompt.
type Trajectory struct {
	Index      int              // in its group, from 0
	Completion []int32          // (T,) sampled ids, the end token included
	LogProbs   []float32        // (T,) behavior logprobs, natural log
	Versions   []policy.Version // (T,) version that drew each token
	Finish     FinishReason
	Text       string // the completion decoded, without special tokens
}

// Group is the trajectories of one problem.
type Group struct {
	ID           string // unique within a run: stage, step and slot
	Problem      Problem
	Prompt       []int32 // (P,) ids
	Trajectories []Trajectory
}
