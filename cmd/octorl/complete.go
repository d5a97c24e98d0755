package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/octorl/octorl/rollout"
	"github.com/octorl/octorl/rollout/trajectory"
)

// batchRows is the most completions decoded at once.
const batchRows = 32

// completeAll draws n completions of each prompt in one continuous batch, and
// calls use with them in order.
func completeAll(ctx context.Context, m *model, prompts [][]int32, n int, s sampling, use func(prompt int, t trajectory.Trajectory) error) error {
	if len(prompts) == 0 {
		return nil
	}
	engine, err := newEngine(m, prompts, n, s)
	if err != nil {
		return err
	}
	defer engine.Free()
	ready, next := make([][]trajectory.Trajectory, len(prompts)), 0
	var failure error
	for i, prompt := range prompts {
		maxTokens, err := fit(m, prompt, s.maxTokens)
		if err != nil {
			return err
		}
		err = engine.Submit(rollout.Request{
			ID: strconv.Itoa(i), Key: keyOf(prompt), Prompt: prompt, Samples: n, MaxTokens: maxTokens,
			Temperature: s.temperature, StopStrings: s.stops,
			Done: func(g trajectory.Group, err error) {
				failure = errors.Join(failure, err)
				for ready[i] = g.Trajectories; failure == nil && next < len(ready) && ready[next] != nil; next++ {
					for _, t := range ready[next] {
						failure = errors.Join(failure, use(next, t))
					}
				}
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

// keyOf names the random numbers for a prompt, so that a completion is a function
// of seed, prompt and index, whatever else is asked for.
func keyOf(prompt []int32) string {
	b := make([]byte, 0, 4*len(prompt))
	for _, id := range prompt {
		b = binary.LittleEndian.AppendUint32(b, uint32(id))
	}
	sum := sha256.Sum256(b)
	return "generate " + string(sum[:])
}

// newEngine returns an engine for n completions of each prompt.
func newEngine(m *model, prompts [][]int32, n int, s sampling) (*rollout.Engine, error) {
	tokens, err := m.tokenizer()
	if err != nil {
		return nil, err
	}
	longest := 0
	for _, prompt := range prompts {
		longest = max(longest, len(prompt))
	}
	c := rollout.Default()
	c.Rows = min(batchRows, n*len(prompts))
	c.PromptTokens = max(c.PromptTokens, longest)
	c.SequenceTokens = min(longest+s.maxTokens, m.policy.Config().MaxPositions)
	c.Seed, c.EndTokens = s.seed, s.ends
	c.Decode = func(ids []int32) string { return tokens.Decode(ids, true) }
	return rollout.New(m.policy, c)
}

// writeText writes a completion for a person who asked for several.
func writeText(out io.Writer, _ int, t trajectory.Trajectory) error {
	_, err := fmt.Fprintf(out, "--- %d (%s, %d tokens)\n%s\n", t.Index, t.Finish, len(t.Completion), valid(t.Text))
	return err
}

// writeJSON writes a completion as a line.
func writeJSON(out io.Writer, prompt int, t trajectory.Trajectory) error {
	if err := finite(t.LogProbs); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(struct {
		Prompt   int                     `json:"prompt"`
		Index    int                     `json:"index"`
		Text     string                  `json:"text"`
		IDs      []int32                 `json:"ids"`
		LogProbs []float32               `json:"logprobs"`
		Finish   trajectory.FinishReason `json:"finish"`
	}{prompt, t.Index, valid(t.Text), t.Completion, t.LogProbs, t.Finish})
}
