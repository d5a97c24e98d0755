package main

import (
	"context"

	"github.com/octorl/octorl/actors"
	"github.com/octorl/octorl/internal/config"
)

// watchVerb follows a run of another process.
type watchVerb struct {
	NATS    string `name:"nats" required:"" help:"Bus of the run, as octorl run --listen prints it." placeholder:"URL"`
	RunName string `name:"run" help:"Name of the run; default the only one." placeholder:"NAME"`
	Token   string `help:"Secret of the bus." env:"OCTORL_TOKEN" placeholder:"SECRET"`
	Log     string `help:"Print log lines instead of the live view: text or json." enum:",text,json" default:""`
}

// Run implements the verb. It returns when the run ends or on interrupt.
func (v *watchVerb) Run(ctx context.Context) error {
	var shown *view
	defer func() {
		if shown != nil {
			shown.close()
		}
	}()
	return actors.Watch(ctx, actors.WatchOptions{
		URL: v.NATS, Token: v.Token, Run: v.RunName,
		Open:   func(r *config.Recipe) { shown = openView(r, v.Log) },
		Handle: func(body any) { shown.watched(body) },
		Reach:  func(reached bool) { shown.reach(reached) },
	})
}
