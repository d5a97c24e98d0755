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

	coef   []float32    // host memory, kept between steps
	queued []queuedStep // oldest first
	spare  [][]float32  // memory for logprobs, kept between steps
}

// queuedStep is a step that the device may not have finished, and the logprobs
// that it writes.
type queuedStep struct {
	metrics MidMetrics
	logprob []float32
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

// Queue is the part of Step that does not wait for the device. Finish must follow
// for each, in the same order; before, one more step may be queued, so that the
// device has work while the host looks at the numbers of the step before. That
// changes no result. It returns ErrOverBudget and ErrNothingToTrain as Step does;
// then nothing is queued.
func (t *MidTrainer) Queue(docs [][]int32, lr float64) error {
	kept, sizes, err := t.admit(docs)
	if err != nil {
		return err
	}
	runs := cut(sizes, t.limit)
	m := MidMetrics{Documents: len(kept), Tokens: sum(sizes), Microbatches: len(runs)}
	t.coef = refill(t.coef, m.Tokens, -1/float32(m.Tokens))
	q := queuedStep{metrics: m, logprob: t.takeLogprobs(m.Tokens)}

	t.gradients.Zero()
	done := 0
	for _, run := range runs {
		done += t.accumulate(kept[run.From:run.To], q.logprob[done:])
	}
	t.optimizer.queue(t.gradients.Arena, lr)
	t.queued = append(t.queued, q)
	return nil
}

// takeLogprobs returns host memory for n logprobs.
func (t *MidTrainer) takeLogprobs(n int) []float32 {
	var s []float32
	if last := len(t.spare) - 1; last >= 0 {
		s, t.spare = t.spare[last], t.spare[:last]
	}
	return refill(s, n, 0)
}

// Finish waits for the oldest step that was queued and returns what Step does.
func (t *MidTrainer) Finish() (MidMetrics, error) {
	q := t.queued[0]
	t.queued = append(t.queued[:0], t.queued[1:]...)
	m := q.metrics
	var err error
	m.GradNorm, m.Skipped, err = t.finish()
	m.Loss = -mean(q.logprob)
	t.spare = append(t.spare, q.logprob)
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

// accumulate adds the gradient of one microbatch, whose logprobs go to the start
// of logprob, and returns its number of predictions.
func (t *MidTrainer) accumulate(docs [][]int32, logprob []float32) int {
	b := policy.PackDocuments(docs)
	n := len(b.Targets)
	t.pass.ForwardBackward(b, t.gradients, t.coef[:n])
	t.dev.Download(logprob[:n], t.pass.LogProb)
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
