package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/octorl/octorl/policy"
)

// scoreVerb says how likely texts are.
type scoreVerb struct {
	Model string `required:"" help:"Checkpoint folder, or RUN@STAGE." placeholder:"DIR"`
	deviceFlag
}

// Help implements kong's help of a verb.
func (v *scoreVerb) Help() string {
	return `Reads lines {"ids":[…]} or {"text":"…"} from standard input and writes, in their order, lines
{"logprobs":[…],"entropy":[…],"loss":…}: natural logs for each token but the first, and the mean of their
negatives, which is null where there is none. A text gets the tokens that the tokenizer puts around one.
What a line gets does not depend on the others.`
}

// Run implements the verb.
func (v *scoreVerb) Run() error {
	m, err := openModel(v.Model, v.deviceFlag)
	if err != nil {
		return err
	}
	defer m.close()
	return score(m, os.Stdin, os.Stdout)
}

// scoreRequest is a line of input.
type scoreRequest struct {
	IDs  []int32 `json:"ids"`
	Text *string `json:"text"`
}

// scoreReply is a line of output for T tokens.
type scoreReply struct {
	LogProbs []float32 `json:"logprobs"` // (T−1,) of each token but the first
	Entropy  []float32 `json:"entropy"`  // (T−1,) of the distributions they are from, nats
	Loss     *float64  `json:"loss"`     // minus the mean logprob
}

// score answers the lines of in.
func score(m *model, in io.Reader, out io.Writer) error {
	s := &scorer{policy: m.policy, out: json.NewEncoder(out)}
	defer s.free()
	err := eachLine(in, func(_ int, r scoreRequest) error {
		if (r.IDs == nil) == (r.Text == nil) {
			return errors.New(`give either "ids" or "text"`)
		}
		ids, err := m.encode(r.IDs, r.Text)
		if err != nil {
			return err
		}
		return s.add(ids)
	})
	return errors.Join(s.flush(), err) // lines before the faulty one are answered
}

// scoreTokens is the tokens that are scored at once, if no document has more.
const scoreTokens = 4096

// scorer packs documents and scores them together.
type scorer struct {
	policy  *policy.Policy
	out     *json.Encoder
	pass    *policy.Pass
	most    int // rows that pass takes
	pending [][]int32
	rows    int // tokens of pending
}

// add takes a document, and scores those before it where both are too many.
func (s *scorer) add(ids []int32) error {
	if most := s.policy.Config().MaxPositions; len(ids) > most {
		return fmt.Errorf("%d tokens: the policy takes at most %d; cut the text", len(ids), most)
	}
	if s.rows+len(ids) > scoreTokens {
		if err := s.flush(); err != nil {
			return err
		}
	}
	s.pending = append(s.pending, ids)
	s.rows += len(ids)
	return nil
}

// flush scores the pending documents and writes their lines.
func (s *scorer) flush() error {
	if err := s.reserve(s.rows); err != nil {
		return err
	}
	batch := policy.PackDocuments(s.pending)
	logprobs, entropy := make([]float32, len(batch.Rows)), make([]float32, len(batch.Rows))
	if len(batch.Rows) > 0 {
		s.pass.Forward(batch, 1)
		if err := s.pass.Read(logprobs, entropy); err != nil {
			return err
		}
	}
	if err := finite(logprobs); err != nil {
		return err
	}
	for _, ids := range s.pending {
		n := max(len(ids)-1, 0)
		if err := s.write(logprobs[:n], entropy[:n]); err != nil {
			return err
		}
		logprobs, entropy = logprobs[n:], entropy[n:]
	}
	s.pending, s.rows = nil, 0
	return nil
}

// reserve sees to it that the pass takes n tokens.
func (s *scorer) reserve(n int) error {
	if n <= s.most {
		return nil
	}
	s.free()
	most := max(n, min(scoreTokens, s.policy.Config().MaxPositions))
	pass, err := s.policy.NewPass(policy.PassLimits{Tokens: most, Segments: most, Predictions: most})
	if err != nil {
		return err
	}
	s.pass, s.most = pass, most
	return nil
}

func (s *scorer) write(logprobs, entropy []float32) error {
	r := scoreReply{LogProbs: logprobs, Entropy: entropy}
	if len(logprobs) > 0 {
		sum := 0.0
		for _, l := range logprobs {
			sum += float64(l)
		}
		loss := -sum / float64(len(logprobs))
		r.Loss = &loss
	}
	if err := s.out.Encode(r); err != nil {
		return fmt.Errorf("write a score: %w", err)
	}
	return nil
}

// finite refuses logprobs that are not finite, which only weights that are not
// give.
func finite(logprobs []float32) error {
	for _, l := range logprobs {
		if math.IsNaN(float64(l)) || math.IsInf(float64(l), 0) {
			return fmt.Errorf("a logprob is %g: the checkpoint has weights that are not finite; octorl inspect names them", l)
		}
	}
	return nil
}

func (s *scorer) free() {
	if s.pass != nil {
		s.pass.Free()
		s.pass, s.most = nil, 0
	}
}
