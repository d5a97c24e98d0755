package config

import (
	"maps"
	"math"
	"slices"
	"strings"
)

// The names of the sources that every recipe may mix.
const (
	SourcePrealgebra = "openstax-prealgebra" // OpenStax prealgebra books
	SourceAlgebra    = "openstax-algebra"    // OpenStax algebra books
	SourceORCCA      = "orcca"               // Open Resources for Community College Algebra
	SourceGSM8K      = "gsm8k-train"         // GSM8K training problems with their solutions
	SourceProse      = "prose"               // generated problems as web-like text
	SourceShort      = "qa-short"            // generated, question and short reasoning
	SourceLong       = "qa-long"             // generated, question and long reasoning
	SourceDialogue   = "dialogue"            // generated, User: and Assistant:
)

// SourceNames returns the names of the built-in sources: bundled text first,
// then generated.
func SourceNames() []string {
	return []string{SourcePrealgebra, SourceAlgebra, SourceORCCA, SourceGSM8K,
		SourceProse, SourceShort, SourceLong, SourceDialogue}
}

// PresetNames returns the names of the mixtures of OctoThinker (arXiv:2506.20512,
// tables 2 and 4): that of the stable stage, and those of its three branches.
func PresetNames() []string {
	return []string{"stable", "long", "short", "hybrid"}
}

func (t Train) validateMixture(v validator) {
	if t.Preset != "" {
		v.require(t.Mixture == nil, "mixture", "is given beside preset; leave out one of them")
		v.oneOf("preset", t.Preset, PresetNames()...)
		return
	}
	if len(t.Mixture) == 0 {
		v.add("", "has no mixture; give mixture: {source: share} or preset: hybrid")
		return
	}
	sum := 0.0
	for _, name := range slices.Sorted(maps.Keys(t.Mixture)) {
		known := slices.Contains(SourceNames(), name) || strings.HasSuffix(name, ".jsonl") || strings.HasSuffix(name, ".jsonl.gz")
		v.at("mixture").require(known, name, "is no source%s; give the path of a .jsonl or .jsonl.gz file, or one of %s",
			suggest(name, SourceNames()), strings.Join(SourceNames(), ", "))
		v.at("mixture").share(name, t.Mixture[name])
		sum += t.Mixture[name]
	}
	v.require(math.Abs(sum-1) < 1e-6, "mixture", "shares sum to %g, not 1", sum)
}
