package actors

import (
	"fmt"

	"github.com/octorl/octorl/policy"
)

// The instance tokens of subjects: which kind of actor takes a message.
const (
	instanceRollout   = "rollout"
	instanceVerifier  = "verifier"
	instanceBuffer    = "buffer"
	instanceEvaluator = "evaluator"
	instanceLearner   = "learner"
)

// bufferCredit is how many verified groups the buffer holds unacked.
const bufferCredit = 64

// failed tells the node that an actor cannot go on. The run stops, keeps what it
// has, and reports err.
type failed struct {
	actor string
	err   error
}

func (f failed) report() error { return fmt.Errorf("%s: %w", f.actor, f.err) }

// standing is where a stage stands: the policy after step steps is version
// step of the stage.
type standing struct {
	stage string
	step  int
}

func (s standing) version() policy.Version { return policy.Version(s.step) }
