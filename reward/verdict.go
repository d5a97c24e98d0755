// Package reward judges completions: the text of a completion and the reference
// answer of its problem enter, a verdict and from it a reward leave. It knows
// nothing of tokens, policies or how rewards become advantages. Read Verdict,
// Verifier, Shape in this order.
package reward

import "fmt"

// Verdict is what a verifier found. The zero value is none of them, so that a
// forgotten verdict earns nothing.
type Verdict uint8

const (
	// Right means that the answer equals the reference answer.
	Right Verdict = iota + 1
	// Wrong means that there is an answer and it does not.
	Wrong
	// Unparsable means that the completion has no answer to compare.
	Unparsable
	// Failed means that the verifier did not do its work, which says nothing
	// about the completion.
	Failed
)

// String returns the verdict in lower case, as metrics name it.
func (v Verdict) String() string {
	switch v {
	case Right:
		return "right"
	case Wrong:
		return "wrong"
	case Unparsable:
		return "unparsable"
	case Failed:
		return "failed"
	}
	return fmt.Sprintf("Verdict(%d)", uint8(v))
}

// Result is a verdict with its grounds.
type Result struct {
	Verdict   Verdict
	Extracted string // the answer as the completion writes it, empty when there is none
	Canonical string // the answer in the form in which it was compared
	Method    string // what decided: text, exact, numeric or structure
	Reason    string // why the verdict is not Right
}
