package reward

import (
	"context"
	"strings"
	"testing"

	"github.com/octorl/octorl/rollout/trajectory"
)

func TestOctoThinkerOrder(t *testing.T) {
	cases := []struct {
		reference, completion string
		want                  Verdict
	}{
		{"42", `\boxed{41} no, \boxed{42}`, Right},
		{"42", "42", Unparsable},
		{"No", `\boxed{NO}`, Right},
		{`5\text{ cm}`, `\boxed{5\text{ m}}`, Right}, // units are dropped
		{"1/3", `\boxed{0.3333333}`, Right},          // six decimals count
		{"1/3", `\boxed{0.3333}`, Wrong},
		{"2,1", `\boxed{1}, \boxed{2}`, Wrong}, // the last box only
		{"42", `\boxed{43}`, Wrong},
	}
	for _, c := range cases {
		got := OctoThinkerVerifier{}.Verify(context.Background(), trajectory.Problem{Answer: c.reference}, c.completion)
		if got.Verdict != c.want {
			t.Errorf("%q against %q is %v (%s), want %v", c.completion, c.reference, got.Verdict, got.Reason, c.want)
		}
	}
}

func TestTextShape(t *testing.T) {
	loop := strings.Repeat("again ", 5) + `\boxed{1}`
	cases := []struct {
		name, completion string
		verdict          Verdict
		want             float32
	}{
		{"default", loop, Right, 1},
		{"default", `\boxed{1}`, Wrong, -1},
		{"v2.wformat", `\boxed{1}`, Right, 1},
		{"v2.wformat", `\boxed{1}`, Wrong, -0.5},
		{"v2.wformat", `\boxed{1} \boxed{1}`, Right, -1},
		{"v2.wformat", loop, Right, -1},
		{"v3.repeatpenalty", loop, Right, -2},
		{"v3.repeatpenalty", `\boxed{1} \boxed{1}`, Right, 1},
		{"v4.repeatpenalty", `\boxed{1} \boxed{1}`, Right, -2},
		{"v4.repeatpenalty", `\boxed{1}`, Unparsable, -1},
	}
	for _, c := range cases {
		s, err := ParseTextShape(c.name)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := s.Reward(c.verdict, c.completion); !ok || got != c.want {
			t.Errorf("%s gives %v for %v of %q, want %v", c.name, got, c.verdict, c.completion, c.want)
		}
		if _, ok := s.Reward(Failed, c.completion); ok {
			t.Errorf("%s gives a reward for a failure", c.name)
		}
	}
	if _, err := ParseTextShape("v9"); err == nil {
		t.Error("no error for an unknown shape")
	}
}
