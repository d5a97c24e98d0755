package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/octorl/octorl/actors"
	"github.com/octorl/octorl/internal/config"
	"github.com/octorl/octorl/internal/progress"
	"github.com/octorl/octorl/recipes"
)

// runFlags are what every way of running a recipe takes.
type runFlags struct {
	Out      string  `help:"Run directory; default runs/<name>." placeholder:"DIR"`
	Seed     *uint64 `help:"Seed of the run; default the recipe's." placeholder:"N"`
	Steps    *int    `help:"Shorten every stage to at most N steps, to try the program." placeholder:"N"`
	Rollouts *int    `help:"Rollout actors in this process; default the recipe's." placeholder:"N"`
	Listen   string  `help:"Open the bus on host:port, so that nodes can join." placeholder:"ADDR"`
	NATS     string  `name:"nats" help:"Use this bus instead of an embedded one." placeholder:"URL"`
	Token    string  `help:"Secret of the bus." env:"OCTORL_TOKEN" placeholder:"SECRET"`
	deviceFlag
	Log string `help:"Print log lines instead of the live view: text or json." enum:",text,json" default:""`
}

// runVerb runs a recipe from a file or a built-in one.
type runVerb struct {
	Recipe string `arg:"" optional:"" help:"A YAML file, or the name of a built-in recipe."`
	List   bool   `help:"List the built-in recipes."`
	runFlags
}

// Run implements the verb.
func (v *runVerb) Run(ctx context.Context) error {
	if v.List {
		for _, name := range recipes.List() {
			fmt.Println(name)
		}
		return nil
	}
	if v.Recipe == "" {
		return errors.New("which recipe? name a YAML file, or one that octorl run --list shows")
	}
	r, err := openRecipe(v.Recipe)
	if err != nil {
		return err
	}
	return v.runFlags.run(ctx, r)
}

// quickstartVerb runs the embedded quickstart recipe.
type quickstartVerb struct{ runFlags }

// Run implements the verb.
func (v *quickstartVerb) Run(ctx context.Context) error {
	r, err := openRecipe("quickstart")
	if err != nil {
		return err
	}
	return v.runFlags.run(ctx, r)
}

// openRecipe reads a recipe file, or else the built-in recipe of that name or
// path.
func openRecipe(name string) (*config.Recipe, error) {
	_, err := os.Stat(name)
	if builtin := strings.TrimSuffix(filepath.Base(name), ".yaml"); errors.Is(err, fs.ErrNotExist) {
		if data, err := recipes.Get(builtin); err == nil {
			return config.Parse(builtin+".yaml", data)
		}
	}
	return config.ParseFile(name)
}

// run carries out a recipe with the live view, or with log lines.
func (f *runFlags) run(ctx context.Context, r *config.Recipe) error {
	if err := f.apply(r); err != nil {
		return err
	}
	dev, err := f.open()
	if err != nil {
		return err
	}
	defer dev.Close()
	memory, err := reserveFor(r, dev)
	if err != nil {
		return explainLack(err, r.Name)
	}
	beside, done := besideDevice(dev)
	defer done()
	o := actors.Options{
		Directory: f.Out, Device: dev, EvaluateOn: beside, Listen: f.Listen, URL: f.NATS, Token: f.Token,
	}
	view := openView(r, f.Log)
	o.Log, o.Watch, o.Joinable = view.log, view.handle, view.joinable
	results, err := actors.Run(ctx, r, o)
	view.close()
	if err != nil {
		return explainLack(err, r.Name)
	}
	if memory != nil {
		memory.compare(os.Stderr, dev)
	}
	return results.Write(os.Stdout)
}

// apply lets flags override the recipe.
func (f *runFlags) apply(r *config.Recipe) error {
	if f.Seed != nil {
		r.Seed = *f.Seed
	}
	if f.Rollouts != nil {
		r.Scale.Rollouts = *f.Rollouts
	}
	if f.Steps != nil {
		if *f.Steps < 1 {
			return fmt.Errorf("--steps %d: use at least 1", *f.Steps)
		}
		r.Shorten(*f.Steps)
	}
	if f.Out == "" {
		f.Out = filepath.Join("runs", r.Name)
	}
	return r.Validate()
}

// newLog returns a logger of a format: json, or text for people.
func newLog(format string, w io.Writer) zerolog.Logger {
	if format == "json" {
		return zerolog.New(w).With().Timestamp().Logger()
	}
	terminal := progress.Detect(os.Stderr, os.Getenv)
	return zerolog.New(zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: !(terminal.Color && terminal.Interactive)}).With().Timestamp().Logger()
}
