package actors

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/octorl/octorl/actors/bus"
	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/corpus"
	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/learner"
	"github.com/octorl/octorl/policy"
)

// The kinds of stages and of metrics.
const (
	kindTrain      = "train"
	kindRL         = "rl"
	kindEvaluation = "evaluation"
)

// positionFile holds a session's position in a checkpoint.
const positionFile = "position.json"

// workshop opens sessions: it has what all stages of a run share.
type workshop struct {
	dir       *directory
	recipe    *config.Recipe
	resolved  []byte
	materials *materials
	policy    *policy.Policy // the one that rollouts of this process sample from
	bus       *bus.Bus
	recorded  map[standing]bool       // evaluations that a former process made; read only
	provided  message.PolicyPublished // what the object store has; background only
	warn      func(what string, err error)
}

// session is a stage under way: the policy's weights, the optimizer, and the
// position in the data. Its methods are long work, run one at a time on the
// learner's background.
type session struct {
	shop   *workshop
	stage  *config.Stage
	step   int // steps done
	probed int // step of the last version given to the evaluator, -1 before the first
	saved  int // step of the newest checkpoint, -1 without one
	final  bool
	digest string // of the weights, when final

	mid       *learner.MidTrainer
	stream    *corpus.Stream
	ahead     *drawnAhead // what was drawn for the next step to queue; nil for nothing
	queued    int         // steps that were given to the device and are not finished
	rl        *learner.PolicyTrainer
	reference *policy.Policy // of the KL penalty; nil without
	critic    *policy.Policy // nil without
	schedule  learner.Schedule
	started   time.Time // of the wait for a batch
}

// drawnAhead are documents that were drawn before their step began.
type drawnAhead struct {
	docs [][]int32
	from corpus.StreamState // where the stream stood before
}

// position is what a checkpoint adds to weights and optimizer.
type position struct {
	Stage  string              `json:"stage"`
	Step   int                 `json:"step"`
	Final  bool                `json:"final"`
	Digest string              `json:"digest"`
	Stream *corpus.StreamState `json:"stream,omitempty"`
}

func (s *session) at() standing  { return standing{stage: s.stage.Name, step: s.step} }
func (s *session) numSteps() int { return s.stage.NumSteps() }

func (s *session) kind() string {
	if s.stage.RL != nil {
		return kindRL
	}
	return kindTrain
}

// probeDue reports whether the evaluator is to get the version of this boundary:
// the last one of a stage it gets from the stage's end.
func (s *session) probeDue() bool {
	if s.probed == s.step || s.step == s.numSteps() || s.shop.recorded[s.at()] {
		return false
	}
	every := s.stage.EvaluateEvery()
	return every > 0 && s.step%every == 0
}

func (s *session) checkpointDue() bool {
	return s.step%s.shop.recipe.Checkpoint.EverySteps == 0 && s.saved != s.step
}

// open brings the policy to where a stage stands and returns its session.
func (w *workshop) open(name string) (*session, error) {
	s := &session{shop: w, stage: w.recipe.Stage(name), probed: -1, saved: -1, started: time.Now()}
	path, damaged := w.dir.latest(name)
	if path == "" && len(damaged) > 0 {
		return nil, fmt.Errorf("open stage %s: %w", name, errors.Join(damaged...))
	}
	for _, err := range damaged {
		w.warn("checkpoint passed over", err)
	}
	if err := s.load(path); err != nil {
		return nil, fmt.Errorf("open stage %s: %w", name, err)
	}
	if s.final {
		return s, nil
	}
	if err := s.equip(path); err != nil {
		return nil, fmt.Errorf("open stage %s: %w", name, err)
	}
	if path != "" {
		if err := s.restore(path); err != nil {
			return nil, fmt.Errorf("resume stage %s: %w", name, err)
		}
	}
	return s, nil
}

// load sets the weights and the step: from the stage's checkpoint at path, or
// else from the stage it starts from, or else the initial ones.
func (s *session) load(path string) error {
	w := s.shop
	if path != "" {
		p, err := readPosition(path)
		if err != nil {
			return err
		}
		s.step, s.saved, s.final, s.digest = p.Step, p.Step, p.Final, p.Digest
		return loadWeights(w.policy, path)
	}
	return w.start(w.policy, s.stage)
}

