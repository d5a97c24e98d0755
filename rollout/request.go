package rollout

import (
	"fmt"
	"math"

	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/rollout/trajectory"
)

// Request asks for one group: Samples completions of one prompt.
type Request struct {
	ID      string // the group's, unique within a run
	Key     string // names its random numbers; empty for the ID
	Problem trajectory.Problem
	Prompt  []int32 // (P,) ids, P ≥ 1; the engine keeps the slice and hands it on in the group

	Samples     int      // completions, at least 1; may exceed Config.Rows
	MaxTokens   int      // longest completion in tokens, the end token included; at least 1
	Temperature float32  // 0 takes the likeliest token
	StopStrings []string // texts that end a completion; they are cut from its Text

	// Version is the version of the weights while the request runs; every token
	// of the group carries it. Weights may change only between groups.
	Version policy.Version

	// Done receives the group once, from the goroutine of Run, and must not
	// block. When err is not nil the group has no trajectories: err wraps
	// ErrCancelled after Cancel, else it is what ended Run.
	Done func(g trajectory.Group, err error)
}

// validate returns what makes r impossible in itself.
func (r Request) validate() error {
	fault := func(format string, args ...any) error {
		return fmt.Errorf("submit group %s: "+format, append([]any{r.ID}, args...)...)
	}
	switch t := float64(r.Temperature); {
	case r.ID == "":
		return fault("the ID is empty: set one, unique within the run")
	case len(r.Prompt) == 0:
		return fault("the prompt is empty: give at least the begin token")
	case r.Samples < 1:
		return fault("Samples is %d: ask for at least 1", r.Samples)
	case r.MaxTokens < 1:
		return fault("MaxTokens is %d: allow at least 1", r.MaxTokens)
	case t < 0 || math.IsNaN(t) || math.IsInf(t, 0):
		return fault("Temperature is %v: use 0 for greedy, or a positive number", r.Temperature)
	case r.Done == nil:
		return fault("Done is nil: nobody would receive the group")
	}
	return nil
}

// drawKey returns what names the random numbers of r.
func (r Request) drawKey() string {
	if r.Key != "" {
		return r.Key
	}
	return r.ID
}

// fits returns an error that wraps ErrTooLarge when an empty engine of
// configuration c could not run a single sample of r.
func (r Request) fits(c Config) error {
	prompt, total := len(r.Prompt), len(r.Prompt)+r.MaxTokens
	pages := c.pagesOf(prompt-1) + c.pagesOf(r.MaxTokens)
	switch {
	case prompt > c.PromptTokens:
		return fmt.Errorf("submit group %s: %w: the prompt has %d tokens and PromptTokens is %d: shorten the prompt or raise PromptTokens",
			r.ID, ErrTooLarge, prompt, c.PromptTokens)
	case total > c.SequenceTokens:
		return fmt.Errorf("submit group %s: %w: the prompt of %d tokens and MaxTokens %d make %d, and SequenceTokens is %d: lower MaxTokens or raise SequenceTokens",
			r.ID, ErrTooLarge, prompt, r.MaxTokens, total, c.SequenceTokens)
	case pages > c.pages():
		return fmt.Errorf("submit group %s: %w: the prompt of %d tokens and MaxTokens %d need %d pages, and the cache has %d: lower MaxTokens or raise CacheTokens to %d",
			r.ID, ErrTooLarge, prompt, r.MaxTokens, pages, c.pages(), pages*c.PageTokens)
	}
	return nil
}
