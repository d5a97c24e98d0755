package learner

import (
	"errors"
	"fmt"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
)

var (
	// ErrOverBudget is returned when one document, or one completion with its
	// prompt, has more tokens than a microbatch may hold.
	ErrOverBudget = errors.New("more tokens than a microbatch holds")
	// ErrNothingToTrain is returned when a batch has no token to predict.
	ErrNothingToTrain = errors.New("batch has no token to predict")
)

// MidConfig is the setting of a MidTrainer.
type MidConfig struct {
	MicrobatchTokens int // most tokens predicted in one pass; default 8192
	Optimizer        OptimizerConfig
}

// DefaultMidConfig returns the default setting.
func DefaultMidConfig() MidConfig {
	return MidConfig{MicrobatchTokens: 8192, Optimizer: DefaultMidOptimizer()}
}

// Validate reports every fault of c, joined.
func (c MidConfig) Validate() error {
	return errors.Join(validateMicrobatch(c.MicrobatchTokens), c.Optimizer.Validate())
}

// MidMetrics are what one mid-training step reports.
type MidMetrics struct {
	Loss         float64 // mean negative logprob of the predicted tokens, nats; may be NaN when Skipped
	GradNorm     float64 // global norm before clipping; 0 when Skipped
	Documents    int     // documents trained on
	Tokens       int     // tokens predicted
	Microbatches int     // passes
	Skipped      bool    // the gradient was not finite, so no update was made
}

// MidTrainer trains a policy to predict the next token of documents. It owns a
// pass, gradients and an optimizer, and is not safe for concurrent use.
type MidTrainer struct {
	*workspace
	dev   kernels.Device
	limit int // packed tokens of one pass

	coef, logprob []float32 // host memory, kept between steps
	queued        MidMetrics
}

// NewMidTrainer returns a trainer of p, whose present weights are the start.
// Free releases it. It returns an error for an invalid config and when device
// memory cannot be had.
func NewMidTrainer(p *policy.Policy, c MidConfig) (*MidTrainer, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("mid-training config: %w", err)
	}
	w, err := newWorkspace(p, c.MicrobatchTokens, c.Optimizer)
	if err != nil {
		return nil, err
	}
	return &MidTrainer{workspace: w, dev: p.Device(), limit: c.MicrobatchTokens}, nil
}

// Free releases the trainer, once queued work that uses it is done.
func (t *MidTrainer) Free() { t.free() }

// Optimizer returns the optimizer, whose state belongs to a checkpoint.
func (t *MidTrainer) Optimizer() *Optimizer { return t.optimizer }

// Step makes one update at learning rate lr from docs. The loss is the mean
// over all predictions of all documents: each token after a document's first
// is predicted from those before it in the document. Documents of fewer than
// two tokens are skipped. How documents are cut into microbatches does not
// change the loss.
//
// It returns ErrOverBudget when a document does not fit a microbatch,
// ErrNothingToTrain when nothing is predicted, and the device's errors; then
// no weight has changed. A gradient that is not finite is not an error: see
// MidMetrics.Skipped.
func (t *MidTrainer) Step(docs [][]int32, lr float64) (MidMetrics, error) {
	if err := t.Queue(docs, lr); err != nil {
		return MidMetrics{}, err
	}
	return t.Finish()
}

// Queue is the part of Step that does not wait for the device: the caller may
// prepare the next documents until it calls Finish, which must follow. It
// returns ErrOverBudget and ErrNothingToTrain as Step does; then nothing is
// queued.
func (t *MidTrainer) Queue(docs [][]int32, lr float64) error {
	kept, sizes, err := t.admit(docs)
	if err != nil {
		return err
	}
	runs := cut(sizes, t.limit)
	m := MidMetrics{Documents: len(kept), Tokens: sum(sizes), Microbatches: len(runs)}
	t.coef = refill(t.coef, m.Tokens, -1/float32(m.Tokens))
	t.logprob = refill(t.logprob, m.Tokens, 0)

	t.gradients.Zero()
	done := 0
	for _, run := range runs {
		done += t.accumulate(kept[run.From:run.To], done)
	}
	t.optimizer.queue(t.gradients.Arena, lr)
	t.queued = m
	return nil
}

// Finish waits for the step that was queued and returns what Step does.
func (t *MidTrainer) Finish() (MidMetrics, error) {
	m := t.queued
	var err error
	m.GradNorm, m.Skipped, err = t.finish()
	m.Loss = -mean(t.logprob)
	return m, err
}

// admit returns the documents that predict something, and how many tokens each
// predicts, which is also the rows it takes in a pass.
func (t *MidTrainer) admit(docs [][]int32) (kept [][]int32, sizes []int, err error) {
	for i, doc := range docs {
		size := len(doc) - 1
		if size > t.limit {
			return nil, nil, fmt.Errorf("document %d has %d tokens, limit %d: %w", i, len(doc), t.limit+1, ErrOverBudget)
		}
		if size > 0 {
			kept, sizes = append(kept, doc), append(sizes, size)
		}
	}
	if len(kept) == 0 {
		return nil, nil, fmt.Errorf("%d documents: %w", len(docs), ErrNothingToTrain)
	}
	return kept, sizes, nil
}

// accumulate adds the gradient of one microbatch, whose logprobs go to
// t.logprob from done on, and returns its number of predictions.
func (t *MidTrainer) accumulate(docs [][]int32, done int) int {
	b := policy.PackDocuments(docs)
	n := len(b.Targets)
	t.pass.ForwardBackward(b, t.gradients, t.coef[done:done+n])
	t.dev.Download(t.logprob[done:done+n], t.pass.LogProb)
	return n
}

// refill returns n elements of value v, in s's memory where it suffices.
func refill(s []float32, n int, v float32) []float32 {
	if cap(s) < n {
		s = make([]float32, n)
	}
	s = s[:n]
	for i := range s {
		s[i] = v
	}
	return s
}

func sum(xs []int) int {
	total := 0
	for _, x := range xs {
		total += x
	}
	return total
}

// mean returns the mean of xs, summed in float64, or 0 when there are none.
func mean(xs []float32) float64 {
	total := 0.0
	for _, x := range xs {
		total += float64(x)
	}
	return total / float64(max(len(xs), 1))
}
