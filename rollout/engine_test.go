package rollout

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/rollout/trajectory"
)

// randomRequest returns a request that fits small().
func randomRequest(r *rand.Rand, id string) Request {
	prompt := make([]int32, 1+r.IntN(12))
	for i := range prompt {
		prompt[i] = int32(1 + r.IntN(11))
	}
	request := Request{
		ID: id, Prompt: prompt, Samples: 1 + r.IntN(8), MaxTokens: 1 + r.IntN(24-len(prompt)),
		Temperature: float32(r.IntN(3)) / 2, Version: policy.Version(r.IntN(5)),
	}
	if r.IntN(2) == 0 {
		request.StopStrings = []string{"abb", "g"}
	}
	return request
}

func randomRequests(t *testing.T, n int) (*rand.Rand, []Request) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	requests := make([]Request, n)
	for i := range requests {
		requests[i] = randomRequest(r, fmt.Sprintf("rl/%d", i))
	}
	return r, requests
}

// A group is the same alone, among others, in any order of submission and in
// an engine of any size: what a model without an engine gives.
func TestPlacementChangesNothing(t *testing.T) {
	r, requests := randomRequests(t, 30)
	wide := small()
	wide.Rows, wide.PageTokens, wide.CacheTokens, wide.PromptTokens = 64, 3, 0, 60
	r.Shuffle(len(requests), func(i, j int) { requests[i], requests[j] = requests[j], requests[i] })
	for _, c := range []Config{small(), wide} {
		ended := runAll(t, c, requests)
		for _, request := range requests {
			want := newFake(t, c).expected(request)
			if got := ended[request.ID]; got.err != nil || !sameTrajectories(got.group.Trajectories, want) {
				t.Fatalf("%s with %d rows: got %v, %v\nwant %v", request.ID, c.Rows, got.group.Trajectories, got.err, want)
			}
		}
	}
}

// Whatever is cancelled whenever, each group ends once and all pages return.
func TestEveryGroupEndsOnce(t *testing.T) {
	r, requests := randomRequests(t, 60)
	e := newEngine(newFake(t, small()), small())
	ended := map[string]int{}
	cancelled := map[string]bool{}
	for len(ended) < len(requests) {
		for range min(r.IntN(4), len(requests)-len(cancelled)) {
			q := requests[len(cancelled)]
			cancelled[q.ID] = false
			q.Done = func(g trajectory.Group, err error) {
				ended[g.ID]++
				switch {
				case err == nil && len(g.Trajectories) != q.Samples:
					t.Errorf("%s: %d trajectories of %d", g.ID, len(g.Trajectories), q.Samples)
				case err != nil && (!errors.Is(err, ErrCancelled) || !cancelled[g.ID] || g.Trajectories != nil):
					t.Errorf("%s: unexpected end %v", g.ID, err)
				}
			}
			if err := e.Submit(q); err != nil {
				t.Fatal(err)
			}
		}
		if len(cancelled) > 0 && r.IntN(3) == 0 {
			id := requests[r.IntN(len(cancelled))].ID
			cancelled[id] = true
			e.Cancel(id, "for the test")
			e.Cancel(id, "twice")
		}
		e.receive()
		if len(e.scheduler.groups) > 0 {
			if err := e.decode(); err != nil {
				t.Fatal(err)
			}
		}
		if s := e.Stats(); s.FreePages < 0 || s.Active > small().Rows {
			t.Fatalf("statistics %+v", s)
		}
	}
	for id, n := range ended {
		if n != 1 {
			t.Errorf("group %s ended %d times", id, n)
		}
	}
	checkIdle(t, e)
}

