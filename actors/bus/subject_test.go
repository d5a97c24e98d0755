package bus_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/octorl/octorl/actors/bus"
)

func TestSubjects(t *testing.T) {
	for _, c := range []struct {
		subject string
		want    bus.Address
		valid   bool
	}{
		{"rl.toy1.policy.published.learner-0", bus.Address{Run: "toy1", Noun: "policy", Verb: "published", Instance: "learner-0"}, true},
		{"rl.A_1.b.c.d", bus.Address{Run: "A_1", Noun: "b", Verb: "c", Instance: "d"}, true},
		{"rl.a.b.c." + strings.Repeat("d", 64), bus.Address{Run: "a", Noun: "b", Verb: "c", Instance: strings.Repeat("d", 64)}, true},
		{subject: "rl.a.b.c." + strings.Repeat("d", 65)},
		{subject: ""},
		{subject: "rl.a.b.c"},
		{subject: "rl.a.b.c.d.e"},
		{subject: "xx.a.b.c.d"},
		{subject: "rl.a..c.d"},
		{subject: "rl.a.*.c.d"},
		{subject: "rl.a.b.c.>"},
		{subject: "rl.a.b c.d.e"},
		{subject: "rl.a.b\n.c.d"},
		{subject: "rl.ü.b.c.d"},
	} {
		got, err := bus.ParseSubject(c.subject)
		if c.valid != (err == nil) || got != c.want || !c.valid && !errors.Is(err, bus.ErrBadName) {
			t.Errorf("ParseSubject(%q) = %+v, %v; want %+v, valid %v", c.subject, got, err, c.want, c.valid)
		}
		if built := bus.Subject; c.valid && built(c.want.Run, c.want.Noun, c.want.Verb, c.want.Instance) != c.subject {
			t.Errorf("Subject(%+v) is not %q", c.want, c.subject)
		}
	}
	if got := bus.Pattern("toy1", "group", bus.Any, bus.Any); got != "rl.toy1.group.*.*" {
		t.Errorf("Pattern gave %q", got)
	}
	if got := bus.Store("toy1", "requests"); got != "rl-toy1-requests" {
		t.Errorf("Store gave %q", got)
	}
}

func TestBadTokensPanic(t *testing.T) {
	for name, build := range map[string]func(){
		"dot in subject":      func() { bus.Subject("a.b", "c", "d", "e") },
		"wildcard in subject": func() { bus.Subject("a", "b", "c", bus.Any) },
		"empty in subject":    func() { bus.Subject("a", "b", "c", "") },
		"empty in pattern":    func() { bus.Pattern("a", "", "c", "d") },
		"rest in pattern":     func() { bus.Pattern("a", "b", "c", ">") },
		"space in store":      func() { bus.Store("a", "b c") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			build()
		}()
	}
}

func FuzzParseSubject(f *testing.F) {
	f.Add("rl.toy1.policy.published.learner-0")
	f.Add("rl.a.*.c.>")
	f.Fuzz(func(t *testing.T, subject string) {
		a, err := bus.ParseSubject(subject)
		if err != nil {
			return
		}
		if got := bus.Subject(a.Run, a.Noun, a.Verb, a.Instance); got != subject {
			t.Fatalf("%q was taken apart as %+v and put together as %q", subject, a, got)
		}
	})
}
