package main

import (
	"bufio"
	"bytes"
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
	Extract string `help:"Where in a response its answer is: ${enum}." enum:"auto,boxed,last-number,choice,final-answer" default:"auto"`
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
}

// Help implements kong's help of a verb.
func (v *gradeVerb) Help() string {
	return `Reads lines of {"prediction":…,"gold":…}, a bare answer, or {"response":…,"gold":…}, a text to extract it from; "question" may be added, ` +
		"and an answer that only repeats it is wrong. Writes a line for each: verdict (right, wrong, unparsable or failed), correct, extracted, canonical, " +
		"method and reason. A line that is neither gets the verdict failed with its number in the reason; the others are judged, and the exit status is 1."
}

// Run implements the verb. Lines that it cannot read get the verdict failed in
// their place; the error at the end counts them and names the first.
func (v *gradeVerb) Run(ctx context.Context) error {
	return v.grade(ctx, os.Stdin, os.Stdout)
}

func (v *gradeVerb) grade(ctx context.Context, in io.Reader, out io.Writer) (err error) {
	from, err := reward.ParseExtraction(v.Extract)
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
			result, err := gradeLine(ctx, from, line)
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

func gradeLine(ctx context.Context, from reward.Extraction, line []byte) (gradeOutput, error) {
	var in gradeInput
	if err := json.Unmarshal(line, &in); err != nil {
		return gradeOutput{}, fmt.Errorf(`want {"prediction":…,"gold":…} or {"response":…,"gold":…}: %w`, err)
	}
	if in.Gold == nil || (in.Prediction == nil) == (in.Response == nil) {
		return gradeOutput{}, errors.New(`want gold and either prediction or response, each a string`)
	}
	problem := trajectory.Problem{Question: in.Question, Answer: *in.Gold}
	var r reward.Result
	if in.Prediction != nil {
		r = reward.CompareAnswer(ctx, problem, *in.Prediction)
	} else {
		r = reward.MathVerifier{From: from}.Verify(ctx, problem, *in.Response)
	}
	return gradeOutput{r.Verdict.String(), r.Verdict == reward.Right, r.Extracted, r.Canonical, r.Method, r.Reason}, nil
}