// start sets p to the weights that a stage begins with.
func (w *workshop) start(p *policy.Policy, stage *config.Stage) error {
	if stage.From != "" {
		return loadWeights(p, w.dir.final(stage.From))
	}
	if w.recipe.Policy.Checkpoint != "" {
		return loadWeights(p, w.recipe.Policy.Checkpoint)
	}
	p.Init(w.recipe.Seed)
	return nil
}

// loadWeights sets p's weights to those of a checkpoint directory.
func loadWeights(p *policy.Policy, dir string) error {
	from, err := policy.Load(p.Device(), dir)
	if err != nil {
		return err
	}
	defer from.Free()
	weights, err := from.ReadWeights()
	if err != nil {
		return err
	}
	if !slices.EqualFunc(from.Tensors(), p.Tensors(), sameShape) {
		return fmt.Errorf("load %s: its tensors are not those of the recipe's policy", dir)
	}
	p.SetWeights(weights)
	return nil
}

func sameShape(a, b policy.Tensor) bool { return a.Name == b.Name && slices.Equal(a.Shape, b.Shape) }

// equip makes the trainer and, for text, the stream. path is the checkpoint that
// the stage goes on from, or "".
func (s *session) equip(path string) error {
	o := s.stage.Optimizer
	s.schedule = learner.Schedule{Kind: learner.ScheduleKind(o.Schedule), Peak: o.LR, Warmup: o.WarmupSteps, Floor: o.Floor}
	adam := learner.OptimizerConfig{Beta1: o.Beta1, Beta2: o.Beta2, Eps: o.Eps, WeightDecay: o.WeightDecay, MaxNorm: o.Clip}
	var err error
	if s.stage.RL != nil {
		return s.equipRL(adam, path)
	}
	if s.stream, err = s.shop.materials.stream(s.stage); err != nil {
		return err
	}
	s.mid, err = learner.NewMidTrainer(s.shop.policy, learner.MidConfig{
		MicrobatchTokens: max(min(s.stage.Train.BatchTokens, s.microbatchTokens()), s.stage.Train.MaxDocumentTokens),
		Optimizer:        adam,
	})
	return err
}

func (s *session) microbatchTokens() int {
	return s.shop.materials.sizes(s.shop.policy.Device().Info()).MicrobatchTokens
}

// close gives the device's memory back; the policy stays.
func (s *session) close() {
	if s.mid != nil {
		s.mid.Free()
	}
	if s.rl != nil {
		s.rl.Free()
	}
	for _, p := range []*policy.Policy{s.reference, s.critic} {
		if p != nil {
			p.Free()
		}
	}
	s.mid, s.rl, s.reference, s.critic, s.queued = nil, nil, nil, nil, 0
}

func (s *session) optimizer() *learner.Optimizer {
	if s.rl != nil {
		return s.rl.Optimizer()
	}
	return s.mid.Optimizer()
}

// restore reads optimizers and stream from a checkpoint of this stage.
func (s *session) restore(path string) error {
	if _, err := learner.LoadState(path, s.optimizer()); err != nil {
		return err
	}
	if s.critic != nil {
		if _, err := learner.LoadState(filepath.Join(path, policy.CriticDir), s.rl.CriticOptimizer()); err != nil {
			return err
		}
	}
	p, err := readPosition(path)
	if err != nil {
		return err
	}
	if s.stream != nil && p.Stream != nil {
		return s.stream.SetState(*p.Stream)
	}
	return nil
}

func readPosition(dir string) (position, error) {
	var p position
	data, err := os.ReadFile(filepath.Join(dir, positionFile))
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	if err != nil {
		return p, fmt.Errorf("read %s of %s: %w; delete this folder and run again, which goes on from the checkpoint before it or else from the start of its stage", positionFile, dir, err)
	}
	return p, nil
}

// restsAt reports whether the weights after a step are read, so that the next step
// must not be under way.
func (s *session) restsAt(step int) bool {
	every := s.stage.EvaluateEvery()
	return step == s.numSteps() || step%s.shop.recipe.Checkpoint.EverySteps == 0 || every > 0 && step%every == 0
}

