package actors

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/learner"
	"github.com/octorl/octorl/policy"
)

// equipRL makes the trainer of an RL stage, the policies beside it included.
func (s *session) equipRL(adam learner.OptimizerConfig, path string) error {
	r := s.stage.RL
	c := learner.DefaultRLConfig()
	c.ClipLow, c.ClipHigh, c.DualClip = r.ClipLow, r.ClipHigh, r.DualClip
	c.KL, c.EntropyCoef, c.Temperature = r.KL, r.Entropy, r.Temperature
	c.UpdatesPerBatch, c.Epochs = r.UpdatesPerStep, r.Epochs
	c.Advantage.DivideByDeviation = r.DivideByDeviation
	c.MicrobatchTokens = max(s.microbatchTokens(), s.shop.policy.Config().MaxPositions)
	c.Optimizer = adam
	var err error
	if r.KL != 0 {
		if s.reference, err = policy.New(s.shop.policy.Device(), s.shop.policy.Config()); err != nil {
			return err
		}
		if err := s.shop.start(s.reference, s.stage); err != nil {
			return err
		}
	}
	if s.stage.HasCritic() {
		if s.critic, err = s.openCritic(path); err != nil {
			return err
		}
		v := r.Critic
		c.Critic = &learner.CriticConfig{
			LearningRateFactor: v.LearningRateFactor, Gamma: v.Gamma, Lambda: v.Lambda, Whiten: v.Whiten,
			ValueClip: v.ValueClip, UpdatesPerBatch: v.UpdatesPerStep,
		}
	}
	s.rl, err = learner.NewPolicyTrainer(learner.Networks{Policy: s.shop.policy, Reference: s.reference, Critic: s.critic}, c)
	return err
}

// openCritic returns the critic of the checkpoint at path, or where that is ""
// one that starts from the policy, which stands where the stage begins.
func (s *session) openCritic(path string) (*policy.Policy, error) {
	if path == "" {
		return s.shop.policy.NewCritic()
	}
	return policy.LoadCritic(s.shop.policy.Device(), filepath.Join(path, policy.CriticDir))
}

// writeCritic writes the critic and its optimizer, if there is one, into the new
// folder dir.
func (s *session) writeCritic(dir string) error {
	if s.critic == nil {
		return nil
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := s.critic.Save(dir); err != nil {
		return err
	}
	return learner.SaveState(dir, s.rl.CriticOptimizer(), learner.Counters{Step: s.step})
}

// policyStep makes one step from verified groups.
func (s *session) policyStep(b batchReady) stepDone {
	if len(b.groups) == 0 {
		return stepDone{err: fmt.Errorf("step %d of stage %s: all %d groups were given up; the log says why, and the same command tries again",
			s.step+1, s.stage.Name, b.stats.cancelled)}
	}
	sampled := time.Now()
	lr := s.schedule.LR(s.step+1, s.numSteps())
	groups := make([]learner.RewardedGroup, len(b.groups))
	for i, g := range b.groups {
		groups[i] = g.RewardedGroup
	}
	m, err := s.rl.Step(groups, lr)
	if err != nil {
		return stepDone{err: fmt.Errorf("step %d of stage %s: %w", s.step+1, s.stage.Name, err)}
	}
	s.step++
	values := rlValues(m, b.stats)
	if s.critic != nil {
		addCriticValues(values, m)
	}
	values["lr"] = lr
	values["tokens_per_second"] = float64(b.stats.tokens) / time.Since(s.started).Seconds()
	values["rollout_seconds"] = sampled.Sub(s.started).Seconds()
	values["update_seconds"] = time.Since(sampled).Seconds()
	s.started = time.Now()
	judged := b.stats.right + b.stats.wrong + b.stats.unparsable + b.stats.failed
	return stepDone{values: values, sample: sampleOf(s.stage.Name, s.step, b), alarm: alarmOf(b.stats.failed, judged, b.stats.failure)}
}

func rlValues(m learner.RLMetrics, stats batchStats) map[string]float64 {
	share := func(n int) float64 { return float64(n) / float64(max(m.Trajectories, 1)) }
	return map[string]float64{
		"reward": m.RewardMean, "accuracy": share(stats.right), "format_rate": 1 - share(stats.unparsable),
		"length": m.LengthMean, "length_right": m.LengthMeanRight, "truncation": m.TruncationShare,
		"entropy": m.Surprisal, "loss": m.Loss, "grad_norm": m.GradNorm,
		"ratio_min": m.RatioMin, "ratio_max": m.RatioMax, "ratio_deviation_first": m.RatioDeviationFirst,
		"clip_fraction": m.ClipFraction, "kl_behavior": m.KLBehavior, "kl_reference": m.KLReference,
		"groups_all_right": float64(m.GroupsAllRight), "groups_all_wrong": float64(m.GroupsAllWrong),
		"updates_skipped": float64(m.UpdatesNotFinite), "verifier_failed": float64(stats.failed), "groups_cancelled": float64(stats.cancelled),
		"tokens": float64(stats.tokens),
	}
}

// addCriticValues adds what a step with a critic reports besides.
func addCriticValues(values map[string]float64, m learner.RLMetrics) {
	values["value_loss"], values["explained_variance"] = m.ValueLoss, m.ExplainedVariance
	values["value_mean"], values["return_mean"] = m.ValueMean, m.ReturnMean
	values["value_clip_fraction"] = m.ValueClipFraction
	values["critic_grad_norm"], values["critic_updates_skipped"] = m.CriticGradNorm, float64(m.CriticUpdatesNotFinite)
}

// sampleOf picks one completion of a batch to show, going through slots and
// samples with the steps.
func sampleOf(stage string, step int, b batchReady) *message.SampleReported {
	if len(b.groups) == 0 {
		return nil
	}
	g := b.groups[step%len(b.groups)]
	i := step % len(g.Group.Trajectories)
	t := g.Group.Trajectories[i]
	return &message.SampleReported{
		Stage: stage, Step: step, Question: g.Group.Problem.Question, Completion: t.Text,
		Answer: g.Group.Problem.Answer, Verdict: g.verdicts[i].String(), Reward: g.Rewards[i],
	}
}
