// Package actors is the cast of a run: who exists, who owns what, and who tells
// whom. A recipe and a directory enter; checkpoints, records and results leave.
// The package does no arithmetic: the learner's session calls package learner,
// rollouts call package rollout, and long work leaves a mailbox by a background
// and comes back as a message.
//
// A head node leads the run: it starts the others, hands the learner one stage
// after another, and keeps the records. In RL the curriculum asks for groups,
// rollouts draw them, verifiers judge them and the buffer gathers them into the
// learner's next batch; the evaluator uses the same path with held-out problems.
// Groups travel through work queues of the bus, so rollouts and verifiers may
// live in other processes (Join) and die at any time.
//
// Read Run and Options, then learnerActor, session and rolloutActor.
package actors
