package reward

import (
	"context"
	"testing"

	"github.com/octorl/octorl/rollout/trajectory"
)

func TestNamedVerifiers(t *testing.T) {
	cases := []struct {
		mode, reference, completion string
		want                        Verdict
	}{
		{"strict", "1/2", `\boxed{0.5}`, Right},
		{"octothinker", "1/2", `\boxed{0.5}`, Right},
		{"exact", "0.5", " 0.5\n", Right},
		{"exact", "1/2", "0.5", Wrong},
		{"exact", "1/2", "  ", Unparsable},
		{"exact", " ", "0.5", Failed},
		{"numeric", "6", "3 apples and 3 pears are 6", Right},
		{"numeric", "6", "none", Unparsable},
		{"choice", "B", "The answer is (B).", Right},
		{"choice", "B", "The answer is (C).", Wrong},
		{"countdown", "24 from 3 8 8 3", `\boxed{8/(3-8/3)}`, Right},
		{"countdown", "24 from 3 8 8 3", `\boxed{\frac{8}{3-\frac{8}{3}} = 24}`, Right},
		{"countdown", "24 from 3 8 8 3", `\boxed{3\times 8}`, Wrong},         // not all numbers
		{"countdown", "24 from 3 8 8 3", `\boxed{3\times 8+8-3-3-2}`, Wrong}, // numbers not given
		{"countdown", "24 from 3 8 8 3", `\boxed{3+8+8+3}`, Wrong},           // 22
		{"countdown", "24 from 3 8 8 3", `\boxed{3+8+8+3=24}`, Wrong},
		{"countdown", "24 from 3 8 8 3", `\boxed{24}`, Wrong},
		{"countdown", "3 from 3 8", `\boxed{3^8}`, Unparsable},
		{"countdown", "6 from 10 4", `\boxed{10-4}`, Right},
		{"countdown", "24", `\boxed{24}`, Failed},
	}
	for _, c := range cases {
		v, err := Named(c.mode)
		if err != nil {
			t.Fatal(err)
		}
		got := v.Verify(context.Background(), trajectory.Problem{Answer: c.reference}, c.completion)
		if got.Verdict != c.want {
			t.Errorf("%s: %q against %q is %v (%s), want %v", c.mode, c.completion, c.reference, got.Verdict, got.Reason, c.want)
		}
	}
	if _, err := Named("kind"); err == nil {
		t.Error("no error for an unknown mode")
	}
}
