// Package learner turns rewarded groups, or batches of documents, into the next
// weights: learning-rate schedules, group advantages, the optimizer, a
// mid-training step and a policy-gradient step, with a critic or without.
//
// Token ids and rewards enter; weights change in place, in the policy's own
// buffers, and metrics leave. The package does not know how completions were
// sampled, how rewards were found, or where documents come from. Read
// MidTrainer and PolicyTrainer first; both drive an Optimizer. The credit
// that PolicyTrainer gives is by GroupAdvantages, or by the critic's values.
package learner
