package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

func TestGrade(t *testing.T) {
	in := `{"prediction":"\\frac{2}{4}","gold":"0.5"}

{"response":"so it is \\boxed{7}, not 8","gold":"8"}`
	var out strings.Builder
	if err := (&gradeVerb{}).grade(context.Background(), strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	want := `{"verdict":"right","correct":true,"extracted":"\\frac{2}{4}","canonical":"1/2","method":"exact","reason":""}
{"verdict":"wrong","correct":false,"extracted":"7","canonical":"7","method":"exact","reason":"differs from the reference answer \"8\""}
`
	if out.String() != want {
		t.Errorf("got %s, want %s", out.String(), want)
	}
}

// TestGradeGoesOnAfterABadLine puts bad lines between good ones: each has a
// verdict in its place, and the error names the first and counts them.
func TestGradeGoesOnAfterABadLine(t *testing.T) {
	bad := []string{"not JSON", `{"gold":"1"}`, `{"prediction":"1","response":"1","gold":"1"}`, `{"prediction":1,"gold":"1"}`, `{"prediction":"1"}`}
	good := `{"prediction":"1","gold":"1"}`
	in := good + "\n" + strings.Join(bad, "\n"+good+"\n") + "\n" + good
	var out strings.Builder
	err := (&gradeVerb{}).grade(context.Background(), strings.NewReader(in), &out)
	if err == nil || !strings.Contains(err.Error(), "5 lines") || !strings.Contains(err.Error(), "line 2: ") {
		t.Errorf("error %v, want one that counts 5 lines and names line 2", err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 11 {
		t.Fatalf("%d lines for 11: %s", len(lines), out.String())
	}
	for i, line := range lines {
		want := `{"verdict":"right","correct":true`
		if i%2 == 1 {
			want = fmt.Sprintf(`{"verdict":"failed","correct":false,"extracted":"","canonical":"","method":"","reason":"line %d: want `, i+1)
		}
		if !strings.HasPrefix(line, want) {
			t.Errorf("line %d is %s, want it to begin with %s", i+1, line, want)
		}
	}
}

// TestGradeModes judges by other verifiers than the default and adds rewards.
func TestGradeModes(t *testing.T) {
	for _, c := range []struct {
		verb gradeVerb
		in   string
		want string // part of the output
	}{
		{gradeVerb{Mode: "octothinker"}, `{"prediction":"0.3333333","gold":"1/3"}`, `"verdict":"right"`},
		{gradeVerb{Mode: "strict"}, `{"prediction":"0.3333333","gold":"1/3"}`, `"verdict":"wrong"`},
		{gradeVerb{Mode: "octothinker"}, `{"response":"the answer is 7","gold":"7"}`, `"verdict":"unparsable"`},
		{gradeVerb{Mode: "strict"}, `{"response":"the answer is 7","gold":"7"}`, `"verdict":"right"`},
		{gradeVerb{Mode: "exact"}, `{"prediction":"7.0","gold":"7"}`, `"verdict":"wrong"`},
		{gradeVerb{Mode: "countdown"}, `{"response":"\\boxed{8/(3-8/3)}","gold":"24 from 3 8 8 3"}`, `"verdict":"right"`},
		{gradeVerb{Mode: "octothinker", Shape: "default"}, `{"response":"\\boxed{7}","gold":"7"}`, `"reason":"","reward":1}`},
		{gradeVerb{Mode: "octothinker", Shape: "v2.wformat"}, `{"response":"\\boxed{8}","gold":"7"}`, `"reward":-0.5}`},
		{gradeVerb{Shape: "v4.repeatpenalty"}, `{"response":"\\boxed{8} no \\boxed{7}","gold":"7"}`, `"reward":-2}`},
		{gradeVerb{Shape: "default"}, `{"response":"\\boxed{8}","gold":""}`, `"reason":"reference answer is empty"}`},
	} {
		var out strings.Builder
		if err := c.verb.grade(context.Background(), strings.NewReader(c.in), &out); err != nil || !strings.Contains(out.String(), c.want) {
			t.Errorf("%+v of %s: %s, %v, want %s", c.verb, c.in, out.String(), err, c.want)
		}
	}
	for _, verb := range []gradeVerb{{Mode: "numeric"}, {Mode: "choice", Shape: "default"}} {
		err := verb.grade(context.Background(), strings.NewReader(`{"prediction":"7","gold":"7"}`), &strings.Builder{})
		if err == nil || !strings.Contains(err.Error(), "give response") {
			t.Errorf("%+v of a bare answer: %v", verb, err)
		}
	}
	if err := (&gradeVerb{Mode: "exact", Extract: "boxed"}).grade(context.Background(), strings.NewReader(""), &strings.Builder{}); err == nil {
		t.Error("extract with mode exact is no error")
	}
}
