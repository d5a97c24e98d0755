// Package policy is the network: its configuration, weights and versions, and
// one forward pass with an explicit backward pass over kernels.Device.
package policy
