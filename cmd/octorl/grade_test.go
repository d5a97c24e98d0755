package main

import (
	"context"
	"strings"
	"testing"
)

func TestGrade(t *testing.T) {
	in := `{"prediction":"\\frac{2}{4}","gold":"0.5"}

{"response":"so it is \\boxed{7}, not 8","gold":"8"}`
	var out strings.Builder
	if err := (&gradeVerb{Extract: "auto"}).grade(context.Background(), strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	want := `{"verdict":"right","correct":true,"extracted":"\\frac{2}{4}","canonical":"1/2","method":"exact","reason":""}
{"verdict":"wrong","correct":false,"extracted":"7","canonical":"7","method":"exact","reason":"differs from the reference answer \"8\""}
`
	if out.String() != want {
		t.Errorf("got %s, want %s", out.String(), want)
	}
}

func TestGradeNamesTheBadLine(t *testing.T) {
	for _, bad := range []string{"not JSON", `{"gold":"1"}`, `{"prediction":"1","response":"1","gold":"1"}`, `{"prediction":1,"gold":"1"}`, `{"prediction":"1"}`} {
		var out strings.Builder
		in := `{"prediction":"1","gold":"1"}` + "\n" + bad + "\n"
		err := (&gradeVerb{Extract: "auto"}).grade(context.Background(), strings.NewReader(in), &out)
		if err == nil || !strings.HasPrefix(err.Error(), "line 2: ") {
			t.Errorf("%s: error %v, want one that names line 2", bad, err)
		}
		if strings.Count(out.String(), "\n") != 1 {
			t.Errorf("%s: output %q, want the verdict of line 1", bad, out.String())
		}
	}
}