// trainStep makes one step on text. With more it gives the device the next one
// too, where that may be, before it waits for the numbers of this one.
func (s *session) trainStep(more bool) stepDone {
	began := time.Now()
	var err error
	if s.queued == 0 {
		err = s.queueStep()
	}
	if more && err == nil && !s.restsAt(s.step+1) {
		err = s.queueStep()
	}
	var m learner.MidMetrics
	if err == nil {
		if s.step+s.queued < s.numSteps() {
			s.drawAhead() // while the device works
		}
		m, err = s.mid.Finish()
	}
	if err != nil {
		return stepDone{err: fmt.Errorf("step %d of stage %s: %w", s.step+1, s.stage.Name, err)}
	}
	lr := s.schedule.LR(s.step+1, s.numSteps())
	s.step++
	s.queued--
	return stepDone{values: map[string]float64{
		"loss": m.Loss, "lr": lr, "grad_norm": m.GradNorm, "tokens": float64(s.stage.Train.BatchTokens), "updates_skipped": count(m.Skipped),
		"tokens_per_second": float64(s.stage.Train.BatchTokens) / time.Since(began).Seconds(),
	}}
}

// queueStep gives the device the first step that it does not have.
func (s *session) queueStep() error {
	s.drawAhead()
	err := s.mid.Queue(s.ahead.docs, s.schedule.LR(s.step+s.queued+1, s.numSteps()))
	s.ahead = nil
	if err == nil {
		s.queued++
	}
	return err
}

// drawAhead draws the documents of the next step to queue, unless it has them.
func (s *session) drawAhead() {
	if s.ahead != nil {
		return
	}
	from := s.stream.State()
	s.ahead = &drawnAhead{docs: s.stream.Next(s.stage.Train.BatchTokens), from: from}
}

func count(happened bool) float64 {
	if happened {
		return 1
	}
	return 0
}

// save writes a checkpoint of the session and returns the weights' digest, after
// putting aside those of the versions before it that are not scored yet. It loads in
// transformers like any checkpoint of the hub.
func (s *session) save(final bool, pending []examine) (digest string, err error) {
	w := s.shop
	for _, e := range pending {
		if e.at.stage != s.stage.Name || e.at.step == s.step {
			continue // put aside by its own stage, or given to the evaluator anew
		}
		if err := w.dir.savePending(e); err != nil {
			return "", err
		}
	}
	weights, err := w.policy.ReadWeights()
	if err != nil {
		return "", err
	}
	p := position{Stage: s.stage.Name, Step: s.step, Final: final, Digest: policy.Digest(weights)}
	if s.stream != nil {
		state := s.stream.State()
		if s.ahead != nil {
			state = s.ahead.from
		}
		p.Stream = &state
	}
	path := w.dir.checkpoint(s.stage.Name, s.step)
	if final {
		path = w.dir.final(s.stage.Name)
	}
	err = policy.WriteDir(path, func(tmp string) error { return s.write(tmp, p) })
	if err != nil {
		return "", err
	}
	s.saved, s.final, s.digest = s.step, final, p.Digest
	keep := w.recipe.Checkpoint.Keep
	if final {
		keep-- // it is one of them
	}
	return p.Digest, w.dir.prune(s.stage.Name, keep)
}

// writeTokenizerSettings writes what transformers reads beside tokenizer.json, or
// keeps the template and settings of the checkpoint that the run started from.
func (w *workshop) writeTokenizerSettings(dir string) error {
	if from := w.recipe.Policy.Checkpoint; from != "" {
		return policy.CopyTokenizerFiles(dir, from)
	}
	return policy.WriteTokenizerConfig(dir, endOfText)
}

func (s *session) write(dir string, p position) error {
	data, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		return err
	}
	for _, write := range []func() error{
		func() error { return s.shop.writeTokenizerSettings(dir) },
		func() error { return s.shop.policy.Save(dir) },
		func() error { return learner.SaveState(dir, s.optimizer(), learner.Counters{Step: s.step}) },
		func() error { return s.writeCritic(filepath.Join(dir, policy.CriticDir)) },
		func() error { return s.shop.materials.tokenizer.Save(filepath.Join(dir, "tokenizer.json")) },
		func() error { return os.WriteFile(filepath.Join(dir, positionFile), data, 0o644) },
		func() error { return os.WriteFile(filepath.Join(dir, "recipe.resolved.yaml"), s.shop.resolved, 0o644) },
	} {
		if err := write(); err != nil {
			return err // alone: a full disk says the same to each
		}
	}
	return nil
}
