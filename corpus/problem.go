package corpus

import (
	"hash/fnv"
	"strings"
)

// Problem is a question with its reference answer and, where the derivation is
// known, the worked solution.
type Problem struct {
	ID       string // unique within the stream or the data set it comes from
	Question string // text without a template
	Answer   string // final answer; an integer in decimal digits where generated
	Level    int    // difficulty from 1 to Levels, or 0 where unknown
	Solution string // worked derivation in sentences, without the final answer sentence
	Key      string // mathematical content, see HeldOut; empty unless generated
	Steps    []Step // worked derivation; empty unless generated

	topic  string   // what prose is about: an expression, an equation or a story
	hint   string   // a sentence on how to go about it
	proof  []Step   // confirms the answer by going back to the question; may be empty
	parts  []string // keys of the expressions and equations inside it
	listed bool     // the topic is a story and not a formula
}

// heldOutPeriod is the inverse of the share of keys that are held out.
const heldOutPeriod = 8

// tableFact begins the keys of facts that are never held out.
const tableFact = "table "

// HeldOut reports whether problems with this key are kept for evaluation: one
// key in eight, chosen by a hash of the key alone, so the split is the same for
// every seed, stream and level.
//
// A key is the mathematical content without its wording: an expression with
// the terms of sums and the factors of products sorted, an equation's
// coefficients, or a kind of story with its numbers. Single facts of the
// addition, subtraction and multiplication tables (see Step) are never held
// out, because nothing else implies them; a larger fact such as 47 + 8 may be,
// because it follows from the tables and the digits.
func HeldOut(key string) bool {
	if strings.HasPrefix(key, tableFact) {
		return false
	}
	h := fnv.New64a()
	h.Write([]byte(key))
	return mix(h.Sum64())%heldOutPeriod == 0
}

// trainable reports whether neither the problem, nor an expression inside it,
// nor a fact its solution states is held out.
func (p *Problem) trainable() bool {
	if HeldOut(p.Key) {
		return false
	}
	for _, key := range p.parts {
		if HeldOut(key) {
			return false
		}
	}
	return allStatable(p.Steps)
}

// evaluable reports whether the problem is held out while every fact that its
// solution states, other than the problem itself, may occur in training: what
// is unseen is the composition.
func (p *Problem) evaluable() bool {
	if !HeldOut(p.Key) {
		return false
	}
	for _, s := range p.Steps {
		if s.key() != p.Key && !s.statable() {
			return false
		}
	}
	return true
}

// solve fills answer and solution from the steps.
func (p *Problem) solve() {
	sentences := make([]string, len(p.Steps))
	for i, s := range p.Steps {
		sentences[i] = s.Sentence
	}
	p.Solution = strings.Join(sentences, " ")
	p.Answer = decimal(p.Steps[len(p.Steps)-1].Value)
}

// mix is the finalizer of SplitMix64: every input bit reaches every output bit.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
