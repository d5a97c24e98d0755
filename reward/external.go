package reward

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"time"

	"github.com/octorl/octorl/rollout/trajectory"
)

const (
	// maxReply bounds what a program or an endpoint may answer, in bytes.
	maxReply = 1 << 20
	// killDelay is how long the output of a killed program is waited for.
	killDelay = 500 * time.Millisecond
)

// externalRequest is what a program or an endpoint is asked, as one line of JSON.
type externalRequest struct {
	Problem    string `json:"problem"` // its id
	Question   string `json:"question"`
	Answer     string `json:"answer"` // the reference answer
	Completion string `json:"completion"`
}

// externalReply is the first line of JSON of the answer.
type externalReply struct {
	Verdict   string `json:"verdict"` // right, wrong or unparsable; anything else is a failure
	Extracted string `json:"extracted"`
	Canonical string `json:"canonical"`
	Reason    string `json:"reason"`
}

var externalVerdicts = map[string]Verdict{"right": Right, "wrong": Wrong, "unparsable": Unparsable}

func newRequest(problem trajectory.Problem, completion string) []byte {
	line, err := json.Marshal(externalRequest{problem.ID, problem.Question, problem.Answer, completion})
	if err != nil {
		panic(fmt.Sprintf("marshal strings: %v", err)) // cannot happen
	}
	return append(line, '\n')
}

// readReply turns an answer into a result.
func readReply(reply []byte, method string) Result {
	var r externalReply
	if err := json.NewDecoder(bytes.NewReader(reply)).Decode(&r); err != nil {
		return Result{Verdict: Failed, Reason: fmt.Sprintf("reply %.80q: %v", reply, err)}
	}
	v, ok := externalVerdicts[r.Verdict]
	if !ok {
		return Result{Verdict: Failed, Reason: fmt.Sprintf("verdict %q (%s): want right, wrong or unparsable", r.Verdict, r.Reason)}
	}
	return Result{Verdict: v, Extracted: r.Extracted, Canonical: r.Canonical, Method: method, Reason: r.Reason}
}

// ProgramVerifier asks a program of the user, started anew for each completion:
// it reads one line of JSON with problem (the id), question, answer and
// completion from its standard input, and writes one with verdict and, if it
// likes, extracted, canonical and reason. At the end of ctx its whole process
// group is killed, and so is what it leaves behind when it ends; a child that
// makes a group of its own is out of reach. Whatever goes wrong gives Failed,
// with the beginning of what it wrote to standard error.
type ProgramVerifier struct {
	Path string
	Args []string
}

// Verify implements Verifier.
func (v ProgramVerifier) Verify(ctx context.Context, problem trajectory.Problem, completion string) Result {
	return guard(ctx, func() Result {
		command := exec.CommandContext(ctx, v.Path, v.Args...)
		ownGroup(command)
		command.WaitDelay = killDelay
		command.Stdin = bytes.NewReader(newRequest(problem, completion))
		output, complaint := &limitedBuffer{}, &beginning{}
		command.Stdout, command.Stderr = output, complaint
		err := command.Run()
		killGroup(command)
		if err != nil {
			switch {
			case ctx.Err() != nil:
				err = ctx.Err()
			case output.full:
				err = errReplyTooLong
			}
			return Result{Verdict: Failed, Reason: fmt.Sprintf("program %s: %v%s", v.Path, err, complaint)}
		}
		return readReply(output.content.Bytes(), "program")
	})
}

// maxComplaint bounds what is kept of a program's standard error, in bytes.
const maxComplaint = 200

// beginning keeps the first bytes and drops the rest.
type beginning struct{ text []byte }

func (b *beginning) Write(p []byte) (int, error) {
	b.text = append(b.text, p[:min(len(p), maxComplaint-len(b.text))]...)
	return len(p), nil
}

// String returns the text behind a colon, or nothing.
func (b *beginning) String() string {
	if len(b.text) == 0 {
		return ""
	}
	return fmt.Sprintf(": %q", b.text)
}

var errReplyTooLong = errors.New("reply is too long")

// limitedBuffer keeps up to maxReply bytes and fails on more.
type limitedBuffer struct {
	content bytes.Buffer
	full    bool
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.full = b.full || b.content.Len()+len(p) > maxReply; b.full {
		return 0, errReplyTooLong
	}
	return b.content.Write(p)
}

// RemoteVerifier asks an HTTP endpoint: it posts what ProgramVerifier writes and
// reads what that reads, with status 200. Whatever goes wrong gives Failed.
type RemoteVerifier struct {
	URL    string
	Client *http.Client // nil for http.DefaultClient; ctx bounds each request
}

// Verify implements Verifier.
func (v RemoteVerifier) Verify(ctx context.Context, problem trajectory.Problem, completion string) Result {
	return guard(ctx, func() Result {
		reply, err := v.post(ctx, newRequest(problem, completion))
		if err != nil {
			return Result{Verdict: Failed, Reason: fmt.Sprintf("endpoint %s: %v", v.URL, err)}
		}
		return readReply(reply, "remote")
	})
}

func (v RemoteVerifier) post(ctx context.Context, line []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, v.URL, bytes.NewReader(line))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	client := v.Client
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %s", response.Status)
	}
	reply, err := io.ReadAll(io.LimitReader(response.Body, maxReply+1))
	if err == nil && len(reply) > maxReply {
		err = errReplyTooLong
	}
	return reply, err
}
