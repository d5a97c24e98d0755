package actors

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/octorl/octorl/corpus"
	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/policy/tokenizer"
	"github.com/octorl/octorl/reward"
	"github.com/octorl/octorl/rollout"
)

// endOfText ends every document and every completion.
const endOfText = "<|endoftext|>"

// PageTokens is the number of positions of a page of the cache.
const PageTokens = 16

// materials are what a run reads: tokenizer, text and problems. They are
// functions of the recipe alone, so a node that joins makes the same.
type materials struct {
	recipe    *config.Recipe
	digest    string // of the recipe
	tokenizer *tokenizer.Tokenizer
	end       int32
	config    policy.Config
	generator corpus.Generator
	problems  []corpus.Problem // bundled training problems, where a stage uses them
	judges    judges
	shapes    map[string]reward.TextShape // what verdicts earn, by RL stage
}

// newMaterials reads or trains the tokenizer, which is kept at path, and
// prepares sources and problems.
func newMaterials(r *config.Recipe, path string) (*materials, error) {
	m := &materials{recipe: r, generator: corpus.Generator{Seed: r.Seed, BoxedShare: r.Generator.BoxedShare}}
	var err error
	if m.judges, err = newJudges(r); err != nil {
		return nil, err
	}
	if m.shapes, err = newShapes(r); err != nil {
		return nil, err
	}
	if m.digest, err = digestOf(r); err != nil {
		return nil, err
	}
	if m.tokenizer, err = m.openTokenizer(path); err != nil {
		return nil, err
	}
	if err := m.settlePolicy(); err != nil {
		return nil, err
	}
	m.problems, err = m.openProblems()
	return m, err
}

// openTokenizer loads the run's tokenizer, or else makes it and saves it.
func (m *materials) openTokenizer(path string) (*tokenizer.Tokenizer, error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t, err := tokenizer.Load(path)
		if err != nil {
			return nil, fmt.Errorf("%w; delete it to have it made again", err)
		}
		return t, nil
	}
	t, err := m.makeTokenizer()
	if err != nil {
		return nil, err
	}
	if err := t.Save(path); err != nil {
		return nil, diskError(path, err)
	}
	return t, nil
}

func (m *materials) makeTokenizer() (*tokenizer.Tokenizer, error) {
	switch {
	case m.recipe.Tokenizer.Path != "":
		t, err := tokenizer.Load(m.recipe.Tokenizer.Path)
		if err != nil {
			return nil, fmt.Errorf("%w; correct tokenizer.path, or leave it out to train one", err)
		}
		return t, nil
	case m.recipe.Policy.Checkpoint != "":
		return tokenizer.Load(m.recipe.Policy.Checkpoint)
	}
	texts, err := m.trainingTexts()
	if err != nil {
		return nil, err
	}
	return tokenizer.Train(texts, tokenizer.TrainConfig{Vocab: m.recipe.Tokenizer.Vocab, Specials: []string{endOfText}})
}

// trainingTexts yields the text that a tokenizer is trained on: equal shares of
// bytes of every source that a stage mixes.
func (m *materials) trainingTexts() (iter.Seq[string], error) {
	var sources []corpus.Source
	seen := map[string]bool{}
	for i := range m.recipe.Stages {
		t := m.recipe.Stages[i].Train
		if t == nil {
			continue
		}
		weights, err := mixtureOf(t)
		if err != nil {
			return nil, err
		}
		for _, w := range weights {
			if seen[w.Source] {
				continue
			}
			seen[w.Source] = true
			s, err := m.source(w.Source)
			if err != nil {
				return nil, err
			}
			sources = append(sources, s)
		}
	}
	if len(sources) == 0 {
		return nil, errors.New("train the tokenizer: no stage has text; add a train stage or set tokenizer.path")
	}
	share := m.recipe.Tokenizer.TrainBytes / len(sources)
	return func(yield func(string) bool) {
		for _, s := range sources {
			for i, bytes := 0, 0; bytes < share && (s.Len() == 0 || i < s.Len()); i++ {
				text := s.Document(0, i)
				bytes += len(text)
				if !yield(text) {
					return
				}
			}
		}
	}, nil
}

