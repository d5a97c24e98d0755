package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/octorl/octorl/evaluation/candidate"
	"github.com/octorl/octorl/evaluation/exam"
	"github.com/octorl/octorl/internal/progress"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/reward"
)

// evaluationRun is the evaluation of one checkpoint under way.
type evaluationRun struct {
	model     *model
	lock      *os.File
	candidate *candidate.Candidate
	sitting   *exam.Sitting
}

// openEvaluation opens a checkpoint on a device and the folder for its results, which it
// locks. close releases both.
func openEvaluation(dir, out string, f deviceFlag) (*evaluationRun, error) {
	digest, err := candidate.Digest(dir)
	if err != nil {
		return nil, err
	}
	m, err := openModel(dir, f)
	if err != nil {
		return nil, err
	}
	e := &evaluationRun{model: m}
	if e.candidate, err = m.candidate(); err == nil {
		e.lock, err = lockFolder(out)
	}
	if err != nil {
		m.close()
		return nil, err
	}
	e.sitting = &exam.Sitting{Folder: out, Model: digest, Tokens: e.candidate}
	return e, nil
}

// candidate returns the model as it sits examinations.
func (m *model) candidate() (*candidate.Candidate, error) {
	tokens, err := m.tokenizer()
	if err != nil {
		return nil, err
	}
	g, err := policy.ReadGeneration(m.dir, m.policy.Config())
	return &candidate.Candidate{Policy: m.policy, Tokenizer: tokens, Ends: g.EOS}, err
}

func (e *evaluationRun) close() {
	e.sitting.Close()
	e.lock.Close()
	e.model.close()
}

// lockFolder makes a folder and locks it for this process.
func lockFolder(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make folder for results: %w; choose another with --out", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock folder for results: %w; choose another with --out", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("the folder %s is in use by another process: wait for it, stop it, or choose another with --out", dir)
	}
	return lock, nil
}

// run asks what is not answered yet.
func (e *evaluationRun) run(ctx context.Context) error {
	view := openExamView(e)
	defer view.close()
	return e.sitting.Run(ctx, e.candidate, view.follow)
}

// examView shows an evaluation on standard error: a stage a benchmark and way.
type examView struct {
	display *progress.Display
	cancel  context.CancelFunc
	rate    func() float64
}

func openExamView(e *evaluationRun) *examView {
	var stages []progress.Stage
	for _, p := range e.sitting.Parts() {
		stages = append(stages, progress.Stage{Name: p.Name, Weight: float64(p.MaxTokens)})
	}
	d := progress.New(os.Stderr, progress.Options{
		Title: "eval " + e.model.dir, Stages: stages, Terminal: progress.Detect(os.Stderr, os.Getenv),
	})
	ctx, cancel := context.WithCancel(context.Background())
	ticks := time.NewTicker(time.Second / framesPerSecond)
	go func() {
		defer ticks.Stop()
		d.Follow(ctx, ticks.C)
	}()
	return &examView{display: d, cancel: cancel, rate: e.candidate.Rate}
}

// follow returns the progress of a part.
func (v *examView) follow(name string) exam.Progress {
	return func(s exam.State) {
		v.display.Step(progress.Step{
			Stage: name, Step: s.Done, NumSteps: s.Total, TokensPerSecond: v.rate(),
			Metrics: []progress.Metric{progress.Percent("accuracy", s.Accuracy)},
		})
		if c := s.Item.Completions; len(c) > 0 {
			v.display.Sample(progress.Sample{
				Question: s.Item.Problem.Question, Completion: c[0].Text, Right: c[0].Verdict == reward.Right, Verdict: c[0].Verdict.String(),
			})
		}
		if s.Done == s.Total {
			v.display.Finish(name, "")
		}
	}
}

func (v *examView) close() {
	v.cancel()
	v.display.Close()
}
