package actors

import (
	"context"
	"fmt"

	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/reward"
	"github.com/octorl/octorl/rollout/trajectory"
)

// judge is a verifier as a recipe chooses it.
type judge struct {
	settings reward.Settings
	verify   reward.Verifier
}

// judges are the verifiers of a run, one for each RL stage.
type judges map[string]judge

// newJudges opens the verifiers of a recipe. Its errors name the key.
func newJudges(r *config.Recipe) (judges, error) {
	out := judges{}
	for _, s := range r.Stages {
		if s.RL == nil {
			continue
		}
		var err error
		if out[s.Name], err = newJudge(s.RL.Verifier); err != nil {
			return out, fmt.Errorf("verifier of stage %s: %w", s.Name, err)
		}
	}
	return out, nil
}

func settingsOf(c config.Verifier) reward.Settings {
	return reward.Settings{Mode: c.Mode, Extract: c.Extract, Program: c.Program, URL: c.URL, Deadline: c.Deadline()}
}

func newJudge(c config.Verifier) (judge, error) {
	s := settingsOf(c)
	v, err := s.Open()
	return judge{settings: s, verify: v}, err
}

// all judges the trajectories of a group.
func (j judge) all(ctx context.Context, g trajectory.Group) []reward.Result {
	texts := make([]string, len(g.Trajectories))
	for i, t := range g.Trajectories {
		texts[i] = t.Text
	}
	return j.settings.VerifyAll(ctx, j.verify, g.Problem, texts)
}

// shapeOf returns what verdicts earn in a stage.
func shapeOf(c config.Reward) (reward.TextShape, error) {
	s, err := reward.ParseTextShape(c.Shape)
	right, wrong, unparsable := c.Amounts()
	s.Shape = reward.Shape{Right: float32(right), Wrong: float32(wrong), Unparsable: float32(unparsable)}
	return s, err
}

// newShapes returns the shapes of the RL stages of a recipe, by name.
func newShapes(r *config.Recipe) (map[string]reward.TextShape, error) {
	out := map[string]reward.TextShape{}
	for _, s := range r.Stages {
		if s.RL == nil {
			continue
		}
		shape, err := shapeOf(s.RL.Reward)
		if err != nil {
			return nil, fmt.Errorf("reward of stage %s: %w", s.Name, err)
		}
		out[s.Name] = shape
	}
	return out, nil
}

// alarm says that verifications failed: the verifier did not do its work, which
// says nothing about the policy.
type alarm struct {
	failed, judged int    // verdicts
	reason         string // of the first that failed
}

// alarmOf returns nil where nothing failed.
func alarmOf(failed, judged int, reason string) *alarm {
	if failed == 0 {
		return nil
	}
	return &alarm{failed: failed, judged: judged, reason: reason}
}
