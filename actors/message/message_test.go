package message

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/rollout/trajectory"
)

var (
	header1  = GroupHeader{ID: "rl/3/5", Stage: "rl", Step: 3, Slot: 5, Purpose: Train, ReplyTo: "learner-0", Recipe: "0f1e"}
	problem1 = trajectory.Problem{ID: "toy/train/17", Question: "What is 2+3?", Answer: "5", Level: 1, Source: "toy"}
	group1   = trajectory.Group{
		ID: "rl/3/5", Problem: problem1, Prompt: []int32{1, 2, 300},
		Trajectories: []trajectory.Trajectory{
			{Index: 1, Completion: []int32{7, -1}, LogProbs: []float32{-0.5, -2.25}, Versions: []policy.Version{2, 3}, Finish: trajectory.FinishStop, Text: `\boxed{5}`},
			{Index: 2, Completion: []int32{70000}, LogProbs: []float32{-0.125}, Versions: []policy.Version{3}, Finish: trajectory.FinishLength, Text: "um"},
		},
	}
)

// golden is what the files in testdata hold, by file. No field may be zero, or
// the test could not see it lost.
var golden = map[string]any{
	"group.requested.v1":   GroupRequested{GroupHeader: header1, Problem: problem1, Prompt: Int32s{1, 2, 300}, Samples: 16, MaxTokens: 512, Temperature: 0.5, Version: 2, Stops: []string{"User:"}},
	"group.completed.v1":   GroupCompleted{GroupHeader: header1, Group: group1, Node: "node-b", Seconds: 1.5},
	"group.cancelled.v1":   GroupCancelled{GroupHeader: header1, Node: "node-b", Reason: "weights are gone"},
	"group.verified.v1":    GroupVerified{GroupHeader: header1, Group: group1, Node: "node-b", Seconds: 1.5, Verdicts: []Verdict{{1, "5", "equal"}, {2, "", "no box"}}},
	"weights.requested.v1": WeightsRequested{Stage: "rl", Version: 3},
	"policy.published.v1":  PolicyPublished{Stage: "rl", Version: 3, Step: 4, Digest: "abc", Object: "rl-3", Bytes: 5e9},
	"metrics.reported.v1":  MetricsReported{Run: "toy1", Stage: "rl", Kind: "train", Step: 3, NumSteps: 40, Time: 1767225600000000002, Values: map[string]float64{"reward": 0.25, "loss": -1.5}},
	"sample.reported.v1":   SampleReported{Stage: "rl", Step: 3, Question: "2+3?", Completion: `\boxed{5}`, Answer: "5", Verdict: "right", Reward: 1},
	"stage.reported.v1":    StageReported{Stage: "stable", Kind: "pretrain", State: Started, Step: 3, NumSteps: 40},
	"node.announced.v1":    NodeAnnounced{Node: "node-b", Host: "gpu7", PID: 4321, Rollouts: 2, Verifiers: 1},
	"run.announced.v1":     RunAnnounced{Run: "toy1", Recipe: []byte("seed: 1\n"), Tokenizer: "tokenizer.json"},
	"run.finished.v1":      RunFinished{Run: "toy1"},
	"verifier.failed.v1":   VerifierFailed{Stage: "rl", Step: 3, Failed: 2, Judged: 16, Reason: "context deadline exceeded"},
}

func TestGoldenBytesDecodeForEver(t *testing.T) {
	files, err := filepath.Glob("testdata/*.msgpack")
	if err != nil || len(files) != len(golden) {
		t.Fatalf("%d files (%v) for %d expectations", len(files), err, len(golden))
	}
	seen := map[string]bool{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".msgpack")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		env, body, err := Decode(data)
		if err != nil || !reflect.DeepEqual(body, golden[name]) {
			t.Errorf("%s: got %+v, error %v; want %+v", name, body, err, golden[name])
		}
		if env.ID != "id-1" || env.Sender != "node-a" || env.Sent != 1767225600000000001 || env.Kind+".v1" != name {
			t.Errorf("%s: envelope %+v", name, env)
		}
		seen[env.Kind] = true
	}
	for _, k := range kinds {
		if !seen[k.name()] {
			t.Errorf("%s has no golden bytes", k.name())
		}
	}
}

// TestGoldenFieldsAreSet guards the test above.
func TestGoldenFieldsAreSet(t *testing.T) {
	for name, body := range golden {
		if field := zeroField(reflect.ValueOf(body)); field != "" {
			t.Errorf("%s: %s is zero", name, field)
		}
	}
}

func zeroField(v reflect.Value) string {
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		if f.IsZero() {
			return name
		}
		if f.Kind() == reflect.Struct {
			if inner := zeroField(f); inner != "" {
				return name + "." + inner
			}
		}
	}
	return ""
}

