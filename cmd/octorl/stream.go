package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/rollout"
)

// streamPage is the number of positions of a page of a stream's cache.
const streamPage = 16

// stream draws one completion of prompt and writes its text as it grows: whole
// characters only, and nothing of a stop string; then a line end. It ends early,
// without an error, where ctx does.
func stream(ctx context.Context, m *model, prompt []int32, s sampling, out io.Writer) error {
	tokens, err := m.tokenizer()
	if err != nil {
		return err
	}
	d, err := newStreamDecoder(m.policy, prompt, s)
	if err != nil {
		return err
	}
	defer d.Free()
	characters, text := tokens.Stream(true), stopFilter{stops: s.stops}
	for range s.maxTokens {
		token, err := d.next()
		if err != nil {
			return err
		}
		if slices.Contains(s.ends, token) || ctx.Err() != nil {
			break
		}
		shown, stopped := text.push(characters.Push(token))
		if _, err := io.WriteString(out, valid(shown)); err != nil || stopped {
			return endLine(out, err)
		}
	}
	shown, _ := text.push(characters.Flush())
	_, err = io.WriteString(out, valid(shown+text.held))
	return endLine(out, err)
}

// endLine ends the line where what came before was written.
func endLine(out io.Writer, err error) error {
	if err == nil {
		_, err = io.WriteString(out, "\n")
	}
	return err
}

// streamDecoder decodes one sequence whose page i of the cache holds its i-th
// positions, so a position is its own slot.
type streamDecoder struct {
	*policy.Decoder
	sampling
	row      int32 // hidden state to draw from
	position int32 // of the token to draw
	last     int32 // token drawn, not yet fed; -1 before the first
	table    []int32
	key      [2]int32 // names the random numbers
}

func newStreamDecoder(p *policy.Policy, prompt []int32, s sampling) (*streamDecoder, error) {
	pages := (len(prompt) + s.maxTokens + streamPage - 1) / streamPage
	decoder, err := p.NewDecoder(policy.DecoderLimits{
		Rows: 1, PromptTokens: len(prompt), Pages: pages, PageTokens: streamPage, PagesPerRow: pages,
	})
	if err != nil {
		return nil, err
	}
	d := &streamDecoder{Decoder: decoder, sampling: s, row: int32(len(prompt) - 1), position: int32(len(prompt)), last: -1, key: rollout.SampleKey(keyOf(prompt), 0)}
	d.table = append(make([]int32, kernels.CacheTable), upTo(pages)...)
	positions := upTo(len(prompt))
	if err := d.Prefill(prompt, positions, []kernels.Segment{{Len: int32(len(prompt))}}, positions); err != nil {
		decoder.Free()
		return nil, err
	}
	return d, nil
}

// next feeds the token drawn last and draws another.
func (d *streamDecoder) next() (int32, error) {
	if d.last >= 0 {
		at := []int32{d.position}
		d.position++
		d.row, d.table[1] = 0, d.position
		if err := d.Step([]int32{d.last}, at, at, d.table); err != nil {
			return 0, err
		}
	}
	token, logprob, entropy := make([]int32, 1), make([]float32, 1), make([]float32, 1)
	draw := policy.Draw{
		Rows: []int32{d.row}, Temperatures: []float32{d.temperature}, Keys: d.key[:],
		Positions: []int32{d.position}, Seed: d.seed,
	}
	err := d.Sample(draw, token, logprob, entropy)
	d.last = token[0]
	return d.last, errors.Join(err, finite(logprob))
}

// upTo returns 0 … n−1.
func upTo(n int) []int32 {
	v := make([]int32, n)
	for i := range v {
		v[i] = int32(i)
	}
	return v
}

// stopFilter passes text on up to the first stop string, and holds back what may
// be the beginning of one.
type stopFilter struct {
	stops []string // not empty ones
	held  string
}

// push returns the text that can be shown now, and whether a stop string has
// come: then nothing may be shown any more.
func (f *stopFilter) push(text string) (shown string, stopped bool) {
	text = f.held + text
	end := len(text)
	for _, s := range f.stops {
		if i := strings.Index(text, s); i >= 0 && i < end {
			end, stopped = i, true
		}
	}
	if !stopped {
		end -= f.beginning(text)
	}
	f.held = text[end:]
	return text[:end], stopped
}

// beginning returns the length of the longest end of text that begins a stop
// string.
func (f *stopFilter) beginning(text string) int {
	longest := 0
	for _, s := range f.stops {
		for n := min(len(s)-1, len(text)); n > longest; n-- {
			if strings.HasSuffix(text, s[:n]) {
				longest = n
			}
		}
	}
	return longest
}