// source returns a source of documents by its name in mixtures.
func (m *materials) source(name string) (corpus.Source, error) {
	return corpus.OpenSource(name, m.generator, m.recipe.Generator.Levels)
}

// mixtureOf returns the weights of a stage's sources, in a fixed order.
func mixtureOf(t *config.Train) ([]corpus.Weight, error) {
	if t.Preset != "" {
		return corpus.Preset(t.Preset)
	}
	var weights []corpus.Weight
	for _, name := range slices.Sorted(maps.Keys(t.Mixture)) {
		weights = append(weights, corpus.Weight{Source: name, Share: t.Mixture[name]})
	}
	return weights, nil
}

// settlePolicy sets the policy's configuration and the id that ends documents and
// completions: a checkpoint has both; a shape takes them from the tokenizer.
func (m *materials) settlePolicy() (err error) {
	if dir := m.recipe.Policy.Checkpoint; dir != "" {
		if m.config, err = policy.ReadConfig(filepath.Join(dir, policy.ConfigFile)); err != nil {
			return err
		}
		if len(m.config.EOS) == 0 {
			return fmt.Errorf("policy.checkpoint %s: its %s names no eos_token_id, so nothing would end a completion; add one", dir, policy.ConfigFile)
		}
		m.end = m.config.EOS[0]
		return nil
	}
	end, ok := m.tokenizer.ID(endOfText)
	if !ok {
		return fmt.Errorf("the tokenizer has no %s token; train one by leaving out tokenizer.path", endOfText)
	}
	m.end = end
	m.config = shapeConfig(*m.recipe.Policy.Shape, m.tokenizer.VocabSize(), end)
	return nil
}

// encode turns a document into ids. Text of the corpora may hold anything, so
// special tokens written in it stay text.
func (m *materials) encode(text string) []int32 { return m.tokenizer.EncodePlain(text) }

// stream returns the batches of a text stage.
func (m *materials) stream(stage *config.Stage) (*corpus.Stream, error) {
	weights, err := mixtureOf(stage.Train)
	if err != nil {
		return nil, err
	}
	sources := make([]corpus.Source, len(weights))
	for i, w := range weights {
		if sources[i], err = m.source(w.Source); err != nil {
			return nil, err
		}
	}
	mixture, err := corpus.NewMixture(weights, sources...)
	if err != nil {
		return nil, err
	}
	return corpus.NewStream(mixture, corpus.StreamConfig{
		Seed: seedOf(m.recipe.Seed, stage.Name), MaxTokens: stage.Train.MaxDocumentTokens,
		EndOfText: m.end, Encode: m.encode,
	}), nil
}

// sizes are those of this process on a device.
func (m *materials) sizes(info kernels.Info) Sizes {
	return SizesOn(info, m.config, NeedsOf(m.recipe))
}

// engineConfig sizes a rollout's engine on a device for the recipe's largest
// groups.
func (m *materials) engineConfig(info kernels.Info) rollout.Config {
	sizes := m.sizes(info)
	c := rollout.Default()
	c.Rows = NeedsOf(m.recipe).Samples * sizes.Groups
	c.PromptTokens = sizes.PromptTokens
	c.SequenceTokens = m.config.MaxPositions
	c.PageTokens = PageTokens
	c.Seed = m.recipe.Seed
	c.EndTokens = m.config.EOS
	c.Decode = func(ids []int32) string { return m.tokenizer.Decode(ids, true) }
	return c
}

// shapeConfig is the configuration of a network to initialize.
func shapeConfig(s config.Shape, vocab int, end int32) policy.Config {
	return policy.Config{
		Architecture: policy.Llama, Vocab: vocab, Hidden: s.Hidden, Layers: s.Layers, FFN: s.FFN,
		Heads:        kernels.Heads{Query: s.Heads, KeyValue: s.KVHeads, Width: s.HeadWidth},
		MaxPositions: s.MaxPositions, NormEps: 1e-5, Rope: policy.Rope{Theta: s.RopeTheta},
		TieEmbeddings: s.TieEmbeddings, EOS: []int32{end},
	}
}
