package reward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/octorl/octorl/rollout/trajectory"
)

// DefaultDeadline is the hard limit of one verification where none is chosen.
const DefaultDeadline = 2 * time.Second

// Settings choose a verifier, as recipes do.
type Settings struct {
	Mode     string        // one of Modes; "" is strict
	Extract  string        // strict only: as ParseExtraction takes it; "" is boxed
	Program  []string      // program only: its path and arguments
	URL      string        // endpoint only: http or https
	Deadline time.Duration // of one verification; 0 is DefaultDeadline
}

// Modes are the verifiers that Settings can name.
func Modes() []string {
	return []string{"strict", "octothinker", "exact", "numeric", "choice", "countdown", "program", "endpoint"}
}

// Open returns the verifier that s chooses. Its errors name the setting: a mode
// that is none, a setting that the mode does not have, a program that is not
// there, a URL that is none.
func (s Settings) Open() (Verifier, error) {
	var faults []error
	refuse := func(set bool, name, mode string) {
		if set && s.Mode != mode && !(mode == "strict" && s.Mode == "") {
			faults = append(faults, fmt.Errorf("%s is for mode %s, not for %q", name, mode, s.Mode))
		}
	}
	refuse(s.Extract != "", "extract", "strict")
	refuse(len(s.Program) > 0, "program", "program")
	refuse(s.URL != "", "url", "endpoint")
	v, err := s.open()
	if err = errors.Join(append(faults, err)...); err != nil {
		return nil, err
	}
	return v, nil
}

func (s Settings) open() (Verifier, error) {
	switch s.Mode {
	case "", "strict":
		if s.Extract == "" {
			return MathVerifier{}, nil
		}
		from, err := ParseExtraction(s.Extract)
		return MathVerifier{From: from}, err
	case "program":
		if len(s.Program) == 0 {
			return nil, errors.New("mode program: name it, with its arguments, in program")
		}
		path, err := exec.LookPath(s.Program[0])
		if err != nil {
			return nil, fmt.Errorf("program: %w; give the path of an executable file", err)
		}
		return NewProgramVerifier(path, s.Program[1:]...), nil
	case "endpoint":
		u, err := url.Parse(s.URL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("url %q: want one that begins with http:// or https://", s.URL)
		}
		return RemoteVerifier{URL: s.URL}, nil
	}
	if !slices.Contains(Modes(), s.Mode) {
		return nil, fmt.Errorf("mode %q: want %s", s.Mode, strings.Join(Modes(), ", "))
	}
	return Named(s.Mode)
}

// Close ends what a verifier that Open returned keeps running, if anything.
func Close(v Verifier) error {
	if c, ok := v.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Outside reports whether the verifier works outside this process, so that
// several verifications at a time cost it nothing.
func (s Settings) Outside() bool { return s.Mode == "program" || s.Mode == "endpoint" }

// maxOutside is how many verifications of one group are under way at a time
// outside the process.
const maxOutside = 8

// VerifyAll judges the completions of a problem, each under the deadline of s,
// and returns a result for each. Those of a program or an endpoint are judged
// several at a time. It returns when all are.
func (s Settings) VerifyAll(ctx context.Context, v Verifier, problem trajectory.Problem, completions []string) []Result {
	deadline := s.Deadline
	if deadline == 0 {
		deadline = DefaultDeadline
	}
	results := make([]Result, len(completions))
	judge := func(i int) {
		one, cancel := context.WithTimeout(ctx, deadline)
		defer cancel()
		results[i] = v.Verify(one, problem, completions[i])
	}
	if !s.Outside() {
		for i := range completions {
			judge(i)
		}
		return results
	}
	var all sync.WaitGroup
	places := make(chan struct{}, maxOutside)
	for i := range completions {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			judge(i)
		})
	}
	all.Wait()
	return results
}