// The prompt of a group is prefilled once, less its last token, which every
// sample feeds itself.
func TestPromptIsPrefilledOnce(t *testing.T) {
	c := small()
	d := newFake(t, c)
	e := newEngine(d, c)
	ends := 0
	request := Request{ID: "a", Prompt: []int32{1, 2, 3, 4, 5, 6}, Samples: 9, MaxTokens: 3, Temperature: 1,
		Done: func(trajectory.Group, error) { ends++ }}
	if err := e.Submit(request); err != nil {
		t.Fatal(err)
	}
	e.Drain()
	if err := e.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if d.prefilled != 5 || ends != 1 || e.Stats().Prefilled != 5 {
		t.Errorf("prefilled %d tokens (%d counted) for %d groups, want 5 for 1", d.prefilled, e.Stats().Prefilled, ends)
	}
}

func TestSubmitRefuses(t *testing.T) {
	done := func(trajectory.Group, error) { t.Error("Done of a refused request was called") }
	fits := Request{ID: "a", Prompt: []int32{1, 2}, Samples: 1, MaxTokens: 4, Done: done}
	tests := []struct {
		name    string
		change  func(*Request)
		is      error
		message string
	}{
		{"long prompt", func(r *Request) { r.Prompt = make([]int32, 13) }, ErrTooLarge, "13 tokens and PromptTokens is 12"},
		{"long sequence", func(r *Request) { r.MaxTokens = 23 }, ErrTooLarge, "make 25, and SequenceTokens is 24"},
		{"large cache", func(r *Request) { r.MaxTokens = 21 }, ErrTooLarge, "need 7 pages, and the cache has 5: lower MaxTokens or raise CacheTokens to 28"},
		{"no prompt", func(r *Request) { r.Prompt = nil }, nil, "the prompt is empty"},
		{"no samples", func(r *Request) { r.Samples = 0 }, nil, "Samples is 0"},
		{"no tokens", func(r *Request) { r.MaxTokens = 0 }, nil, "MaxTokens is 0"},
		{"negative temperature", func(r *Request) { r.Temperature = -1 }, nil, "Temperature is -1"},
		{"no owner", func(r *Request) { r.Done = nil }, nil, "Done is nil"},
		{"no name", func(r *Request) { r.ID = "" }, nil, "the ID is empty"},
	}
	c := small()
	c.CacheTokens = 20
	for _, test := range tests {
		e := newEngine(newFake(t, c), c)
		r := fits
		test.change(&r)
		err := e.Submit(r)
		if err == nil || !strings.Contains(err.Error(), test.message) || test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s: got error %v, want %q", test.name, err, test.message)
		}
	}

	e := newEngine(newFake(t, c), c)
	fits.Done = func(trajectory.Group, error) {}
	if err := e.Submit(fits); err != nil {
		t.Fatal(err)
	}
	if err := e.Submit(fits); !errors.Is(err, ErrDuplicate) {
		t.Errorf("second submission: %v, want ErrDuplicate", err)
	}
	e.Drain()
	fits.ID = "b"
	if err := e.Submit(fits); !errors.Is(err, ErrClosed) {
		t.Errorf("submission after Drain: %v, want ErrClosed", err)
	}
}

