package main

import (
	"context"
	"fmt"
	"os"

	"github.com/octorl/octorl/actors"
)

// nodeVerb joins a run with rollouts and verifiers.
type nodeVerb struct {
	NATS      string `name:"nats" required:"" help:"Bus of the run, as octorl run --listen prints it." placeholder:"URL"`
	RunName   string `name:"run" help:"Name of the run; default the only one." placeholder:"NAME"`
	Name      string `help:"Name of this node; default host and process." placeholder:"NAME"`
	Rollouts  int    `help:"Rollout actors; default the recipe's." placeholder:"N"`
	Verifiers int    `help:"Verifier actors; default the recipe's." placeholder:"N"`
	Token     string `help:"Secret of the bus." env:"OCTORL_TOKEN" placeholder:"SECRET"`
	deviceFlag
	Log string `help:"Format of log lines: text or json." enum:"text,json" default:"text"`
}

// Help implements kong's help of a verb.
func (v *nodeVerb) Help() string {
	return "The node fetches the run's recipe, tokenizer and weights by itself and draws work within seconds. " +
		"An interrupt hands back what it holds; a kill lets its leases run out. Neither changes the result of the run."
}

// Run implements the verb. It returns when the run ends or on interrupt.
func (v *nodeVerb) Run(ctx context.Context) error {
	dev, err := v.open()
	if err != nil {
		return err
	}
	defer dev.Close()
	if v.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("name this node: %w; give one with --name", err)
		}
		v.Name = fmt.Sprintf("%s-%d", actors.NodeName(host), os.Getpid())
	}
	return actors.Join(ctx, actors.JoinOptions{
		Options: actors.Options{Device: dev, URL: v.NATS, Token: v.Token, Log: newLog(v.Log, os.Stderr)},
		Run:     v.RunName, Node: v.Name, Rollouts: v.Rollouts, Verifiers: v.Verifiers,
	})
}
