package actors

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/evaluation/candidate"
	"github.com/octorl/octorl/evaluation/exam"
	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
)

// ExamRows is how many completions the evaluator decodes at once: few, since its
// cache stands beside those of the rollouts.
const ExamRows = 32

// examiner is the evaluator's scorer: a policy of its own, made with the first
// version, that sits the exams of its stage as it would for octorl eval. What it has
// answered is in journals in the run directory, so that a version that was being
// scored when the process died is not asked the same again. It is used from one
// goroutine.
type examiner struct {
	device    kernels.Device
	materials *materials
	exams     exams
	dir       *directory
	log       zerolog.Logger
	answered  func(at standing, s exam.State) // told of every item in tests; nil for nobody
	policy    *policy.Policy                  // nil before the first version
}

// free releases the policy.
func (x *examiner) free() {
	if x.policy != nil {
		x.policy.Free()
		x.policy = nil
	}
}

// score implements scorer.
func (x *examiner) score(ctx context.Context, e examine) (examined, error) {
	out := examined{at: e.at, final: e.final}
	err := ctx.Err()
	if err == nil {
		err = x.examine(ctx, e, &out)
	}
	if err != nil {
		return out, fmt.Errorf("evaluate version %d of stage %s: %w", e.at.step, e.at.stage, err)
	}
	return out, nil
}

func (x *examiner) examine(ctx context.Context, e examine, out *examined) error {
	digest, err := x.load(e)
	if err != nil {
		return err
	}
	sitting, err := x.open(e, digest)
	if err != nil {
		return err
	}
	defer sitting.Close()
	if err := sitting.Run(ctx, sitting.Tokens.(*candidate.Candidate), x.follow(e.at)); err != nil {
		return err
	}
	out.result = evaluation.Result{
		Version: evaluation.ResultVersion, Model: fmt.Sprintf("%s@%d", e.at.stage, e.at.step), Digest: digest, Finished: time.Now().UTC(),
		Benchmarks: sitting.Results(x.exams[e.at.stage].K),
	}
	out.alarm = alarmOf(sitting.Failed())
	if e.final {
		_, err = sitting.WritePage(out.result)
	}
	return err
}

// follow returns who is told of the answers of a version: the log, at each tenth.
func (x *examiner) follow(at standing) func(string) exam.Progress {
	return func(part string) exam.Progress {
		tenths := 0
		return func(s exam.State) {
			if now := 10 * s.Done / s.Total; now > tenths {
				tenths = now
				x.log.Info().Str("stage", at.stage).Int("policy_version", at.step).Str("benchmark", part).
					Int("problems", s.Done).Int("of", s.Total).Float64("accuracy", s.Accuracy).Msg("evaluation under way")
			}
			if x.answered != nil {
				x.answered(at, s)
			}
		}
	}
}

// load brings the policy to the version, and returns the digest that names it.
func (x *examiner) load(e examine) (digest string, err error) {
	if x.policy == nil {
		if x.policy, err = policy.New(x.device, x.materials.config); err != nil {
			return "", err
		}
	}
	switch {
	case e.folder != "":
		if digest, err = candidate.Digest(e.folder); err != nil {
			return "", err
		}
		return digest, loadWeights(x.policy, e.folder)
	case e.file != "":
		if e.weights, err = readPending(e.file, x.policy.NumParameters()); err != nil {
			return "", err
		}
	}
	x.policy.SetWeights(e.weights)
	return policy.Digest(e.weights), nil
}

// open opens the journals of a version. Those of other weights, such as of a stage
// that was deleted and trained anew, are of no use, and make place.
func (x *examiner) open(e examine, digest string) (*exam.Sitting, error) {
	folder := x.dir.evaluation(e.at.stage)
	if !e.final {
		folder = x.dir.probe(e.at)
	}
	c := &candidate.Candidate{Policy: x.policy, Tokenizer: x.materials.tokenizer, Ends: x.materials.config.EOS, Rows: ExamRows}
	sit := func() (*exam.Sitting, error) {
		s := &exam.Sitting{Folder: folder, Model: digest, Tokens: c}
		if err := x.exams[e.at.stage].add(s, e.final); err != nil {
			return nil, errors.Join(err, s.Close())
		}
		return s, nil
	}
	s, err := sit()
	if errors.Is(err, exam.ErrOtherSettings) {
		x.log.Warn().Err(err).Msg("evaluation made anew")
		if err := os.RemoveAll(folder); err != nil {
			return nil, fmt.Errorf("make the evaluation anew: %w", err)
		}
		s, err = sit()
	}
	return s, err
}
