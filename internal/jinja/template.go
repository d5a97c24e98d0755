// Package jinja renders templates in the language of Jinja 3.1 as transformers
// sets it up for chat templates: trim_blocks, lstrip_blocks, loop controls, the
// generation tag, an immutable sandbox, no autoescaping, no other templates. A
// source text and values enter, a text leaves, equal to what Python gives, or an
// error where Python raises one. It knows nothing of chats, files or clocks.
//
// Templates come from strangers, so rendering is bounded: every operation spends
// of a budget, and depth is limited. Read Template, Options and Value first. What
// no chat template uses is refused by name when parsing: inheritance, imports,
// recursive loops, unpacked arguments.
package jinja

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrLimit is returned when a template asks for more than the budget of Options,
// or nests too deep.
var ErrLimit = errors.New("the template exceeds its limits")

// ErrRaised is returned when a template calls raise_exception. The message that
// wraps it is the template's own.
var ErrRaised = errors.New("the template refuses this")

// Limits of a template, far above those of the hub.
const (
	maxSource  = 1 << 20 // bytes
	maxNesting = 100     // of brackets and blocks in the source
	maxName    = 200     // bytes of a name
	maxDepth   = 5000    // of expressions under evaluation
	maxCalls   = 100     // of macros under way
	maxData    = 1000    // of values within values
)

// DefaultBudget is the work that a rendering may do, in bytes made or read; an
// evaluation of a node counts nodeCost. It is used up within a second.
const DefaultBudget = 128 << 20

// nodeCost is what evaluating a node or keeping an element of a list costs.
const nodeCost = 64

// Options say how a template is rendered. The zero value is valid.
type Options struct {
	Budget int       // work, see DefaultBudget; 0 means that
	Now    time.Time // what strftime_now formats
}

// Template is a parsed template. It may be rendered from several goroutines.
type Template struct{ body []statement }

// Parse reads a template. The error names the line.
func Parse(source string) (*Template, error) {
	if len(source) > maxSource {
		return nil, fmt.Errorf("%w: its source has %d bytes, and %d are read", ErrLimit, len(source), maxSource)
	}
	segments, err := scan(source)
	if err != nil {
		return nil, err
	}
	p := &parser{segments: segments}
	body, _, err := p.statements()
	if err != nil {
		return nil, err
	}
	return &Template{body: body}, nil
}

// Render renders t with variables. The error names the line, and wraps ErrLimit
// or ErrRaised where it is one of those.
func (t *Template) Render(variables map[string]Value, o Options) (string, error) {
	if o.Budget == 0 {
		o.Budget = DefaultBudget
	}
	var out strings.Builder
	top := &scope{names: map[string]Value{}, parent: &scope{names: globals}}
	for name, v := range variables {
		top.names[name] = v
	}
	s := &state{run: &run{budget: o.Budget, now: o.Now}, out: &out, scope: top}
	if err := s.execAll(t.body); err != nil {
		if errors.Is(err, errBreak) || errors.Is(err, errContinue) {
			err = errors.New("break or continue outside a loop")
		}
		return "", err
	}
	return out.String(), nil
}

// run is what all states of a rendering share.
type run struct {
	budget int
	depth  int // expressions under evaluation
	calls  int // macros under way
	now    time.Time
}

// spend takes n from the budget.
func (r *run) spend(n int) error {
	if r.budget -= n; r.budget < 0 || n < 0 {
		r.budget = -1
		return fmt.Errorf("%w: it does not end, or makes too much text", ErrLimit)
	}
	return nil
}

// state is where a rendering stands.
type state struct {
	*run
	out   *strings.Builder
	scope *scope
}

// scope holds the variables of a block; what it lacks is looked up in parent.
type scope struct {
	names  map[string]Value
	parent *scope
}

func (c *scope) get(name string) (Value, bool) {
	for ; c != nil; c = c.parent {
		if v, ok := c.names[name]; ok {
			return v, true
		}
	}
	return nil, false
}

// within returns a state that writes to out with fresh variables.
func (s *state) within(parent *scope, out *strings.Builder) *state {
	return &state{run: s.run, out: out, scope: &scope{names: map[string]Value{}, parent: parent}}
}

// write adds a text to the output.
func (s *state) write(text string) error {
	s.out.WriteString(text)
	return s.spend(len(text))
}

// lineError is an error with the line of the statement that it is from.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }
func (e *lineError) Unwrap() error { return e.err }

// atLine adds a line to an error that has none.
func atLine(line int, err error) error {
	var has *lineError
	if err == nil || errors.Is(err, errBreak) || errors.Is(err, errContinue) || errors.As(err, &has) {
		return err
	}
	return &lineError{line, err}
}
