package policy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/octorl/octorl/kernels"
)

// CriticDir is the name of the folder inside a checkpoint that holds the critic
// of its policy, a checkpoint itself.
const CriticDir = "critic"

// valueHead is the name, without ".weight", of the one row by which a critic's
// hidden states become values: that of the sequence classifiers of
// transformers, as which critics are saved.
const valueHead = "score"

// What the names of transformers' classes end in.
const (
	policySuffix = "ForCausalLM"
	criticSuffix = "ForSequenceClassification"
)

// class returns the class of transformers that computes what c does.
func (c Config) class() string {
	if c.ValueHead {
		return strings.TrimSuffix(c.Architecture, policySuffix) + criticSuffix
	}
	return c.Architecture
}

// requireHead returns an error where c is a critic's and a policy's is wanted, or
// the other way round.
func (c Config) requireHead(values bool) error {
	switch {
	case c.ValueHead == values:
		return nil
	case values:
		return fmt.Errorf("it is a %s, which predicts tokens: a critic is a %s with one label", c.class(), Config{Architecture: c.Architecture, ValueHead: true}.class())
	}
	return errors.New("it is a critic, which predicts values and no tokens: name the checkpoint that it was trained beside, the folder above")
}

// NewCritic returns a policy with a value head: its trunk is a copy of p's
// present weights on the same device, its values are 0. Free releases it. It
// returns an error that wraps kernels.ErrNoMemory.
func (p *Policy) NewCritic() (*Policy, error) {
	cfg := p.cfg
	cfg.ValueHead = true
	c, err := New(p.dev, cfg)
	if err != nil {
		return nil, fmt.Errorf("make critic: %w", err)
	}
	offsets := make(map[string]int, len(p.tensors))
	for _, t := range p.tensors {
		offsets[t.Name] = t.Offset
	}
	for _, t := range c.tensors {
		if from, ok := offsets[t.Name]; ok {
			n := t.numElements()
			p.dev.Copy(c.weights.Slice(t.Offset, t.Offset+n), p.weights.Slice(from, from+n))
		}
	}
	return c, nil
}

// LoadCritic is Load for a critic: the folder's architecture is one of
// transformers' sequence classifiers, with one label.
func LoadCritic(dev kernels.Device, dir string) (*Policy, error) {
	c, err := load(dev, dir, true)
	if err != nil {
		return nil, fmt.Errorf("load critic from %s: %w", dir, err)
	}
	return c, nil
}

// Values queues the values of b's predictions into Value: what the critic
// expects to be earned from the target on, given the tokens before it. It is
// Forward for a critic.
func (ps *Pass) Values(b Batch) {
	ps.forward(b, 1, func() { ps.policy.dev.ValueHead(ps.values()) })
}

// BackwardValues queues the gradients of Σ coef·Value for the batch of the last
// Values and adds them to g. coef is (P,) Float32 on the device. Value is written
// again with the same values. It needs PassLimits.Backward.
func (ps *Pass) BackwardValues(g *Gradients, coef kernels.Buffer) {
	ps.backward(g, coef, func(coef kernels.Buffer) {
		h := ps.values()
		h.Coef, h.DHidden, h.DWeight = coef, ps.derivatives.normed, g.parameters.head
		ps.policy.dev.ValueHead(h)
	})
}

func (ps *Pass) values() kernels.ValueHeadArgs {
	ps.policy.mustHave(true)
	return kernels.ValueHeadArgs{
		Hidden: ps.activations.hidden, Weight: ps.policy.parameters.head, Rows: ps.rows, Value: ps.Value,
	}
}

// mustHave panics where a critic is asked for logprobs or tokens, or a policy for
// values.
func (p *Policy) mustHave(values bool) {
	if p.cfg.ValueHead != values {
		panic(fmt.Sprintf("policy: values are %t for a %s", values, p.cfg.class()))
	}
}
