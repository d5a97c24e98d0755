package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

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

// openModel loads the policy of a checkpoint, which checkpointOf finds, on the
// device of f. close releases it.
func openModel(source string, f deviceFlag) (*model, error) {
	dir, err := checkpointOf(source)
	if err != nil {
		return nil, err
	}
	dev, err := f.open()
	if err != nil {
		return nil, err
	}
	p, err := policy.Load(dev, dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; give the folder of a checkpoint, or a stage of a run as RUN@STAGE", err)
	}
	if err != nil {
		dev.Close()
		return nil, err
	}
	return &model{dir: dir, dev: dev, policy: p}, nil
}

// checkpointOf returns the folder of a checkpoint: source itself, or where it is
// RUN@STAGE what that stage ended with.
func checkpointOf(source string) (string, error) {
	if isDir(source) {
		return source, nil
	}
	if !strings.Contains(source, "@") {
		return "", fmt.Errorf("%s is no folder; give that of a checkpoint, or a stage of a run as RUN@STAGE", source)
	}
	run, stage, r, err := openRun(source)
	if err != nil {
		return "", err
	}
	dir := finalCheckpoint(run, stage)
	if !isDir(dir) {
		return "", fmt.Errorf("stage %q of %s has no final checkpoint; finished are: %s", stage, run, finishedStages(run, r))
	}
	return dir, nil
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