func TestRoundTrip(t *testing.T) {
	for name, body := range golden {
		sent := Envelope{ID: "rl/3/5#1", Sender: "node-a", Sent: 1767225600000000001}
		data, err := Encode(sent, body)
		if err != nil {
			t.Fatal(err)
		}
		env, got, err := Decode(data)
		if err != nil || !reflect.DeepEqual(got, body) {
			t.Errorf("%s: %+v came back as %+v, error %v", name, body, got, err)
		}
		noun, verb := Topic(body)
		if env.ID != sent.ID || env.Sender != sent.Sender || env.Sent != sent.Sent || env.Kind != noun+"."+verb || env.Version != 1 {
			t.Errorf("%s: envelope %+v came back as %+v", name, sent, env)
		}
	}
}

func TestLogProbsKeepTheirBits(t *testing.T) {
	bits := []uint32{0, 1 << 31, 1, 0x7f7fffff, 0xff800000, 0x7fc00001}
	var values Float32s
	for _, b := range bits {
		values = append(values, math.Float32frombits(b))
	}
	n := len(values)
	group := trajectory.Group{Trajectories: []trajectory.Trajectory{{Completion: make([]int32, n), LogProbs: values, Versions: make([]policy.Version, n)}}}
	data, err := Encode(Envelope{}, GroupCompleted{Group: group})
	if err != nil {
		t.Fatal(err)
	}
	_, body, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range body.(GroupCompleted).Group.Trajectories[0].LogProbs {
		if got := math.Float32bits(v); got != bits[i] {
			t.Errorf("bits %#x came back as %#x", bits[i], got)
		}
	}
}

func TestUnequalLengthsAreRefused(t *testing.T) {
	short := trajectory.Group{Trajectories: []trajectory.Trajectory{{Completion: []int32{1, 2}, LogProbs: []float32{-1}, Versions: []policy.Version{1, 1}}}}
	long := Int32s(make([]int32, MaxTokens+1))
	for name, body := range map[string]any{
		"logprobs":  GroupCompleted{Group: short},
		"verdicts":  GroupVerified{Group: group1, Verdicts: make([]Verdict, 1)},
		"too large": GroupRequested{Prompt: long},
	} {
		if _, err := Encode(Envelope{}, body); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: Encode gave %v, want ErrMalformed", name, err)
		}
		if name == "too large" {
			continue
		}
		inner, err := marshal(body) // around Encode's check
		if err != nil {
			t.Fatal(err)
		}
		outer, err := marshal(envelope{Kind: kindOf(body).name(), Version: 1, Body: inner})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Decode(outer); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: Decode gave %v, want ErrMalformed", name, err)
		}
	}
}

func TestForeignMessagesAreNamed(t *testing.T) {
	body := []byte{0x80} // no keys
	for _, c := range []struct {
		name string
		env  envelope
		want error
	}{
		{"unknown kind", envelope{Kind: "group.eaten", Version: 1, Body: body}, ErrUnknownKind},
		{"newer version", envelope{Kind: "run.finished", Version: runFinishedVersion + 1, Body: body}, ErrNewerVersion},
		{"no version", envelope{Kind: "run.finished", Body: body}, ErrMalformed},
		{"no body", envelope{Kind: "run.finished", Version: 1}, ErrMalformed},
		{"body is an array", envelope{Kind: "run.finished", Version: 1, Body: []byte{0x90}}, ErrMalformed},
		{"body is nil", envelope{Kind: "run.finished", Version: 1, Body: []byte{0xc0}}, ErrMalformed},
		{"field of another type", envelope{Kind: "run.finished", Version: 1, Body: []byte{0x81, 0xa2, 'r', 'u', 0x01}}, ErrMalformed},
		{"ragged array", envelope{Kind: "group.requested", Version: 1, Body: []byte{0x81, 0xa2, 'p', 'r', 0xc4, 3, 1, 2, 3}}, ErrMalformed},
	} {
		data, err := marshal(c.env)
		if err != nil {
			t.Fatal(err)
		}
		if _, body, err := Decode(data); !errors.Is(err, c.want) || body != nil {
			t.Errorf("%s: body %v, error %v; want %v", c.name, body, err, c.want)
		}
	}
}

func TestPointersAreNotMessages(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Encode took a pointer")
		}
	}()
	_, _ = Encode(Envelope{}, &RunFinished{}) // panics first
}

func FuzzDecode(f *testing.F) {
	for _, body := range golden {
		data, err := Encode(Envelope{ID: "x", Sender: "n", Sent: 1}, body)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		env, body, err := Decode(data)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnknownKind) && !errors.Is(err, ErrNewerVersion) {
				t.Fatalf("unnamed error %v", err)
			}
			return
		}
		again, err := Encode(env, body)
		if err != nil {
			t.Fatalf("what was decoded does not encode: %v", err)
		}
		if back, _, err := Decode(again); err != nil || back.Kind != env.Kind || back.ID != env.ID || back.Sent != env.Sent {
			t.Fatalf("%+v came back as %+v, error %v", env, back, err)
		}
	})
}
