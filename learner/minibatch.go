package learner

import "github.com/octorl/octorl/policy"

// piece is a part of a group that fits a microbatch: completions of one prompt
// with what the loss needs of each. Slices have one element a completion.
type piece struct {
	prompt      []int32
	completions [][]int32
	behavior    [][]float32 // one logprob a token
	rewards     []float32
	advantages  []float32
	weights     []float32 // of each token of the completion
}

func (p piece) numTokens() int {
	n := len(p.prompt)
	for _, c := range p.completions {
		n += len(c)
	}
	return n
}

// minibatch is what one optimizer step consumes.
type minibatch struct {
	microbatches [][]piece
	first        int     // completion tokens of the batch that are trained and come before
	numTokens    int     // completion tokens that are trained
	weight       float64 // sum of the weights of trained tokens
}

// minibatches splits a batch into n of consecutive groups.
func (c RLConfig) minibatches(batch []credited, n int) []minibatch {
	minis, first := make([]minibatch, n), 0
	for i := range minis {
		minis[i] = c.newMinibatch(batch[i*len(batch)/n : (i+1)*len(batch)/n])
		minis[i].first = first
		first += minis[i].numTokens
	}
	return minis
}

// newMinibatch cuts groups into microbatches of at most MicrobatchTokens.
// Groups stay whole where they fit, since their prompt is then computed once;
// a larger one is split by completions and its prompt repeated.
//
// The loss is a mean over all completions of groups, those of untrained groups
// included, as verl's engine has it (global batch_num_tokens; its older actors
// weight microbatch means by sequences instead, verl issue 5625). So leaving
// out groups without gradient, and the cut into microbatches, save time and
// change nothing else.
func (c RLConfig) newMinibatch(groups []credited) minibatch {
	tokens, completions := 0, 0
	for _, g := range groups {
		tokens += g.numTokens
		completions += len(g.trajectories)
	}
	var m minibatch
	var pieces []piece
	var sizes []int
	for _, g := range groups {
		if !g.trained {
			continue
		}
		m.numTokens += g.numTokens
		for _, run := range g.split(c.MicrobatchTokens) {
			p := g.piece(run)
			for i, completion := range p.completions {
				p.weights[i] = c.tokenWeight(len(completion), tokens, completions)
				m.weight += float64(p.weights[i]) * float64(len(completion))
			}
			pieces, sizes = append(pieces, p), append(sizes, p.numTokens())
		}
	}
	for _, run := range cut(sizes, c.MicrobatchTokens) {
		m.microbatches = append(m.microbatches, pieces[run.From:run.To])
	}
	return m
}

// tokenWeight returns the weight of each token of a completion of the given
// length, where the minibatch has the given numbers of tokens and completions.
func (c RLConfig) tokenWeight(length, tokens, completions int) float32 {
	if c.LossNormalization == SequenceMean {
		return float32(1 / (float64(completions) * float64(length)))
	}
	return float32(1 / float64(tokens))
}

// split returns runs of trajectories that fit limit tokens with the prompt.
func (g credited) split(limit int) []span {
	sizes := make([]int, len(g.trajectories))
	for i, tr := range g.trajectories {
		sizes[i] = len(tr.Completion)
	}
	return cut(sizes, limit-len(g.prompt))
}

// piece returns a run of the group's trajectories, with weights still zero.
func (g credited) piece(run span) piece {
	p := piece{
		prompt:     g.prompt,
		rewards:    g.rewards[run.From:run.To],
		advantages: g.advantages[run.From:run.To],
		weights:    make([]float32, run.To-run.From),
	}
	for _, tr := range g.trajectories[run.From:run.To] {
		p.completions = append(p.completions, tr.Completion)
		p.behavior = append(p.behavior, tr.LogProbs)
	}
	return p
}

// tokenArrays are the per-token inputs of kernels.PolicyGradient for one
// microbatch, in the order of its predictions.
type tokenArrays struct {
	behavior, advantage, weight, entropyCoef []float32
}

// pack returns the packed microbatch, and fills a with its arrays.
func (a *tokenArrays) pack(pieces []piece, entropyCoef float64) policy.Batch {
	a.behavior, a.advantage = a.behavior[:0], a.advantage[:0]
	a.weight, a.entropyCoef = a.weight[:0], a.entropyCoef[:0]
	prompts := make([]policy.PromptCompletions, len(pieces))
	for i, p := range pieces {
		prompts[i] = policy.PromptCompletions{Prompt: p.prompt, Completions: p.completions}
		for j, completion := range p.completions {
			a.behavior = append(a.behavior, p.behavior[j]...)
			for range completion {
				a.advantage = append(a.advantage, p.advantages[j])
				a.weight = append(a.weight, p.weights[j])
				a.entropyCoef = append(a.entropyCoef, -float32(entropyCoef)*p.weights[j])
			}
		}
	}
	return policy.PackGroups(prompts)
}
