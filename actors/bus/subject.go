package bus

import (
	"fmt"
	"strings"
)

// root is the first token of every subject.
const root = "rl"

// Any stands for every value of a token in Pattern.
const Any = "*"

// maxToken bounds a token, in bytes.
const maxToken = 64

// Address is a subject taken apart: rl.<Run>.<Noun>.<Verb>.<Instance>.
type Address struct {
	Run      string // the run's name
	Noun     string // what it is about, e.g. "group"
	Verb     string // what happened or shall happen, e.g. "requested"
	Instance string // who sends it, or whom it is for
}

// Subject returns "rl.<run>.<noun>.<verb>.<instance>". It panics unless each
// is a token; names that users choose pass CheckToken first.
func Subject(run, noun, verb, instance string) string {
	return build(run, noun, verb, instance, "")
}

// Pattern returns a subject to subscribe to, in which tokens may be Any. It
// panics like Subject.
func Pattern(run, noun, verb, instance string) string {
	return build(run, noun, verb, instance, Any)
}

func build(run, noun, verb, instance, wildcard string) string {
	tokens := []string{root, run, noun, verb, instance}
	for _, token := range tokens {
		if err := CheckToken(token); err != nil && (token == "" || token != wildcard) {
			panic(fmt.Sprintf("bus: subject of %q: %v", tokens, err))
		}
	}
	return strings.Join(tokens, ".")
}

// ParseSubject takes a subject apart. It returns ErrBadName unless Subject
// could have built it.
func ParseSubject(subject string) (Address, error) {
	t := strings.Split(subject, ".")
	if len(t) != 5 || t[0] != root {
		return Address{}, fmt.Errorf("%w: subject %.200q: want rl.<run>.<noun>.<verb>.<instance>", ErrBadName, subject)
	}
	for _, token := range t {
		if err := CheckToken(token); err != nil {
			return Address{}, fmt.Errorf("subject %.200q: %w", subject, err)
		}
	}
	return Address{Run: t[1], Noun: t[2], Verb: t[3], Instance: t[4]}, nil
}

// Store returns the name of a run's queue, key bucket or object bucket:
// "rl-<run>-<noun>". It panics unless both are tokens.
func Store(run, noun string) string {
	for _, token := range []string{run, noun} {
		if err := CheckToken(token); err != nil {
			panic(fmt.Sprintf("bus: store of run %q, noun %q: %v", run, noun, err))
		}
	}
	return root + "-" + run + "-" + noun
}

// CheckToken returns ErrBadName unless token is 1 to 64 letters, digits, "-"
// or "_" of ASCII: what subjects, queues, buckets and keys all allow.
func CheckToken(token string) error {
	valid := len(token) >= 1 && len(token) <= maxToken
	for i := 0; i < len(token) && valid; i++ {
		c := token[i]
		valid = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
	}
	if !valid {
		return fmt.Errorf("%w: %.80q: use 1 to %d letters, digits, - or _", ErrBadName, token, maxToken)
	}
	return nil
}
