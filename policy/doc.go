// Package policy is the network: its configuration, its weights and their
// versions, one forward pass with an explicit backward pass over
// kernels.Device, decoding with a cache, and checkpoints in the Hugging Face
// layout.
//
// Token ids enter, logprobs, entropies, gradients and sampled ids leave. The
// package knows no text, no problems and no rewards, and does not decide what
// is trained: coefficients come from outside. Read Config and Policy first,
// then Batch and Pass (training and scoring), Decoder (sampling), and Load. A
// critic, which gives values instead, is a policy too: see NewCritic.
package policy
