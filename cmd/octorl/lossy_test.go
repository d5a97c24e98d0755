package main

import "testing"

// TestValid has what bytes.decode("utf-8", "replace") of Python gives.
func TestValid(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "",
		"aé😀":                      "aé😀",
		"\ufffd":                   "\ufffd",
		"\xff":                     "\ufffd",
		"\xff\xfe":                 "\ufffd\ufffd",
		"a\x80\x80b":               "a\ufffd\ufffdb",
		"\xf0\x9f\x98":             "\ufffd",
		"\xf0\x9f\x98a":            "\ufffda",
		"\xf0\x9f":                 "\ufffd",
		"\xf0":                     "\ufffd",
		"\xf0a":                    "\ufffda",
		"\xe2\x82":                 "\ufffd",
		"\xe2\x82\xe2\x82\xac":     "\ufffd€",
		"\xe0\x80\x80":             "\ufffd\ufffd\ufffd",
		"\xed\xa0\x80":             "\ufffd\ufffd\ufffd",
		"\xf4\x90\x80\x80":         "\ufffd\ufffd\ufffd\ufffd",
		"\xc0\xaf":                 "\ufffd\ufffd",
		"\xf1\x80\xf1\x80\x80\x80": "\ufffd\U00040000",
	} {
		if got := valid(text); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}
