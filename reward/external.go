package reward

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/octorl/octorl/rollout/trajectory"
)

// maxReply bounds what a program or an endpoint may answer, in bytes.
const maxReply = 1 << 20

// externalRequest is what a program or an endpoint is asked, as one line of JSON.
type externalRequest struct {
	ID         uint64 `json:"id,omitempty"` // of the request; to a program only
	Problem    string `json:"problem"`      // its id
	Question   string `json:"question"`
	Answer     string `json:"answer"` // the reference answer
	Completion string `json:"completion"`
}

// externalReply is the first line of JSON of the answer.
type externalReply struct {
	ID        uint64 `json:"id"`      // of the request, or 0
	Verdict   string `json:"verdict"` // right, wrong or unparsable; anything else is a failure
	Extracted string `json:"extracted"`
	Canonical string `json:"canonical"`
	Reason    string `json:"reason"`
}

var externalVerdicts = map[string]Verdict{"right": Right, "wrong": Wrong, "unparsable": Unparsable}

func newRequest(id uint64, problem trajectory.Problem, completion string) []byte {
	line, err := json.Marshal(externalRequest{id, problem.ID, problem.Question, problem.Answer, completion})
	if err != nil {
		panic(fmt.Sprintf("marshal strings: %v", err)) // cannot happen
	}
	return append(line, '\n')
}

// readReply turns an answer into a result, and returns the id that it is to.
func readReply(reply []byte, method string) (result Result, id uint64) {
	var r externalReply
	if err := json.NewDecoder(bytes.NewReader(reply)).Decode(&r); err != nil {
		return Result{Verdict: Failed, Reason: fmt.Sprintf("reply %.80q: %v", reply, err)}, 0
	}
	v, ok := externalVerdicts[r.Verdict]
	if !ok {
		return Result{Verdict: Failed, Reason: fmt.Sprintf("verdict %q (%s): want right, wrong or unparsable", r.Verdict, r.Reason)}, r.ID
	}
	return Result{Verdict: v, Extracted: r.Extracted, Canonical: r.Canonical, Method: method, Reason: r.Reason}, r.ID
}

var errReplyTooLong = errors.New("reply is too long")

// RemoteVerifier asks an HTTP endpoint: it posts what ProgramVerifier writes, but
// for the id, and reads what that reads, with status 200. Whatever goes wrong gives Failed.
type RemoteVerifier struct {
	URL    string
	Client *http.Client // nil for http.DefaultClient; ctx bounds each request
}

// Verify implements Verifier.
func (v RemoteVerifier) Verify(ctx context.Context, problem trajectory.Problem, completion string) Result {
	return guard(ctx, func() Result {
		reply, err := v.post(ctx, newRequest(0, problem, completion))
		if err != nil {
			return Result{Verdict: Failed, Reason: fmt.Sprintf("endpoint %s: %v", v.URL, err)}
		}
		result, _ := readReply(reply, "remote")
		return result
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
