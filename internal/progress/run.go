package progress

import (
	"fmt"
	"time"
)

// run is what is known of a run.
type run struct {
	title   string
	started time.Time
	stages  []stage
	active  int // index of the stage with the latest news, or -1
	heldOut heldOut
	sample  Sample
	sampled time.Time // when sample was set
}

// stage is what is known of a stage.
type stage struct {
	Stage
	news     Step
	from     int // steps that were done when the first news came
	started  time.Time
	ended    time.Time
	summary  string
	hasNews  bool
	finished bool
}

// heldOut is the latest accuracy on held-out problems.
type heldOut struct {
	stage    string
	step     int
	accuracy float64
}

// String returns what is shown.
func (h heldOut) String() string {
	return fmt.Sprintf("held-out accuracy %.1f %% at step %d", 100*h.accuracy, h.step)
}

func newRun(title string, stages []Stage, now time.Time) run {
	r := run{title: title, started: now, active: -1}
	for _, s := range stages {
		r.stages = append(r.stages, stage{Stage: s})
	}
	return r
}

// find returns the index of a stage, or -1.
func (r *run) find(name string) int {
	for i := range r.stages {
		if r.stages[i].Name == name {
			return i
		}
	}
	return -1
}

// step takes news in and reports whether the stage is known. Stages run in order:
// one before it of which nothing was heard was done before.
func (r *run) step(news Step, now time.Time) bool {
	i := r.find(news.Stage)
	if i < 0 {
		return false
	}
	for j := range r.stages[:i] {
		if before := &r.stages[j]; !before.hasNews && !before.finished {
			r.finish(before.Name, "", now)
		}
	}
	s := &r.stages[i]
	if !s.hasNews {
		s.hasNews, s.started, s.from = true, now, news.Step
	}
	s.news, r.active = news, i
	return true
}

// finish ends a stage and reports whether it is known. One without news was
// done in an earlier process: it tells nothing about time.
func (r *run) finish(name, summary string, now time.Time) bool {
	i := r.find(name)
	if i < 0 {
		return false
	}
	s := &r.stages[i]
	if !s.hasNews {
		s.started = now
	}
	s.finished, s.summary, s.ended = true, summary, now
	return true
}

// fraction returns the share of a stage's steps that are done.
func (s *stage) fraction() float64 {
	switch {
	case s.finished:
		return 1
	case s.news.NumSteps <= 0:
		return 0
	}
	return min(float64(s.news.Step)/float64(s.news.NumSteps), 1)
}

// observed returns the share of a stage's steps done since its first news, and
// the time they took.
func (s *stage) observed(now time.Time) (share float64, took time.Duration) {
	if !s.hasNews || s.news.NumSteps <= 0 {
		return 0, 0
	}
	if s.finished {
		now = s.ended
	}
	return s.fraction() - float64(s.from)/float64(s.news.NumSteps), now.Sub(s.started)
}

// left estimates the time to a stage's end from its own speed; 0 where none is
// known yet.
func (s *stage) left(now time.Time) time.Duration {
	share, took := s.observed(now)
	if share <= 0 {
		return 0
	}
	return time.Duration(float64(took) * (1 - s.fraction()) / share)
}

// left estimates the time to the run's end: that of the active stage by its own
// speed, of later ones by their weights and the time a unit of weight has taken.
// It is 0 where nothing is known yet.
func (r *run) left(now time.Time) time.Duration {
	var weight, seconds, waiting float64
	var active time.Duration
	for i := range r.stages {
		s := &r.stages[i]
		share, took := s.observed(now)
		if share > 0 {
			weight += s.Weight * share
			seconds += took.Seconds()
		}
		switch {
		case s.finished:
		case share > 0:
			active += s.left(now)
		default:
			waiting += s.Weight * (1 - s.fraction())
		}
	}
	if weight <= 0 {
		return 0
	}
	return active + time.Duration(waiting*seconds/weight*float64(time.Second))
}

// verdict returns the word for what the verifier said of a sample.
func (s Sample) verdict() string {
	switch {
	case s.Verdict != "":
		return s.Verdict
	case s.Right:
		return "right"
	}
	return "wrong"
}
