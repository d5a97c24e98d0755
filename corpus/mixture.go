package corpus

import (
	"errors"
	"fmt"
	"strings"
)

// Weight is the share of a mixture's tokens that come from a source.
type Weight struct {
	Source string
	Share  float64 // relative to the other weights; not negative
}

// Mixture is sources with the shares of tokens that each should have.
type Mixture struct {
	sources []Source
	shares  []float64 // (sources,) positive, of sum 1
}

// NewMixture returns the sources named by the weights, in their order, with
// shares normalized to sum 1; a weight of 0 leaves its source out. It reports all
// faults at once: a weight without a source, a source with two weights, a negative
// or not finite share, no positive share.
func NewMixture(weights []Weight, sources ...Source) (*Mixture, error) {
	byName := map[string]Source{}
	for _, s := range sources {
		byName[s.Name()] = s
	}
	m := &Mixture{}
	seen := map[string]bool{}
	total := 0.0
	var faults []error
	for _, w := range weights {
		if fault := w.check(byName, seen); fault != nil {
			faults = append(faults, fault)
			continue
		}
		if w.Share > 0 {
			m.sources, m.shares = append(m.sources, byName[w.Source]), append(m.shares, w.Share)
			total += w.Share
		}
	}
	if faults == nil && total == 0 {
		faults = append(faults, errors.New("mixture: no source has a positive share"))
	}
	for i := range m.shares {
		m.shares[i] /= total
	}
	return m, errors.Join(faults...)
}

// check marks the weight as seen and returns what is wrong with it.
func (w Weight) check(byName map[string]Source, seen map[string]bool) error {
	defer func() { seen[w.Source] = true }()
	switch {
	case byName[w.Source] == nil:
		known := make([]string, 0, len(byName))
		for name := range byName {
			known = append(known, name)
		}
		return fmt.Errorf("mixture: unknown source %q; known are %s", w.Source, strings.Join(sorted(known), ", "))
	case seen[w.Source]:
		return fmt.Errorf("mixture: source %q has two weights", w.Source)
	case !(w.Share >= 0 && w.Share <= maxShare):
		return fmt.Errorf("mixture: source %q has share %v; want a finite number that is not negative", w.Source, w.Share)
	}
	return nil
}

// maxShare keeps sums of shares finite.
const maxShare = 1e9
