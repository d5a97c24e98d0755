package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/octorl/octorl/reward"
	"github.com/octorl/octorl/rollout/trajectory"
)

// gradeVerb judges answers from standard input.
type gradeVerb struct {
	Mode    string `help:"What judges: strict, octothinker, exact, numeric, choice or countdown." enum:"strict,octothinker,exact,numeric,choice,countdown" default:"strict"`
	Extract string `help:"Where mode strict looks for the answer in a response: auto (default), boxed, last-number, choice or final-answer." enum:",auto,boxed,last-number,choice,final-answer" default:""`
	Shape   string `help:"Adds the reward of a response: default, v2.wformat, v3.repeatpenalty or v4.repeatpenalty." enum:",default,v2.wformat,v3.repeatpenalty,v4.repeatpenalty" default:""`
}

// gradeInput is a line of input: a bare answer, or a response to extract it from.
type gradeInput struct {
	Prediction *string `json:"prediction"`
	Response   *string `json:"response"`
	Gold       *string `json:"gold"`
	Question   string  `json:"question"` // optional; an answer may not repeat it
}

// gradeOutput is a line of output.
type gradeOutput struct {
	Verdict   string `json:"verdict"`
	Correct   bool   `json:"correct"`
	Extracted string `json:"extracted"`
	Canonical string `json:"canonical"`
	Method    string `json:"method"`
	Reason    string `json:"reason"`

	Reward *float32 `json:"reward,omitempty"` // with a shape, of a response that was judged
}

// grader judges the lines of one call.
type grader struct {
	verify  reward.Verifier
	compare func(ctx context.Context, problem trajectory.Problem, answer string) reward.Result // nil where the mode has no bare answers
	shape   *reward.TextShape                                                                  // nil for none
}

// newGrader returns the grader that the flags choose.
func (v *gradeVerb) newGrader() (g grader, err error) {
	settings := reward.Settings{Mode: cmp.Or(v.Mode, "strict"), Extract: v.Extract}
	strict := settings.Mode == "strict"
	if strict && v.Extract == "" {
		settings.Extract = "auto"
	}
	if g.verify, err = settings.Open(); err != nil {
		return g, err
	}
	switch verify := g.verify.(type) {
	case reward.MathVerifier:
		if strict {
			g.compare = reward.CompareAnswer
		}
	case reward.OctoThinkerVerifier:
		g.compare = verify.Compare
	case reward.ExactVerifier:
		g.compare = verify.Verify
	}
	if v.Shape != "" {
		shape, err := reward.ParseTextShape(v.Shape)
		if err != nil {
			return g, err
		}
		g.shape = &shape
	}
	return g, nil
}

// Help implements kong's help of a verb.
func (v *gradeVerb) Help() string {
	return `Reads lines of {"prediction":…,"gold":…}, a bare answer, or {"response":…,"gold":…}, a text to extract it from; "question" may be added, ` +
		"and an answer that only repeats it is wrong. Writes a line for each: verdict (right, wrong, unparsable or failed), correct, extracted, canonical, " +
		"method and reason; with --shape also the reward of a response. --mode octothinker judges in the order of OctoThinker's published reward. A line that is neither gets the verdict failed with its number in the reason; the others are judged, and the exit status is 1."
}

// Run implements the verb. Lines that it cannot read get the verdict failed in
// their place; the error at the end counts them and names the first.
func (v *gradeVerb) Run(ctx context.Context) error {
	return v.grade(ctx, os.Stdin, os.Stdout)
}

func (v *gradeVerb) grade(ctx context.Context, in io.Reader, out io.Writer) (err error) {
	g, err := v.newGrader()
	if err != nil {
		return err
	}
	written := bufio.NewWriter(out)
	defer func() { err = errors.Join(err, written.Flush()) }()
	encode := json.NewEncoder(written)
	encode.SetEscapeHTML(false)
	lines := bufio.NewReader(in)
	var bad badLines
	for number := 1; ; number++ {
		line, end := lines.ReadBytes('\n')
		if end != nil && end != io.EOF {
			return fmt.Errorf("read line %d: %w", number, end)
		}
		if len(bytes.TrimSpace(line)) > 0 {
			result, err := g.line(ctx, line)
			if ctx.Err() != nil {
				return fmt.Errorf("stopped before line %d: %w", number, ctx.Err())
			}
			if err != nil {
				result = gradeOutput{Verdict: reward.Failed.String(), Reason: bad.add(number, err).Error()}
			}
			if err := encode.Encode(result); err != nil {
				return fmt.Errorf("write the verdict of line %d: %w", number, err)
			}
		}
		if end == io.EOF {
			return bad.err()
		}
		if lines.Buffered() == 0 { // whoever writes line by line reads line by line
			if err := written.Flush(); err != nil {
				return err
			}
		}
	}
}

// badLines counts the lines that are no cases.
type badLines struct {
	count int
	first error
}

// add takes a bad line and returns its error with the number.
func (b *badLines) add(number int, err error) error {
	err = fmt.Errorf("line %d: %w", number, err)
	if b.count++; b.count == 1 {
		b.first = err
	}
	return err
}

func (b *badLines) err() error {
	if b.count == 0 {
		return nil
	}
	return fmt.Errorf("%d lines could not be judged and have the verdict failed; the first: %w", b.count, b.first)
}

// line judges one line of input.
func (g grader) line(ctx context.Context, line []byte) (gradeOutput, error) {
	var in gradeInput
	if err := json.Unmarshal(line, &in); err != nil {
		return gradeOutput{}, fmt.Errorf(`want {"prediction":…,"gold":…} or {"response":…,"gold":…}: %w`, plainFault(err))
	}
	if in.Gold == nil || (in.Prediction == nil) == (in.Response == nil) {
		return gradeOutput{}, errors.New(`want gold and either prediction or response, each a string`)
	}
	problem := trajectory.Problem{Question: in.Question, Answer: *in.Gold}
	if in.Prediction != nil && g.compare == nil {
		return gradeOutput{}, errors.New("this mode looks for the answer in a response: give response, not prediction")
	}
	var r reward.Result
	if in.Prediction != nil {
		r = g.compare(ctx, problem, *in.Prediction)
	} else {
		r = g.verify.Verify(ctx, problem, *in.Response)
	}
	out := gradeOutput{r.Verdict.String(), r.Verdict == reward.Right, r.Extracted, r.Canonical, r.Method, r.Reason, nil}
	if g.shape != nil && in.Response != nil {
		if amount, ok := g.shape.Reward(r.Verdict, *in.Response); ok {
			out.Reward = &amount
		}
	}
	return out, nil
}
