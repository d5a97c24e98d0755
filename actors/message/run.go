package message

import "github.com/octorl/octorl/policy"

// WeightsRequested asks the learner for a version of the policy; the answer is a
// PolicyPublished.
type WeightsRequested struct {
	Stage   string         `msgpack:"st"`
	Version policy.Version `msgpack:"ve"`
}

// PolicyPublished says that a version's weights can be fetched.
type PolicyPublished struct {
	Stage   string         `msgpack:"st"`
	Version policy.Version `msgpack:"ve"`
	Step    int            `msgpack:"sp"` // that made it, 0 for the stage's first
	Digest  string         `msgpack:"di"` // of the weights
	Object  string         `msgpack:"ob"` // name in the run's weights bucket; "" where it cannot be had
	Bytes   int64          `msgpack:"by"` // size of the object
}

// RunAnnounced tells nodes what they need to join a run.
type RunAnnounced struct {
	Run       string `msgpack:"ru"`
	Recipe    []byte `msgpack:"rc"` // resolved, YAML
	Tokenizer string `msgpack:"to"` // name in the run's tokenizer bucket
}

// RunFinished says that a run has ended.
type RunFinished struct {
	Run string `msgpack:"ru"`
}

// NodeAnnounced is a node's lease: who it is and what it runs.
type NodeAnnounced struct {
	Node      string `msgpack:"no"` // unique within the run
	Host      string `msgpack:"ho"`
	PID       int    `msgpack:"pi"` // of its process on Host
	Rollouts  int    `msgpack:"ro"` // rollout actors it runs
	Verifiers int    `msgpack:"vf"` // verifier actors it runs
}
