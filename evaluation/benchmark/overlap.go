package benchmark

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
)

// DefaultWindow is the number of words in a row that make an overlap.
const DefaultWindow = 13

// Overlaps finds texts that have as many words of a benchmark's question in a row as
// a window holds: traces of the benchmark in a corpus. Words are runs of ASCII letters
// and digits, whatever their case; all else, LaTeX's backslashes included, only
// separates them. It may be read from several goroutines once all is added.
type Overlaps struct {
	window    int
	seed      maphash.Seed
	questions []question
	at        map[uint64][]place // where the windows of a hash are
	short     map[string]int
}

// question is a problem's with its words.
type question struct {
	problem Problem
	words   []string
}

// place is a window of a question.
type place struct{ question, word int32 }

// Overlap is a problem that a text has words of.
type Overlap struct {
	Benchmark string `json:"benchmark"`
	Problem   string `json:"problem"` // its ID
	Words     string `json:"words"`   // the first window that they share
}

// NewOverlaps returns an empty index. It panics on a window under 2.
func NewOverlaps(window int) *Overlaps {
	if window < 2 {
		panic(fmt.Sprintf("benchmark: a window of %d words", window))
	}
	return &Overlaps{window: window, seed: maphash.MakeSeed(), at: map[uint64][]place{}, short: map[string]int{}}
}

// Add adds the questions of problems, without their options. A question of fewer
// words than a window cannot be found, and is counted in Short.
func (o *Overlaps) Add(problems []Problem) {
	for _, p := range problems {
		q := question{p, words(p.Stem)}
		if len(q.words) < o.window {
			o.short[p.Source]++
			continue
		}
		n := int32(len(o.questions))
		o.questions = append(o.questions, q)
		for i, hash := range o.hashes(q.words) {
			o.at[hash] = append(o.at[hash], place{n, int32(i)})
		}
	}
}

// Short returns how many questions of a benchmark are too short to be found.
func (o *Overlaps) Short(benchmark string) int { return o.short[benchmark] }

// Find returns the problems that a text has words of, each once, in the order in
// which they come.
func (o *Overlaps) Find(text string) []Overlap {
	all := words(text)
	var found []Overlap
	seen := map[int32]bool{}
	for i, hash := range o.hashes(all) {
		for _, p := range o.at[hash] {
			window := all[i : i+o.window]
			q := o.questions[p.question]
			if seen[p.question] || !slices.Equal(window, q.words[p.word:int(p.word)+o.window]) {
				continue
			}
			seen[p.question] = true
			found = append(found, Overlap{Benchmark: q.problem.Source, Problem: q.problem.ID, Words: strings.Join(window, " ")})
		}
	}
	return found
}

// hashPrime is the base of the polynomial over the hashes of words.
const hashPrime = 0x9e3779b97f4a7c15 | 1

// hashes returns the hash of every window, from the first: each follows from the one
// before it, so the time does not depend on the window.
func (o *Overlaps) hashes(words []string) []uint64 {
	if len(words) < o.window {
		return nil
	}
	top := uint64(1) // the factor of the word that leaves
	for range o.window - 1 {
		top *= hashPrime
	}
	each := make([]uint64, len(words))
	for i, w := range words {
		each[i] = maphash.String(o.seed, w)
	}
	out := make([]uint64, 0, len(words)-o.window+1)
	var hash uint64
	for i, h := range each {
		if i >= o.window {
			hash -= each[i-o.window] * top
		}
		hash = hash*hashPrime + h
		if i >= o.window-1 {
			out = append(out, hash)
		}
	}
	return out
}

// words returns the words of a text in lower case.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
}
