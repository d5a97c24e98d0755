package message

import (
	"errors"
	"fmt"

	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/reward"
	"github.com/octorl/octorl/rollout/trajectory"
)

// Purpose says what a group is wanted for.
type Purpose string

const (
	// Train asks for trajectories to learn from.
	Train Purpose = "train"
)

// GroupHeader names a group and the way home. It travels unchanged from the
// request to the verified group.
type GroupHeader struct {
	ID      string  `msgpack:"id"` // unique within a run: stage, step and slot
	Stage   string  `msgpack:"st"`
	Step    int     `msgpack:"sp"` // from 1
	Slot    int     `msgpack:"sl"` // place in the step's batch, from 0
	Purpose Purpose `msgpack:"pu"`
	ReplyTo string  `msgpack:"re"` // instance that gets the verified group
	Recipe  string  `msgpack:"rc"` // digest of the recipe that it belongs to
}

// Header returns h, for whoever has a message of any of the kinds that embed it.
func (h GroupHeader) Header() GroupHeader { return h }

// GroupRequested asks a rollout for the trajectories of a problem.
type GroupRequested struct {
	GroupHeader `msgpack:",inline"`

	Problem     trajectory.Problem `msgpack:"pb"`
	Prompt      Int32s             `msgpack:"pr"` // (P,) ids
	Samples     int                `msgpack:"n"`  // trajectories wanted
	MaxTokens   int                `msgpack:"mt"` // cap of each completion, tokens
	Temperature float32            `msgpack:"te"` // 0 is greedy
	Version     policy.Version     `msgpack:"ve"` // to sample with
	Stops       []string           `msgpack:"so"` // texts that end a completion
}

// GroupCompleted brings the trajectories of a group to a verifier.
type GroupCompleted struct {
	GroupHeader `msgpack:",inline"`

	Group   trajectory.Group `msgpack:"gr"`
	Node    string           `msgpack:"no"` // that sampled them
	Seconds float64          `msgpack:"se"` // spent sampling
}

func (m GroupCompleted) check() error { return checkGroup(m.Group) }

// GroupCancelled ends a group that will not complete.
type GroupCancelled struct {
	GroupHeader `msgpack:",inline"`

	Node   string `msgpack:"no"` // that gave it up
	Reason string `msgpack:"rs"` // for people
}

// Verdict is what a verifier found of one trajectory.
type Verdict struct {
	Verdict   reward.Verdict `msgpack:"v"`
	Extracted string         `msgpack:"x"` // the answer compared, "" for none
	Reason    string         `msgpack:"r"` // why, for people; "" where it is plain
}

// GroupVerified brings a group and its verdicts to whoever asked for it.
type GroupVerified struct {
	GroupHeader `msgpack:",inline"`

	Group    trajectory.Group `msgpack:"gr"`
	Node     string           `msgpack:"no"` // that sampled it
	Seconds  float64          `msgpack:"se"` // spent sampling
	Verdicts []Verdict        `msgpack:"vs"` // one a trajectory, in their order
}

func (m GroupVerified) check() error {
	if len(m.Verdicts) != len(m.Group.Trajectories) {
		return fmt.Errorf("%d verdicts on %d trajectories", len(m.Verdicts), len(m.Group.Trajectories))
	}
	return checkGroup(m.Group)
}

// checkGroup refuses per-token arrays of unequal length, which would be a
// panic wherever they are read.
func checkGroup(g trajectory.Group) error {
	var faults []error
	for _, t := range g.Trajectories {
		if n := len(t.Completion); len(t.LogProbs) != n || len(t.Versions) != n {
			faults = append(faults, fmt.Errorf("trajectory %d has %d tokens, %d logprobs, %d versions", t.Index, n, len(t.LogProbs), len(t.Versions)))
		}
	}
	return errors.Join(faults...)
}
