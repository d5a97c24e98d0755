package actors

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/octorl/octorl/actors/bus"
	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/internal/config"
)

// TestNodeOfAFormerRun leaves a node on an external bus while its run is started
// anew with another seed. The node would draw with the old one, so it must end;
// the run waits for one of its own and is as if it had been alone.
func TestNodeOfAFormerRun(t *testing.T) {
	t.Parallel()
	other := func() *config.Recipe {
		r := tinyRecipe(t)
		r.Seed++
		return r
	}
	want := finish(t, other(), options(t, t.TempDir()))
	b, err := bus.Open(bus.Config{Listen: "127.0.0.1:0", StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	join := func() <-chan error {
		joined, ended := make(chan struct{}), make(chan error, 1)
		o := options(t, "")
		o.URL = b.URL()
		o.Log = zerolog.New(zerolog.NewTestWriter(t)).Hook(zerolog.HookFunc(func(_ *zerolog.Event, _ zerolog.Level, text string) {
			if text == "joined" {
				close(joined)
			}
		}))
		go func() { ended <- Join(ctx, JoinOptions{Options: o, Node: "worker"}) }()
		<-joined
		return ended
	}
	dir := t.TempDir()
	stopAt(t, dir, "text", 1, b.URL())
	former := join()
	done := make(chan error, 1)
	go func() {
		o := options(t, t.TempDir())
		o.URL, o.Lead = b.URL(), true
		results, err := Run(ctx, other(), o)
		if err == nil && !maps.Equal(results.Digests, want) {
			t.Errorf("digests %v, want %v", results.Digests, want)
		}
		done <- err
	}()
	if err := <-former; !errors.Is(err, ErrOtherRecipe) || !strings.Contains(err.Error(), "start this node again") {
		t.Errorf("the node of the former run ended with: %v", err)
	}
	own := join()
	if err := errors.Join(<-done, <-own); err != nil {
		t.Error(err)
	}
	if names, err := b.Keys(runsBucket); err != nil || len(names) > 0 {
		t.Errorf("after the run the bus announces %v (%v)", names, err)
	}
}

// TestWatch follows a run over TCP to its end.
func TestWatch(t *testing.T) {
	t.Parallel()
	watched := make(chan error, 1)
	var recipe string
	var finals int // of stage evaluations and of the run
	head := options(t, t.TempDir())
	head.Listen = "127.0.0.1:0"
	started := make(chan struct{})
	head.Joinable = func(url string) {
		go func() {
			watched <- Watch(t.Context(), WatchOptions{
				URL:  url,
				Open: func(r *config.Recipe) { recipe = r.Name; close(started) },
				Handle: func(body any) {
					if _, ok := body.(message.RunFinished); ok {
						finals++
					}
				},
				Reach: func(bool) {},
			})
		}()
		<-started
	}
	finish(t, tinyRecipe(t), head)
	if err := <-watched; err != nil || recipe != "tiny" || finals != 1 {
		t.Errorf("watched %s until %d ends: %v", recipe, finals, err)
	}
}

func TestJoinRefusesBadOptions(t *testing.T) {
	err := Join(t.Context(), JoinOptions{Node: "a.b", Run: "c d", Rollouts: -1})
	for _, want := range []string{"--name", "--run", "--rollouts -1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name %s", err, want)
		}
	}
}
