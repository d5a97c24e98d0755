package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/rollout/trajectory"
)

// generateVerb completes prompts.
type generateVerb struct {
	Model       string   `required:"" help:"Checkpoint folder, or RUN@STAGE." placeholder:"DIR"`
	Prompt      *string  `help:"Text to complete; without one, lines of --jsonl." placeholder:"TEXT"`
	N           int      `default:"1" help:"Completions of each prompt; default 1." placeholder:"N"`
	Temperature *float32 `help:"0 takes the likeliest token; default what the checkpoint's generation_config.json says." placeholder:"T"`
	MaxTokens   *int     `help:"Longest completion, in tokens; default what generation_config.json says, or 256." placeholder:"N"`
	Seed        uint64   `help:"Names the draws: the same seed gives the same completions; default 0." placeholder:"N"`
	Stop        []string `sep:"none" help:"Text that ends a completion and is left out; may be given several times." placeholder:"TEXT"`
	JSONL       bool     `name:"jsonl" help:"Write JSON lines; without --prompt also read them."`
	deviceFlag
	chatFlags
}

// defaultMaxTokens is the longest completion where nobody says.
const defaultMaxTokens = 256

// Help implements kong's help of a verb.
func (v *generateVerb) Help() string {
	return `One completion of a --prompt is written as it is drawn. With --jsonl, standard input has lines
{"prompt":"…"}, {"ids":[…]} or {"messages":[{"role":"user","content":"…"}],"tools":[…]}, and each completion
gives a line {"prompt":…,"index":…,"text":…,"ids":[…],"logprobs":[…],"finish":"stop" or "length"}, where prompt
counts the lines and index the completions of one, both from 0. Messages go through the checkpoint's chat
template, and with --chat prompts too. A completion depends on seed, prompt and index alone. Of
generation_config.json the temperature, do_sample, max_new_tokens, stop_strings and the end tokens are followed;
what else changes completions is named and ignored.`
}

// Run implements the verb.
func (v *generateVerb) Run(ctx context.Context) error {
	if v.Prompt == nil && !v.JSONL {
		return errors.New("what to complete? give --prompt TEXT, or --jsonl and lines on standard input")
	}
	m, err := openModel(v.Model, v.deviceFlag)
	if err != nil {
		return err
	}
	defer m.close()
	s, err := v.sampling(m)
	if err != nil {
		return err
	}
	if len(s.ignored) > 0 {
		fmt.Fprintf(os.Stderr, "octorl: %s asks for %s: ignored, tokens are drawn from all of the distribution\n",
			filepath.Join(m.dir, policy.GenerationFile), strings.Join(s.ignored, ", "))
	}
	return v.generate(ctx, m, s, os.Stdin, os.Stdout)
}

// sampling says how completions are drawn and when they end.
type sampling struct {
	temperature float32
	maxTokens   int
	seed        uint64
	ends        []int32
	stops       []string
	ignored     []string // what the checkpoint asks for besides
}

// sampling merges the flags with what the checkpoint asks for.
func (v *generateVerb) sampling(m *model) (sampling, error) {
	g, err := policy.ReadGeneration(m.dir, m.policy.Config())
	if err != nil {
		return sampling{}, err
	}
	s := sampling{temperature: g.Temperature, maxTokens: defaultMaxTokens, seed: v.Seed, ends: g.EOS, ignored: g.Ignored}
	s.stops = slices.DeleteFunc(slices.Concat(v.Stop, g.Stops), func(stop string) bool { return stop == "" })
	if v.Temperature != nil {
		s.temperature = *v.Temperature
	}
	if v.MaxTokens != nil {
		s.maxTokens = *v.MaxTokens
	} else if g.MaxTokens > 0 {
		s.maxTokens = g.MaxTokens
	}
	switch {
	case v.N < 1:
		return s, fmt.Errorf("--n %d: ask for at least 1", v.N)
	case s.maxTokens < 1:
		return s, fmt.Errorf("--max-tokens %d: allow at least 1", s.maxTokens)
	case !(s.temperature >= 0 && s.temperature <= policy.MaxTemperature):
		return s, fmt.Errorf("--temperature %g: use 0 for the likeliest token, or a number up to %d", s.temperature, policy.MaxTemperature)
	case v.N > 1 && s.temperature == 0:
		return s, fmt.Errorf("--n %d at temperature 0 would give equal completions: set --temperature", v.N)
	}
	return s, nil
}

// generate completes the prompt, or the lines of in.
func (v *generateVerb) generate(ctx context.Context, m *model, s sampling, in io.Reader, out io.Writer) error {
	prompts, err := v.prompts(m, in)
	if err != nil {
		return err
	}
	if v.Prompt != nil && v.N == 1 && !v.JSONL {
		if s.maxTokens, err = fit(m, prompts[0], s.maxTokens); err != nil {
			return err
		}
		return stream(ctx, m, prompts[0], s, out)
	}
	write := writeText
	if v.JSONL {
		write = writeJSON
	}
	return completeAll(ctx, m, prompts, v.N, s, func(prompt int, t trajectory.Trajectory) error { return write(out, prompt, t) })
}

// promptLine is a line of input: one of prompt, ids and messages.
type promptLine struct {
	Prompt   *string         `json:"prompt"`
	IDs      []int32         `json:"ids"`
	Messages json.RawMessage `json:"messages"`
	Tools    json.RawMessage `json:"tools"`
}

// prompts returns the ids of the flag's prompt or of the lines of in.
func (v *generateVerb) prompts(m *model, in io.Reader) ([][]int32, error) {
	c := &conversations{model: m, flags: v.chatFlags, now: time.Now()}
	if v.Prompt != nil {
		ids, err := v.ids(m, c, promptLine{Prompt: v.Prompt})
		return [][]int32{ids}, err
	}
	var all [][]int32
	err := eachLine(in, func(_ int, r promptLine) error {
		ids, err := v.ids(m, c, r)
		if err == nil {
			_, err = fit(m, ids, 1)
		}
		all = append(all, ids)
		return err
	})
	return all, err
}

// ids returns the tokens of a prompt.
func (v *generateVerb) ids(m *model, c *conversations, r promptLine) (ids []int32, err error) {
	given := 0
	for _, has := range []bool{r.Prompt != nil, r.IDs != nil, r.Messages != nil} {
		if has {
			given++
		}
	}
	switch {
	case given != 1:
		return nil, errors.New(`give one of "prompt", "ids" and "messages"`)
	case r.Messages != nil:
		ids, err = c.messages(r.Messages, r.Tools)
	case r.Tools != nil:
		return nil, errors.New(`"tools" go with "messages"`)
	case r.Prompt != nil && v.wanted():
		ids, err = c.prompt(*r.Prompt)
	default:
		ids, err = m.encode(r.IDs, r.Prompt)
	}
	if err == nil && len(ids) == 0 {
		err = errors.New("the prompt has no tokens: give at least one")
	}
	return ids, err
}

// fit returns how many tokens, at most maxTokens, may follow a prompt, or an
// error where none may.
func fit(m *model, prompt []int32, maxTokens int) (int, error) {
	most := m.policy.Config().MaxPositions
	if len(prompt) >= most {
		return 0, fmt.Errorf("the prompt has %d tokens and the policy takes %d with the completion: shorten it", len(prompt), most)
	}
	return min(maxTokens, most-len(prompt)), nil
}
