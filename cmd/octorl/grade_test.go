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

// TestGradeGoesOnAfterABadLine puts bad lines between good ones: each has a
// verdict in its place, and the error names the first and counts them.
func TestGradeGoesOnAfterABadLine(t *testing.T) {
	bad := []string{"not JSON", `{"gold":"1"}`, `{"prediction":"1","response":"1","gold":"1"}`, `{"prediction":1,"gold":"1"}`, `{"prediction":"1"}`}
	good := `{"prediction":"1","gold":"1"}`
	in := good + "\n" + strings.Join(bad, "\n"+good+"\n") + "\n" + good
	var out strings.Builder
	err := (&gradeVerb{Extract: "auto"}).grade(context.Background(), strings.NewReader(in), &out)
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