// A fault of the device, and the end of the context, reach every group.
func TestRunEndsGroupsWithItsError(t *testing.T) {
	fault := errors.New("device lost")
	stopped, cancel := context.WithCancelCause(context.Background())
	cancel(fault)
	for name, ctx := range map[string]context.Context{"device": context.Background(), "context": stopped} {
		d := newFake(t, small())
		d.fail = fault
		e := newEngine(d, small())
		var ended []string
		for _, id := range []string{"a", "b", "c"} {
			r := Request{ID: id, Prompt: []int32{1, 2, 3}, Samples: 3, MaxTokens: 4, Done: func(g trajectory.Group, err error) {
				ended = append(ended, g.ID)
				if !errors.Is(err, fault) {
					t.Errorf("%s: group %s ended with %v", name, g.ID, err)
				}
			}}
			if err := e.Submit(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Run(ctx); !errors.Is(err, fault) {
			t.Errorf("%s: Run returned %v", name, err)
		}
		if !slices.Equal(ended, []string{"a", "b", "c"}) {
			t.Errorf("%s: ended %v", name, ended)
		}
		checkIdle(t, e)
	}
}

// Requests may come from any goroutine while Run decodes, also from Done.
func TestSubmitFromOtherGoroutines(t *testing.T) {
	_, requests := randomRequests(t, 24)
	e := newEngine(newFake(t, small()), small())
	ends := make(chan string, len(requests))
	finished := make(chan error)
	go func() { finished <- e.Run(context.Background()) }()
	for i := 0; i < len(requests); i += 2 {
		first, second := requests[i], requests[i+1]
		second.Done = func(g trajectory.Group, err error) { ends <- g.ID }
		first.Done = func(g trajectory.Group, err error) {
			ends <- g.ID
			if err := e.Submit(second); err != nil {
				t.Error(err)
			}
		}
		go func() {
			if err := e.Submit(first); err != nil {
				t.Error(err)
			}
		}()
	}
	for range requests {
		<-ends
	}
	e.Drain()
	if err := <-finished; err != nil {
		t.Error(err)
	}
	checkIdle(t, e)
}

// Groups of one key and prompt are equal, whatever their IDs.
func TestKeyNamesTheDraws(t *testing.T) {
	request := Request{Prompt: []int32{1, 2, 3}, Samples: 4, MaxTokens: 9, Temperature: 1}
	var requests []Request
	for id, key := range map[string]string{"a": "", "b": "a", "c": "a", "d": ""} {
		request.ID, request.Key = id, key
		requests = append(requests, request)
	}
	ended := runAll(t, small(), requests)
	drawn := func(id string) []trajectory.Trajectory { return ended[id].group.Trajectories }
	if !sameTrajectories(drawn("a"), drawn("b")) || !sameTrajectories(drawn("b"), drawn("c")) || sameTrajectories(drawn("a"), drawn("d")) {
		t.Errorf("a %v\nb %v\nc %v\nd %v", drawn("a"), drawn("b"), drawn("c"), drawn("d"))
	}
}

// An end token that has a text leaves none.
func TestEndTokenHasNoText(t *testing.T) {
	c := small()
	c.EndTokens = []int32{2}
	request := Request{ID: "a", Prompt: []int32{1}, Samples: 40, MaxTokens: 12, Temperature: 1}
	stopped := 0
	for _, x := range runAll(t, c, []Request{request})["a"].group.Trajectories {
		n := len(x.Completion)
		if x.Completion[n-1] == 2 {
			n, stopped = n-1, stopped+1
		}
		if want := letters(x.Completion[:n]); x.Text != want {
			t.Errorf("%v is the text %q, want %q", x.Completion, x.Text, want)
		}
	}
	if stopped == 0 {
		t.Error("no completion ended")
	}
}

// A step allocates nothing once prompts are in and no completion ends.
func TestStepDoesNotAllocate(t *testing.T) {
	c := small()
	c.SequenceTokens, c.CacheTokens = 2000, 0
	c.EndTokens = nil
	e := newEngine(silent{}, c)
	r := Request{ID: "a", Prompt: []int32{1, 2, 3}, Samples: 5, MaxTokens: 1900, Done: func(trajectory.Group, error) {}}
	if err := e.Submit(r); err != nil {
		t.Fatal(err)
	}
	e.receive()
	if n := testing.AllocsPerRun(1000, func() {
		e.receive()
		if err := e.decode(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a step", n)
	}
	if s := e.Stats(); s.Tokens != 5*s.Steps || s.Active != 5 {
		t.Errorf("statistics %+v", s)
	}
}

// silent is a decoder that draws whatever its caller's arrays hold.
type silent struct{ *fakeDecoder }

func (silent) Prefill(_, _ []int32, _ []kernels.Segment, _ []int32) error { return nil }
func (silent) Step(_, _, _, _ []int32) error                              { return nil }
func (silent) Sample(policy.Draw, []int32, []float32, []float32) error    { return nil }
