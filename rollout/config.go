package rollout

import (
	"errors"
	"fmt"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
)

// Config sizes an Engine and says how it ends and decodes completions.
type Config struct {
	Rows           int // sequences decoded at once; 64
	PromptTokens   int // prompt tokens prefilled at once, so also the longest prompt; 1024
	SequenceTokens int // longest prompt and completion together; 2048
	PageTokens     int // positions of one page of the cache; 16
	CacheTokens    int // positions the cache holds; 0 means Rows·SequenceTokens

	Seed      uint64               // the run's, for every draw
	EndTokens []int32              // ids that end a completion
	Decode    func([]int32) string // ids to text without special tokens; called from Run
}

// Default returns the sizes that Config's comments give. Decode is nil and must
// be set.
func Default() Config {
	return Config{Rows: 64, PromptTokens: 1024, SequenceTokens: 2048, PageTokens: 16}
}

// Validate returns all faults of c, joined, or nil.
func (c Config) Validate() error {
	var faults []error
	positive := func(name string, v int) {
		if v < 1 {
			faults = append(faults, fmt.Errorf("rollout %s is %d: set at least 1", name, v))
		}
	}
	positive("Rows", c.Rows)
	positive("PromptTokens", c.PromptTokens)
	positive("PageTokens", c.PageTokens)
	if c.SequenceTokens < 2 {
		faults = append(faults, fmt.Errorf("rollout SequenceTokens is %d: set at least 2, a prompt and a completion of one token", c.SequenceTokens))
	}
	if c.CacheTokens < 0 {
		faults = append(faults, fmt.Errorf("rollout CacheTokens is %d: set 0 for room for all rows, or a positive number", c.CacheTokens))
	}
	if c.Decode == nil {
		faults = append(faults, errors.New("rollout Decode is nil: set the tokenizer's decoding"))
	}
	return errors.Join(faults...)
}

// pagesPerRow returns the most pages one sequence can refer to. The prompt and
// the completion each round up to whole pages, hence the extra one.
func (c Config) pagesPerRow() int { return c.pagesOf(c.SequenceTokens) + 1 }

// pages returns the number of pages of the whole cache.
func (c Config) pages() int {
	if c.CacheTokens == 0 {
		return c.Rows * c.pagesPerRow()
	}
	return c.pagesOf(c.CacheTokens)
}

// tableWidth returns the elements of one row of the decoder's table.
func (c Config) tableWidth() int { return kernels.CacheTable + c.pagesPerRow() }

// limits returns the size of the decoder that c asks for.
func (c Config) limits() policy.DecoderLimits {
	return policy.DecoderLimits{
		Rows: c.Rows, PromptTokens: c.PromptTokens,
		Pages: c.pages(), PageTokens: c.PageTokens, PagesPerRow: c.pagesPerRow(),
	}
}

// pagesOf returns the pages that hold tokens positions.
func (c Config) pagesOf(tokens int) int { return (tokens + c.PageTokens - 1) / c.PageTokens }
