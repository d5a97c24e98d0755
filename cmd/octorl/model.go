package main

import (
	"fmt"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/policy/tokenizer"
)

// model is a checkpoint folder opened on a device.
type model struct {
	dir    string
	dev    kernels.Device
	policy *policy.Policy
	tokens *tokenizer.Tokenizer // nil until text is met
}

// openModel loads the policy of a checkpoint folder on the device of f. close
// releases it.
func openModel(dir string, f deviceFlag) (*model, error) {
	dev, err := f.open()
	if err != nil {
		return nil, err
	}
	p, err := policy.Load(dev, dir)
	if err != nil {
		dev.Close()
		return nil, err
	}
	return &model{dir: dir, dev: dev, policy: p}, nil
}

func (m *model) close() {
	m.policy.Free()
	m.dev.Close()
}

// tokenizer loads the folder's tokenizer when it is first asked for: ids need
// none.
func (m *model) tokenizer() (*tokenizer.Tokenizer, error) {
	if m.tokens == nil {
		t, err := tokenizer.Load(m.dir)
		if err != nil {
			return nil, err
		}
		m.tokens = t
	}
	return m.tokens, nil
}

// encode returns the ids of what a line of input holds, either ids or a text,
// which is encoded with the tokens that the tokenizer puts around it, as
// transformers does. It refuses ids outside the policy's vocabulary.
func (m *model) encode(ids []int32, text *string) ([]int32, error) {
	if text != nil {
		t, err := m.tokenizer()
		if err != nil {
			return nil, err
		}
		ids = t.EncodeSpecial(*text)
	}
	for i, id := range ids {
		if vocab := m.policy.Config().Vocab; id < 0 || int(id) >= vocab {
			return nil, fmt.Errorf("id %d at place %d: the policy's are 0 … %d", id, i, vocab-1)
		}
	}
	return ids, nil
}
