package exam

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"time"

	"github.com/octorl/octorl/evaluation"
	"github.com/octorl/octorl/evaluation/benchmark"
	"github.com/octorl/octorl/reward"
)

// Set is a benchmark with its problems at hand.
type Set struct {
	Spec     *benchmark.Spec
	Problems []benchmark.Problem
}

// OpenSet reads a benchmark of benchmark.Find, with the problems that the binary does
// not carry from the folder data.
func OpenSet(name, data string) (Set, error) {
	s, err := benchmark.Find(name)
	if err != nil {
		return Set{}, err
	}
	problems, err := s.Problems(data)
	return Set{s, problems}, err
}

// Way is one way of asking a benchmark. Name stands behind the benchmark's in names
// of files and in tables.
type Way struct {
	Name string
	Options
}

// sampled is the name of the way that samples.
const sampled = "-sampled"

// Greedy returns o's way of asking for the likeliest completion alone.
func (o Options) Greedy() Way {
	o.Samples, o.Temperature = 1, 0
	return Way{Options: o}
}

// Sampled returns o's way of asking for samples.
func (o Options) Sampled() Way { return Way{Name: sampled, Options: o} }

// Sitting is the examination of one checkpoint under way: papers, each with its
// journal in the same folder. It is used from one goroutine.
type Sitting struct {
	Folder   string
	Model    string // digest of the checkpoint's files
	Tokens   Tokens
	papers   []*Paper
	journals []*Journal
}

// Add prepares a benchmark in one way and opens its journal.
func (s *Sitting) Add(set Set, w Way) error {
	p, err := NewPaper(set.Spec, set.Problems, s.Model, s.Tokens, w.Options)
	if err != nil {
		return err
	}
	j, err := OpenJournal(filepath.Join(s.Folder, set.Spec.Name+w.Name+".jsonl"), p)
	if err != nil {
		return err
	}
	s.papers, s.journals = append(s.papers, p), append(s.journals, j)
	return nil
}

// Part is one paper of a sitting, for those who follow it.
type Part struct {
	Name      string // of its journal
	MaxTokens int    // that all completions together may have
}

// Parts lists the papers in the order in which they are asked.
func (s *Sitting) Parts() []Part {
	var parts []Part
	for i, p := range s.papers {
		parts = append(parts, Part{s.journals[i].Name(), len(p.Questions) * p.Settings.Samples * p.Settings.MaxTokens})
	}
	return parts
}

// Run asks what is not answered yet, paper after paper. When ctx ends it returns its
// error; what is done stays done. follow, which may be nil, returns who is told of the
// progress of a part.
func (s *Sitting) Run(ctx context.Context, from Sampler, follow func(part string) Progress) error {
	for i, p := range s.papers {
		var progress Progress
		if follow != nil {
			progress = follow(s.journals[i].Name())
		}
		j, began := s.journals[i], time.Now()
		before := len(j.items)
		err := Run(ctx, p, j, from, progress)
		took := 0.0
		if len(j.items) > before {
			took = time.Since(began).Seconds()
		}
		closed := j.Close(took)
		if err != nil {
			return err // which of a full disk says what Close does
		}
		if closed != nil {
			return closed
		}
	}
	return nil
}

// Close closes what Run has not.
func (s *Sitting) Close() error {
	var errs []error
	for _, j := range s.journals {
		errs = append(errs, j.Close(0))
	}
	return errors.Join(errs...)
}

// Results summarizes every paper, with pass@k and maj@k for ks.
func (s *Sitting) Results(ks []int) []evaluation.BenchmarkResult {
	var results []evaluation.BenchmarkResult
	for i, p := range s.papers {
		results = append(results, p.Result(s.journals[i], ks))
	}
	return results
}

// Failed returns how many of all completions have a verification that failed, and why
// the first did.
func (s *Sitting) Failed() (failed, all int, reason string) {
	for i, p := range s.papers {
		for _, it := range s.journals[i].Items(p) {
			for _, c := range it.Completions {
				all++
				if c.Verdict != reward.Failed {
					continue
				}
				if failed++; failed == 1 {
					reason = c.Reason
				}
			}
		}
	}
	return failed, all, reason
}

// Page is the name of the page of a sitting in its folder.
const Page = "report.html"

// WritePage writes the page on which the items of results can be read, and returns its path.
func (s *Sitting) WritePage(r evaluation.Result) (string, error) {
	sets := map[string]evaluation.ItemSet{}
	for i, p := range s.papers {
		sets[filepath.Base(s.journals[i].path)] = evaluation.ItemSet{Items: s.journals[i].Items(p), Preamble: p.Preamble}
	}
	path := filepath.Join(s.Folder, Page)
	return path, evaluation.WriteFile(path, func(w io.Writer) error { return evaluation.WriteItemPage(w, r, sets) })
}
