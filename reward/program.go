package reward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/octorl/octorl/rollout/trajectory"
)

// ProgramVerifier asks a program of the user. It writes it one line of JSON with
// id, problem, question, answer and completion, and reads one with verdict and,
// if the program likes, extracted, canonical and reason.
//
// A program that repeats the id in its reply is kept and asked again; one that
// does not, or ends, is started anew for each completion, for nothing else tells
// a late line from an answer. As many run as completions are judged at a time.
//
// At the end of ctx, and after any failure, the program is killed with all of
// its processes, and a new one is started for the next completion. On Linux
// those are all that descend from it, whatever sessions they make, unless one
// kills the process that watches over them; elsewhere, those of its group.
// Whatever goes wrong gives Failed, with the beginning of what the program wrote
// to standard error.
type ProgramVerifier struct {
	path string
	args []string

	mutex  sync.Mutex
	idle   []*program
	asked  uint64 // requests so far
	closed bool
}

// NewProgramVerifier returns the verifier that asks the program at path, which it
// does not start yet.
func NewProgramVerifier(path string, args ...string) *ProgramVerifier {
	return &ProgramVerifier{path: path, args: args}
}

// Verify implements Verifier.
func (v *ProgramVerifier) Verify(ctx context.Context, problem trajectory.Problem, completion string) Result {
	return guard(ctx, func() Result {
		p, id := v.take()
		if p != nil {
			result, err := v.ask(ctx, p, id, problem, completion)
			if !errors.Is(err, errGone) {
				return v.failed(result, err)
			}
		}
		p, err := startProgram(v.path, v.args)
		if err != nil {
			return v.failed(Result{}, err)
		}
		return v.failed(v.ask(ctx, p, id, problem, completion))
	})
}

// failed returns result, or Failed for an error.
func (v *ProgramVerifier) failed(result Result, err error) Result {
	if err != nil {
		return Result{Verdict: Failed, Reason: fmt.Sprintf("program %s: %v", v.path, err)}
	}
	return result
}

// take returns a program that waits for a request, or nil, and the id of the request.
func (v *ProgramVerifier) take() (p *program, id uint64) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.asked++
	if n := len(v.idle); n > 0 {
		p, v.idle = v.idle[n-1], v.idle[:n-1]
	}
	return p, v.asked
}

// keep puts a program that has answered back. It reports false when v is closed.
func (v *ProgramVerifier) keep(p *program) bool {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if !v.closed {
		v.idle = append(v.idle, p)
	}
	return !v.closed
}

// Close kills the programs that wait for a request; those that are at one are
// killed when they have answered.
func (v *ProgramVerifier) Close() error {
	v.mutex.Lock()
	idle := v.idle
	v.idle, v.closed = nil, true
	v.mutex.Unlock()
	for _, p := range idle {
		p.end()
	}
	return nil
}

// errGone is returned for a program that ended after an answer and before the
// next request.
var errGone = errors.New("ended after its last answer")

// ask puts a request to p and keeps p if its answer has the id of the request,
// else kills it.
func (v *ProgramVerifier) ask(ctx context.Context, p *program, id uint64, problem trajectory.Problem, completion string) (Result, error) {
	reused := p.answers > 0
	inTime := context.AfterFunc(ctx, p.kill)
	reply, err := p.exchange(newRequest(id, problem, completion))
	late := !inTime()
	switch {
	case late:
		p.end()
		return Result{}, ctx.Err()
	case err != nil:
		status := p.end()
		if err == io.EOF && reused {
			return Result{}, errGone
		}
		if err == io.EOF && status != nil {
			err = status
		}
		return Result{}, fmt.Errorf("%w%s", err, p.complaint)
	}
	result, answered := readReply(reply, "program")
	switch {
	case answered == 0 && !reused:
		p.end()
	case answered != id:
		p.end()
		return Result{}, fmt.Errorf("answer to request %d, want one to %d", answered, id)
	case result.Verdict == Failed || !v.keep(p):
		p.end()
	}
	return result, nil
}
