// Command octorl runs reinforcement learning of reasoning language models: it
// takes a recipe from corpus to evaluation, on one machine or several.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/octorl/octorl/actors"
)

// verbs is the command line: one field a verb, each in a file of its own.
type verbs struct {
	Quickstart quickstartVerb `cmd:"" help:"Run the whole pipeline on this machine in about 5 minutes."`
	Run        runVerb        `cmd:"" help:"Run a recipe, or resume it."`
	Explain    explainVerb    `cmd:"" help:"Print what a recipe would do, before anything starts."`
	Bench      benchVerb      `cmd:"" help:"Measure a device."`
	Doctor     doctorVerb     `cmd:"" help:"Say what this machine has for octorl, and what is missing."`
	Node       nodeVerb       `cmd:"" help:"Join a run on another machine with rollouts and verifiers."`
	Watch      watchVerb      `cmd:"" help:"Follow a run live from another terminal."`
	Eval       evalVerb       `cmd:"" help:"Measure a checkpoint with benchmarks, or compare such measurements."`
	Generate   generateVerb   `cmd:"" help:"Complete prompts with a checkpoint."`
	Score      scoreVerb      `cmd:"" help:"Write how likely a checkpoint finds texts."`
	Inspect    inspectVerb    `cmd:"" help:"Describe a checkpoint and check its files."`
	Export     exportVerb     `cmd:"" help:"Copy a run's policy as a Hugging Face folder."`
	Tokenize   tokenizeVerb   `cmd:"" help:"Turn JSON lines of text into token ids, or back."`
	Grade      gradeVerb      `cmd:"" help:"Judge answers: JSON lines from standard input to standard output."`
}

func main() {
	parser := kong.Must(&verbs{},
		kong.Name("octorl"),
		kong.Description("Reinforcement learning of reasoning language models, as actors over NATS."),
	)
	verb, err := parser.Parse(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "octorl: %v; octorl --help lists the verbs, octorl VERB --help its flags\n", err)
		os.Exit(1)
	}
	// The first interrupt stops at a step boundary, the second at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	verb.BindTo(ctx, (*context.Context)(nil))
	os.Exit(report(verb.Run()))
}

// report prints how a verb ended and returns its exit status: 130 for a run
// that was stopped, as shells have it for an interrupt.
func report(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, actors.ErrStopped):
		fmt.Fprintln(os.Stderr, "stopped; the same command resumes")
		return 130
	}
	fmt.Fprintln(os.Stderr, "octorl:", err)
	return 1
}
