package message

// MetricsReported carries measurements to whoever watches. It may be lost.
type MetricsReported struct {
	Run      string             `msgpack:"ru"`
	Stage    string             `msgpack:"st"`
	Kind     string             `msgpack:"ki"` // "train", "rl", "evaluation" or "node"
	Step     int                `msgpack:"sp"` // from 1
	NumSteps int                `msgpack:"ns"` // of the stage
	Time     int64              `msgpack:"ti"` // Unix time in ns
	Values   map[string]float64 `msgpack:"va"` // by the names of docs/algorithm.md
}

// SampleReported shows people one completion. It may be lost.
type SampleReported struct {
	Stage      string  `msgpack:"st"`
	Step       int     `msgpack:"sp"` // from 1
	Question   string  `msgpack:"qu"`
	Completion string  `msgpack:"co"`
	Answer     string  `msgpack:"an"` // reference answer
	Verdict    string  `msgpack:"vd"` // by name
	Reward     float32 `msgpack:"rw"`
}

// StageState says where a stage is.
type StageState string

const (
	// Started means that the first step is about to begin, or to be resumed.
	Started StageState = "started"
	// Finished means that the last step is done and its checkpoint written.
	Finished StageState = "finished"
)

// StageReported says that a stage began or ended.
type StageReported struct {
	Stage    string     `msgpack:"st"`
	Kind     string     `msgpack:"ki"` // as in the recipe, e.g. "rl"
	State    StageState `msgpack:"sa"`
	Step     int        `msgpack:"sp"` // done so far
	NumSteps int        `msgpack:"ns"`
}

// VerifierFailed says that verifications of a step or an evaluation failed: the
// verifier did not do its work. Their trajectories are left out. It may be lost.
type VerifierFailed struct {
	Stage  string `msgpack:"st"`
	Step   int    `msgpack:"sp"` // from 1; of an evaluation, the version measured
	Failed int    `msgpack:"fa"` // verdicts
	Judged int    `msgpack:"ju"` // verdicts, the failed ones included
	Reason string `msgpack:"rs"` // of the first, for people
}
