package policy

import (
	"fmt"

	"github.com/octorl/octorl/kernels"
)

// Batch is a microbatch: packed rows of several sequences, N in all, and the P
// predictions wanted of them. No row is padding.
type Batch struct {
	IDs       []int32           // (N,) token of each row
	Positions []int32           // (N,) its position in its sequence, from 0
	Segments  []kernels.Segment // what each row sees
	Rows      []int32           // (P,) row whose hidden state predicts
	Targets   []int32           // (P,) token whose logprob is wanted
}

// PromptCompletions is a prompt with completions that each follow it: a group.
type PromptCompletions struct {
	Prompt      []int32
	Completions [][]int32
}

// PackDocuments packs documents end to end. Each is a segment of its own with
// positions from 0, and each token but its first is predicted, in order of
// document and token. A document's last token predicts nothing and so has no
// row: one of n tokens takes n−1 rows.
func PackDocuments(docs [][]int32) Batch {
	var b Batch
	for _, d := range docs {
		if len(d) < 2 {
			continue
		}
		start := b.appendSegment(d[:len(d)-1], 0, kernels.Segment{})
		for i, target := range d[1:] {
			b.predict(start+int32(i), target)
		}
	}
	return b
}

// PackGroups packs groups so that each prompt is computed once: it is a segment,
// and each completion is a segment that has it as its prefix. Only tokens of
// completions are predicted, in order of group, completion and token; the first
// from the prompt's last row. A group takes len(Prompt) rows and len−1 for each
// completion. It panics on an empty prompt, from which nothing can be
// predicted.
func PackGroups(groups []PromptCompletions) Batch {
	var b Batch
	for i, g := range groups {
		if len(g.Prompt) == 0 {
			panic(fmt.Sprintf("policy: PackGroups: prompt of group %d is empty", i))
		}
		start := b.appendSegment(g.Prompt, 0, kernels.Segment{})
		prompt := kernels.Segment{PrefixStart: start, PrefixLen: int32(len(g.Prompt))}
		for _, completion := range g.Completions {
			b.appendCompletion(prompt, completion)
		}
	}
	return b
}

func (b *Batch) appendCompletion(prompt kernels.Segment, completion []int32) {
	if len(completion) == 0 {
		return
	}
	b.predict(prompt.PrefixStart+prompt.PrefixLen-1, completion[0])
	if len(completion) == 1 {
		return
	}
	start := b.appendSegment(completion[:len(completion)-1], prompt.PrefixLen, prompt)
	for i, target := range completion[1:] {
		b.predict(start+int32(i), target)
	}
}

// appendSegment appends a segment of ids at positions from position, with the
// prefix of prompt, and returns its first row.
func (b *Batch) appendSegment(ids []int32, position int32, prompt kernels.Segment) int32 {
	s := prompt
	s.Start, s.Len = int32(len(b.IDs)), int32(len(ids))
	b.Segments = append(b.Segments, s)
	b.IDs = append(b.IDs, ids...)
	for i := range ids {
		b.Positions = append(b.Positions, position+int32(i))
	}
	return s.Start
}

func (b *Batch) predict(row, target int32) {
	b.Rows = append(b.Rows, row)
	b.Targets = append(b.Targets, target)
}
