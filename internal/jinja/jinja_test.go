package jinja

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestHostile has templates that would not end, or would fill the memory.
func TestHostile(t *testing.T) {
	const many = 100_000
	deep := strings.Repeat("(", many) + "x" + strings.Repeat(")", many)
	for name, source := range map[string]string{
		"loop without output":     "{% for a in range(1000000000) %}{% endfor %}",
		"loops in loops":          "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}",
		"range to the last":       "{{ range(9223372036854775807) }}",
		"much output":             "{% for a in range(100000) %}" + strings.Repeat("x", 10_000) + "{% endfor %}",
		"doubling":                "{% set ns = namespace(s='x') %}{% for a in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
		"doubling by concat":      "{% set ns = namespace(s='x') %}{% for a in range(64) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
		"doubling a list":         "{% set ns = namespace(s=[1]) %}{% for a in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
		"doubling in text":        "{% set ns = namespace(s=[1]) %}{% for a in range(64) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
		"doubling in JSON":        "{% set ns = namespace(s=[1]) %}{% for a in range(64) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s | tojson }}",
		"doubling in comparisons": "{% set ns = namespace(s=[1]) %}{% for a in range(64) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s == ns.s + [] }}",
		"repetition":              "{{ 'x' * 9999999999999 }}",
		"repetition by replace":   "{{ ('x' * 100000).replace('x', 'y' * 100000) }}",
		"width":                   "{{ '%999999999d' % 1 }}",
		"indentation":             "{{ 'a\nb' | indent(99999999999) }}",
		"indented JSON":           "{% set ns = namespace(s=[1]) %}{% for a in range(900) %}{% set ns.s = [ns.s, 1] %}{% endfor %}{% for a in range(999) %}{{ ns.s | tojson(indent=999) }}{% endfor %}",
		"batch":                   "{{ [1] | batch(99999999999, 0) | list }}",
		"endless macro":           "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
		"macros that branch":      "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(90) }}",
		"deep value":              "{% set ns = namespace(s=[]) %}{% for a in range(100000) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}",
		"deep value compared":     "{% set ns = namespace(s=[], t=[]) %}{% for a in range(100000) %}{% set ns.s = [ns.s] %}{% set ns.t = [ns.t] %}{% endfor %}{{ ns.s == ns.t }}",
		"value of itself":         "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}",
		"long sum":                "{{ 1" + strings.Repeat(" + 1", 50_000) + " }}",
		"parentheses":             "{{ " + deep + " }}",
		"brackets":                "{{ " + strings.Repeat("[", many) + strings.Repeat("]", many) + " }}",
		"signs":                   "{{ " + strings.Repeat("- ", many) + "1 }}",
		"nots":                    "{{ " + strings.Repeat("not ", many) + "1 }}",
		"conditionals":            "{{ " + strings.Repeat("1 if 1 else ", 50_000) + "1 }}",
		"blocks":                  strings.Repeat("{% if 1 %}", many),
		"targets":                 "{% for " + deep + " in x %}{% endfor %}",
		"long source":             strings.Repeat("x", maxSource+1),
	} {
		if _, err := renderOnce(source, nil, Options{Budget: 16 << 20}); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: error %v, want %v", name, err, ErrLimit)
		}
	}
}

func TestErrorNamesLine(t *testing.T) {
	for source, want := range map[string]string{
		"a\n{{ missing.x }}":           `line 2: "missing" is undefined`,
		"a\n\n{% if 1 + %}{% endif %}": "line 3: unexpected",
		"{% for x in y %}":             "line 1: a block without endfor",
		"\n{{ 'a' }":                   "line 2: unexpected \"}\"",
		"{{ d.x }}{# never ends":       "a comment without its end",
		"{% macro m() %}\n{{ 1 + none }}\n{% endmacro %}{{ m() }}": "line 2: + between int and None",
		"\n{{ raise_exception('roles must alternate') }}":          "line 2: the template refuses this: roles must alternate",
		"{% extends 'base' %}":                                     `block "extends" is not supported`,
		"{% for x in y recursive %}{% endfor %}":                   "a recursive loop is not supported",
		"{{ f(*x) }}":                                              "unpacked arguments are not supported",
		"{% break %}":                                              "outside a loop",
		"{{ 'x' | frobnicate }}":                                   `filter "frobnicate" is not supported`,
		"{{ 9223372036854775807 + 1 }}":                            "does not fit 64 bits",
		"{{ 99999999999999999999 }}":                               "too large",
		"{{ strftime_now('%Q') }}":                                 "date directive %Q is not supported",
	} {
		if _, err := renderOnce(source, nil, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", source, err, want)
		}
	}
}

func TestRaised(t *testing.T) {
	_, err := renderOnce("{{ raise_exception('no') }}", nil, Options{})
	if !errors.Is(err, ErrRaised) {
		t.Errorf("error %v, want %v", err, ErrRaised)
	}
}

// TestDate has what C's strftime gives for the moment.
func TestDate(t *testing.T) {
	now := time.Date(2024, time.July, 6, 9, 5, 3, 42_000, time.UTC)
	for format, want := range map[string]string{
		"%d %b %Y":          "06 Jul 2024",
		"%-d %B %y, %A %a":  "6 July 24, Saturday Sat",
		"%Y-%m-%dT%H:%M:%S": "2024-07-06T09:05:03",
		"%I:%M %p %-I":      "09:05 AM 9",
		"%j %f %% %e|%Z%z":  "188 000042 %  6|",
		"%F %T %R %D %h":    "2024-07-06 09:05:03 09:05 07/06/24 Jul",
		"100%":              "100%",
		"%-H":               "9",
	} {
		got, err := renderOnce("{{ strftime_now('"+format+"') }}", nil, Options{Now: now})
		if err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", format, got, err, want)
		}
	}
}

func TestFromJSON(t *testing.T) {
	v, err := FromJSON([]byte(`{"z": 1, "a": [9007199254740993, 1.0, "x", null, true], "z": 2}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := renderOnce("{{ v }}{{ v | tojson }}", map[string]Value{"v": v}, Options{})
	want := "{'z': 2, 'a': [9007199254740993, 1.0, 'x', None, True]}" + `{"z": 2, "a": [9007199254740993, 1.0, "x", null, true]}`
	if err != nil || got != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	for _, text := range []string{"", "{", "[1 2]", "1 2", "nul", strings.Repeat("[", 5000), "99999999999999999999"} {
		if _, err := FromJSON([]byte(text)); err == nil {
			t.Errorf("%.20q was read", text)
		}
	}
}

// TestRenderTwice checks that a template keeps nothing from a rendering.
func TestRenderTwice(t *testing.T) {
	parsed, err := Parse("{% set a = a + 1 %}{% set ns = namespace(n=0) %}{% set ns.n = ns.n + 1 %}{{ a }}{{ ns.n }}")
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]Value{"a": int64(1)}
	for range 2 {
		if got, err := parsed.Render(variables, Options{}); err != nil || got != "21" {
			t.Errorf("%q, %v, want 21", got, err)
		}
	}
}

// FuzzRender wants an end without a panic, whatever the template.
func FuzzRender(f *testing.F) {
	g, variables := readGolden(f)
	for _, c := range g.Cases {
		f.Add(c.Source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		first, err := renderOnce(source, variables, Options{Budget: 1 << 20})
		again, err2 := renderOnce(source, variables, Options{Budget: 1 << 20})
		if first != again || (err == nil) != (err2 == nil) {
			t.Errorf("two renderings differ: %q, %v and %q, %v", first, err, again, err2)
		}
	})
}
