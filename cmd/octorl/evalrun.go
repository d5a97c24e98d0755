package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/evaluation/benchmark"
	"github.com/octorl/octorl/evaluation/exam"
	"github.com/octorl/octorl/internal/progress"
	"github.com/octorl/octorl/policy"
)

// evaluationRun is the evaluation of one checkpoint under way: papers with their
// journals.
type evaluationRun struct {
	model    *model
	digest   string // of the checkpoint's files
	out      string
	lock     *os.File
	ends     []int32
	papers   []*exam.Paper
	journals []*exam.Journal
}

// openEvaluation opens a checkpoint on a device and the folder for its results, which it
// locks. close releases both.
func openEvaluation(dir, out string, f deviceFlag) (*evaluationRun, error) {
	digest, err := digestOfCheckpoint(dir)
	if err != nil {
		return nil, err
	}
	m, err := openModel(dir, f)
	if err != nil {
		return nil, err
	}
	e := &evaluationRun{model: m, digest: digest, out: out}
	if _, err = m.tokenizer(); err == nil {
		var g policy.Generation
		g, err = policy.ReadGeneration(dir, m.policy.Config())
		e.ends = g.EOS
	}
	if err == nil {
		e.lock, err = lockFolder(out)
	}
	if err != nil {
		m.close()
		return nil, err
	}
	return e, nil
}

func (e *evaluationRun) close() {
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

// digestOfCheckpoint names a checkpoint by the content of the files that decide
// what it answers.
func digestOfCheckpoint(dir string) (string, error) {
	h := sha256.New()
	for _, pattern := range []string{policy.ConfigFile, "generation_config.json", "*.safetensors", "tokenizer.json"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return "", fmt.Errorf("read checkpoint %s: %w", dir, err)
		}
		for _, path := range paths {
			if filepath.Base(path) == "optimizer.safetensors" {
				continue
			}
			if err := addFile(h, path); err != nil {
				return "", fmt.Errorf("read checkpoint: %w", err)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

func addFile(h io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.WriteString(h, filepath.Base(path)+"\x00"); err != nil {
		return err
	}
	_, err = io.Copy(h, f)
	return err
}

// problems returns a benchmark and its rows.
func (e *evaluationRun) problems(name, data string) (*benchmark.Spec, []benchmark.Problem, error) {
	s, err := benchmark.Find(name)
	if err != nil {
		return nil, nil, err
	}
	problems, err := s.Problems(data)
	return s, problems, err
}

// Encode implements exam.Tokens.
func (e *evaluationRun) Encode(prompt string) []int32 { return e.model.tokens.EncodeSpecial(prompt) }

// Positions implements exam.Tokens.
func (e *evaluationRun) Positions() int { return e.model.policy.Config().MaxPositions }

// add prepares a benchmark and opens its journal under a name.
func (e *evaluationRun) add(s *benchmark.Spec, problems []benchmark.Problem, o exam.Options, name string) error {
	p, err := exam.NewPaper(s, problems, e.digest, e, o)
	if err != nil {
		return err
	}
	j, err := exam.OpenJournal(filepath.Join(e.out, name+".jsonl"), p)
	if err != nil {
		return err
	}
	e.papers, e.journals = append(e.papers, p), append(e.journals, j)
	return nil
}

// run asks what is not answered yet, and closes the journals.
func (e *evaluationRun) run(ctx context.Context) error {
	view := openExamView(e)
	defer view.close()
	for i, p := range e.papers {
		name := e.journals[i].Name()
		began := time.Now()
		s := &engineSampler{model: e.model, ends: e.ends}
		err := exam.Run(ctx, p, e.journals[i], s, view.follow(name, s))
		if err := errors.Join(err, e.journals[i].Close(time.Since(began).Seconds())); err != nil {
			return err
		}
		view.display.Finish(name, "")
	}
	return nil
}

// writePage writes the page on which the items can be read, and returns its path.
func (e *evaluationRun) writePage(r evaluation.Result) (string, error) {
	sets := map[string]evaluation.ItemSet{}
	for i, p := range e.papers {
		sets[r.Benchmarks[i].Items] = evaluation.ItemSet{Items: e.journals[i].Items(p), Preamble: p.Preamble}
	}
	return writePage(filepath.Join(e.out, "report.html"), func(w io.Writer) error { return evaluation.WriteItemPage(w, r, sets) })
}

// writePage writes a page aside and renames it to path, which it returns.
func writePage(path string, write func(io.Writer) error) (string, error) {
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return "", fmt.Errorf("write page: %w", err)
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		os.Remove(path + ".tmp")
		return "", err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return "", fmt.Errorf("write page: %w", err)
	}
	return path, nil
}

// examView shows an evaluation on standard error: a stage a benchmark.
type examView struct {
	display *progress.Display
	cancel  context.CancelFunc
}

func openExamView(e *evaluationRun) *examView {
	var stages []progress.Stage
	for i, p := range e.papers {
		stages = append(stages, progress.Stage{
			Name: e.journals[i].Name(), Weight: float64(len(p.Questions) * p.Settings.Samples * p.Settings.MaxTokens),
		})
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
	return &examView{display: d, cancel: cancel}
}

// follow returns the progress of a paper.
func (v *examView) follow(name string, s *engineSampler) exam.Progress {
	right := 0.0
	return func(done, total int, it evaluation.Item) {
		right += evaluation.Summarize([]evaluation.Item{it}).Accuracy
		v.display.Step(progress.Step{
			Stage: name, Step: done, NumSteps: total, TokensPerSecond: s.rate(),
			Metrics: []progress.Metric{progress.Percent("accuracy", right/float64(done))},
		})
		if len(it.Completions) > 0 {
			c := it.Completions[0]
			v.display.Sample(progress.Sample{Question: it.Problem.Question, Completion: c.Text, Right: c.Verdict.String() == "right"})
		}
	}
}

func (v *examView) close() {
	v.cancel()
	v.display.Close()
}
