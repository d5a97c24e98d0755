package main

import (
	"strings"
	"testing"
)

// TestDoctor examines this machine, whatever it is.
func TestDoctor(t *testing.T) {
	var out strings.Builder
	v := doctorVerb{Quick: true}
	if err := v.examine(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"octorl ", "processor ", "memory ", "embedded NATS works", "cuda"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "avx") == strings.Contains(out.String(), "times slower") {
		t.Errorf("only a processor without AVX2 is called slower:\n%s", out.String())
	}
}
