// Package corpus makes the text that a policy learns from. Bundled and
// user-supplied documents and a generator of problems with worked solutions
// enter; batches of token ids leave, mixed by weight. It refuses to know how
// text becomes tokens (an encoding function comes in) and what a policy does
// with them.
//
// Read Problem, Generator and HeldOut for the problems, Document and Open for
// the real text, Source, Mixture and Stream for the mixing.
package corpus
