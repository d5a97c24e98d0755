package config

// NumSteps returns the steps of a stage: of text, its budget in whole batches,
// rounded up; of RL, its Steps.
func (s Stage) NumSteps() int {
	if t := s.Train; t != nil {
		batch := int64(t.BatchTokens)
		return int((t.Tokens + batch - 1) / batch)
	}
	return s.RL.Steps
}

// EvaluateEvery returns the steps between evaluations inside the stage, or 0.
func (s Stage) EvaluateEvery() int {
	if s.RL != nil {
		return s.RL.EvaluateEvery
	}
	return s.Train.EvaluateEvery
}

// NumUpdates returns the optimizer's updates in a stage.
func (s Stage) NumUpdates() int {
	if s.RL != nil {
		return s.RL.Steps * s.RL.UpdatesPerStep * s.RL.Epochs
	}
	return s.NumSteps()
}

// HasCritic reports whether the stage trains a critic beside the policy.
func (s Stage) HasCritic() bool { return s.RL != nil && s.RL.Algorithm == AlgorithmPPO }

// NumTrainTokens returns the tokens of text a stage trains on: NumSteps whole
// batches, or 0 for RL.
func (s Stage) NumTrainTokens() int64 {
	if s.Train == nil {
		return 0
	}
	return int64(s.NumSteps()) * int64(s.Train.BatchTokens)
}

// NumTrajectories returns the completions that an RL stage samples, or 0 for a
// stage of text.
func (s Stage) NumTrajectories() int64 {
	if s.RL == nil {
		return 0
	}
	return int64(s.RL.Steps) * int64(s.RL.GroupsPerStep) * int64(s.RL.Samples)
}

// MaxCompletionTokens returns the tokens that a stage samples if every
// completion reaches its cap.
func (s Stage) MaxCompletionTokens() int64 {
	if s.RL == nil {
		return 0
	}
	var tokens int64
	for step := range s.RL.Steps {
		tokens += int64(s.RL.GroupsPerStep) * int64(s.RL.Samples) * int64(s.RL.ResponseCap(step))
	}
	return tokens
}

// NumTrainTokens returns the tokens of text that all stages train on.
func (r *Recipe) NumTrainTokens() int64 {
	var tokens int64
	for _, s := range r.Stages {
		tokens += s.NumTrainTokens()
	}
	return tokens
}

// NumTrajectories returns the completions that all RL stages sample.
func (r *Recipe) NumTrajectories() int64 {
	var n int64
	for _, s := range r.Stages {
		n += s.NumTrajectories()
	}
	return n
}

// Shorten cuts every stage to at most steps steps and evaluation to a handful
// of problems, so that a run tests the program rather than trains a policy. A
// recipe that was valid stays so. It panics where steps is under 1.
func (r *Recipe) Shorten(steps int) {
	if steps < 1 {
		panic("config: shorten to fewer than one step")
	}
	for i := range r.Stages {
		s := &r.Stages[i]
		if t := s.Train; t != nil {
			t.Tokens = min(t.Tokens, int64(steps)*int64(t.BatchTokens))
		}
		if s.RL != nil {
			s.RL.Steps = min(s.RL.Steps, steps)
		}
		s.Optimizer.WarmupSteps = min(s.Optimizer.WarmupSteps, s.NumUpdates())
		if s.Evaluation != nil {
			s.Evaluation.shorten()
		}
	}
	r.Evaluation.shorten()
}
