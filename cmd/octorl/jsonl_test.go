package main

import (
	"strings"
	"testing"
)

func TestLinesOfWrongTypesAreNamedPlainly(t *testing.T) {
	for line, want := range map[string]string{
		`{"ids":"a"}`:   `standard input, line 2: "ids" has string where a list is wanted; each line must be one JSON object`,
		`{"ids":[1.5]}`: `"ids" has number 1.5 where an integer of 32 bits is wanted`,
		`{"text":1}`:    `"text" has number where a string is wanted`,
		`[1]`:           `array where an object is wanted`,
		`{"ids":`:       `unexpected end of JSON input`,
	} {
		err := eachLine(strings.NewReader("\n"+line), func(int, scoreRequest) error { return nil })
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "Go ") {
			t.Errorf("%s: %v; want %q", line, err, want)
		}
	}
}
