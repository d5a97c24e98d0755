package actors

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"time"

	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/internal/config"
)

// scribe keeps the records of a run: metrics, events, samples and evaluations
// in its directory, and the same as messages for whoever watches. It belongs to
// the head node and is used from its mailbox only.
type scribe struct {
	run      string
	dir      *directory
	recipe   *config.Recipe
	announce func(noun, verb string, body any)
	recorded map[standing]bool // evaluations inside stages that were on record when it was opened

	metrics, events, samples *record
	board                    *board
}

// event is a line of events.jsonl.
type event struct {
	Time    time.Time `json:"time"`
	Event   string    `json:"event"`
	Stage   string    `json:"stage,omitempty"`
	Step    int       `json:"step,omitempty"`
	Digest  string    `json:"digest,omitempty"`
	Seconds float64   `json:"seconds,omitempty"`
	Failed  int       `json:"failed,omitempty"` // verdicts, of Judged
	Judged  int       `json:"judged,omitempty"`
	Reason  string    `json:"reason,omitempty"`
}

// openScribe opens the records. Lines about what a resumed run does again are
// dropped: of a stage that is to do, the steps and evaluations that its
// newest checkpoint does not have, and the evaluation of its end.
func openScribe(run string, d *directory, r *config.Recipe, stages []string) (*scribe, error) {
	s := &scribe{run: run, dir: d, recipe: r, announce: func(string, string, any) {}, recorded: map[standing]bool{}}
	reached := map[string]int{}
	for _, stage := range stages {
		reached[stage] = d.reached(stage)
	}
	keep := func(line []byte) bool {
		var at struct {
			Stage, Kind string
			Step        int
		}
		if json.Unmarshal(line, &at) != nil {
			return false
		}
		step, open := reached[at.Stage]
		stage := r.Stage(at.Stage)
		ended := at.Kind == kindEvaluation && stage != nil && at.Step == stage.NumSteps()
		kept := !open || at.Step <= step && !ended
		if kept && at.Kind == kindEvaluation && !ended {
			s.recorded[standing{stage: at.Stage, step: at.Step}] = true
		}
		return kept
	}
	var errs [4]error
	s.metrics, errs[0] = openRecord(d.metrics(), keep)
	s.samples, errs[1] = openRecord(d.samples(), keep)
	s.events, errs[2] = openRecord(d.events(), nil)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	s.board, errs[3] = openBoard(d.tensorboard(), d.metrics())
	return s, errs[3]
}

func (s *scribe) close() {
	for _, r := range []*record{s.metrics, s.events, s.samples} {
		r.close()
	}
	s.board.close()
}

func (s *scribe) stageOpened(m stageOpened) error {
	s.announce("stage", "reported", message.StageReported{
		Stage: m.at.stage, Kind: m.kind, State: "started", Step: m.at.step, NumSteps: m.numSteps,
	})
	return s.events.append(event{Time: time.Now(), Event: "stage-started", Stage: m.at.stage, Step: m.at.step})
}

// step records one step's metrics, and a sample now and then.
func (s *scribe) step(m stepReported) error {
	err := s.report(message.MetricsReported{
		Run: s.run, Stage: m.at.stage, Kind: m.kind, Step: m.at.step, NumSteps: m.numSteps,
		Time: time.Now().UnixNano(), Values: m.values,
	})
	if m.sample == nil {
		return err
	}
	s.announce("sample", "reported", *m.sample)
	return errors.Join(err, s.samples.append(m.sample))
}

// probe records an evaluation in the middle of a stage; then its version is pending
// no more.
func (s *scribe) probe(m examined) error {
	err := s.report(message.MetricsReported{
		Run: s.run, Stage: m.at.stage, Kind: kindEvaluation, Step: m.at.step, NumSteps: s.recipe.Stage(m.at.stage).NumSteps(),
		Time: time.Now().UnixNano(), Values: evaluation.Values(m.result),
	})
	if err := errors.Join(err, s.metrics.sync()); err != nil {
		return err
	}
	return s.dir.dropPending(m.at)
}

// alarm records that verifications failed, and tells whoever watches.
func (s *scribe) alarm(at standing, a alarm) error {
	s.announce("verifier", "failed", message.VerifierFailed{
		Stage: at.stage, Step: at.step, Failed: a.failed, Judged: a.judged, Reason: a.reason,
	})
	return s.events.append(event{
		Time: time.Now(), Event: "verifier-failed", Stage: at.stage, Step: at.step, Failed: a.failed, Judged: a.judged, Reason: a.reason,
	})
}

func (s *scribe) report(m message.MetricsReported) error {
	for name, v := range m.Values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			delete(m.Values, name) // JSON has no word for it; skipped says that it happened
		}
	}
	s.announce("metrics", "reported", m)
	return errors.Join(s.metrics.append(m), s.board.add(m))
}

func (s *scribe) stageFinished(m stageFinished, took time.Duration) error {
	s.announce("stage", "reported", message.StageReported{Stage: m.at.stage, State: "finished", Step: m.at.step, NumSteps: m.at.step})
	return s.events.append(event{
		Time: time.Now(), Event: "stage-finished", Stage: m.at.stage, Step: m.at.step, Digest: m.digest, Seconds: took.Seconds(),
	})
}

// examined writes the results of a stage's evaluation.
func (s *scribe) examined(m examined) error {
	// The file last: it is what says that this has been done.
	err := s.report(message.MetricsReported{
		Run: s.run, Stage: m.at.stage, Kind: kindEvaluation, Step: m.at.step, NumSteps: m.at.step,
		Time: time.Now().UnixNano(), Values: evaluation.Values(m.result),
	})
	if err := errors.Join(err, s.settle()); err != nil {
		return err
	}
	return evaluation.WriteResult(s.dir.evaluation(m.at.stage), m.result)
}

// settle puts on the disk what was recorded so far. It comes before whatever
// says that a step is done for good, or a crash could leave the step without its
// lines.
func (s *scribe) settle() error {
	return errors.Join(s.metrics.sync(), s.events.sync(), s.samples.sync())
}

// finish tells of the end of the run. All versions are scored by then; of one that was
// scored while a checkpoint put it aside, the weights lie there still.
func (s *scribe) finish() error {
	s.announce("run", "finished", message.RunFinished{Run: s.run})
	return errors.Join(s.events.append(event{Time: time.Now(), Event: "run-finished"}), os.RemoveAll(s.dir.pendingFolder()))
}
