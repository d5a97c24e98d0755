package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/policy/chat"
	"github.com/octorl/octorl/rollout/trajectory"
)

// completion is a line that generate writes.
type completion struct {
	Prompt, Index int
	Text          string
	IDs           []int32
	LogProbs      []float32
	Finish        trajectory.FinishReason
}

// generated runs the verb and returns what it writes.
func generated(t *testing.T, m *model, v generateVerb, in string) string {
	t.Helper()
	s, err := v.sampling(m)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := v.generate(context.Background(), m, s, strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func completions(t *testing.T, m *model, v generateVerb, in string) []completion {
	t.Helper()
	v.JSONL = true
	var all []completion
	for d := json.NewDecoder(strings.NewReader(generated(t, m, v, in))); d.More(); {
		var c completion
		if err := d.Decode(&c); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

func at[T any](v T) *T { return &v }

// pieces returns the text that each id of a completion shows.
func pieces(t *testing.T, m *model, ids []int32) []string {
	t.Helper()
	tokens, err := m.tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	s := tokens.Stream(true)
	var all []string
	for _, id := range ids {
		all = append(all, valid(s.Push(id)))
	}
	return append(all, valid(s.Flush()))
}

func TestStreamDrawsWhatTheEngineDraws(t *testing.T) {
	m := openTestModel(t)
	v := generateVerb{Prompt: at("two and"), N: 1, MaxTokens: at(60), Temperature: at[float32](0)}
	whole := completions(t, m, v, "")[0]
	text := strings.Join(pieces(t, m, whole.IDs), "")
	if got := generated(t, m, v, ""); got != text+"\n" {
		t.Errorf("streamed %q\nexpected %q", got, text)
	}
	v.Temperature, v.Seed = at[float32](1), 1
	first, again := generated(t, m, v, ""), generated(t, m, v, "")
	if v.Seed = 2; first != again || first == generated(t, m, v, "") {
		t.Errorf("seed 1 gives %q and %q, seed 2 the same: %t", first, again, first == generated(t, m, v, ""))
	}
	if !utf8.ValidString(first) {
		t.Errorf("%q is not UTF-8", first)
	}
}

// TestIndexZeroIsTheStreamedCompletion draws at temperature 1: a completion is a
// function of seed, prompt and index, with stops across tokens or without.
func TestIndexZeroIsTheStreamedCompletion(t *testing.T) {
	m := openTestModel(t)
	for seed := range uint64(12) {
		v := generateVerb{Prompt: at("two and"), N: 1, MaxTokens: at(40), Temperature: at[float32](1), Seed: seed}
		text := strings.TrimSuffix(generated(t, m, v, ""), "\n")
		if n := len(text); seed%2 == 1 && n > 6 { // a stop that the completion has
			v.Stop = []string{strings.Trim(valid(text[n/2:n/2+3]), "\ufffd"), "never drawn"}
			text = strings.TrimSuffix(generated(t, m, v, ""), "\n")
		}
		alone := completions(t, m, v, "")[0]
		v.N = 3
		all := completions(t, m, v, "")
		if alone.Text != text || !reflect.DeepEqual(all[0], alone) {
			t.Errorf("seed %d: streamed %q\nalone %+v\nof three %+v", seed, text, alone, all[0])
		}
		v.Prompt = nil
		lines := completions(t, m, v, "{\"prompt\":\"one\"}\n{\"prompt\":\"two and\"}\n{\"prompt\":\"two and\"}\n")
		for i, c := range all {
			c.Prompt = 1
			again := c
			again.Prompt = 2
			if !reflect.DeepEqual(lines[3+i], c) || !reflect.DeepEqual(lines[6+i], again) {
				t.Errorf("seed %d: index %d among other prompts: %+v and %+v, want %+v", seed, i, lines[3+i], lines[6+i], c)
			}
		}
	}
}

// writeTemplate gives a model a chat template.
func writeTemplate(t *testing.T, m *model, template string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, chat.TemplateFile), []byte(template), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestGenerateChat(t *testing.T) {
	m := openTestModel(t)
	writeTemplate(t, m, "{% for m in messages %}{{ m.role[0] }} {{ m.content }}"+endToken+"{% endfor %}{{ tools | length if tools }}{{ more }}a ")
	v := generateVerb{N: 1, MaxTokens: at(12), Temperature: at[float32](1)}
	plain := func(text string) completion {
		b, err := json.Marshal(map[string]string{"prompt": text})
		if err != nil {
			t.Fatal(err)
		}
		return completions(t, m, v, string(b))[0]
	}
	for _, c := range []struct {
		name, line, text string
		flags            chatFlags
	}{
		{"messages", `{"messages":[{"role":"user","content":"two"},{"role":"assistant","content":"one"}]}`, "u two" + endToken + "a one" + endToken + "a ", chatFlags{}},
		{"tools", `{"messages":[{"role":"user","content":"two"}],"tools":[{},{}]}`, "u two" + endToken + "2a ", chatFlags{}},
		{"prompt", `{"prompt":"two"}`, "u two" + endToken + "a ", chatFlags{Chat: true}},
		{"system", `{"prompt":"two"}`, "s one" + endToken + "u two" + endToken + "a ", chatFlags{System: "one"}},
		{"variables", `{"prompt":"two"}`, "u two" + endToken + "five a ", chatFlags{Chat: true, Variables: `{"more":"five "}`}},
	} {
		with := v
		with.chatFlags = c.flags
		if got, want := completions(t, m, with, c.line)[0], plain(c.text); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want what follows %q: %+v", c.name, got, c.text, want)
		}
	}
	for _, c := range []struct {
		line, want string
		flags      chatFlags
	}{
		{`{"messages":[{"role":"user"}],"ids":[1]}`, `give one of`, chatFlags{}},
		{`{"messages":[]}`, "give a JSON list of objects", chatFlags{}},
		{`{"messages":[{"role":"user"}]}`, "--system goes with a prompt", chatFlags{System: "x"}},
		{`{"prompt":"a","tools":[]}`, `"tools" go with "messages"`, chatFlags{}},
		{`{"prompt":"a"}`, "variables of the chat template", chatFlags{Chat: true, Variables: "{"}},
	} {
		with := v
		with.JSONL, with.chatFlags = true, c.flags
		err := with.generate(context.Background(), m, sampling{maxTokens: 4}, strings.NewReader(c.line), new(bytes.Buffer))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.line, err, c.want)
		}
	}
}

func TestGenerateChatNeedsATemplate(t *testing.T) {
	m := openTestModel(t)
	v := generateVerb{Prompt: at("two"), N: 1, chatFlags: chatFlags{Chat: true}}
	err := v.generate(context.Background(), m, sampling{maxTokens: 4}, nil, new(bytes.Buffer))
	if !errors.Is(err, chat.ErrNone) || !strings.Contains(err.Error(), "without --chat") {
		t.Errorf("%v, want %v and a remedy", err, chat.ErrNone)
	}
}

func TestGenerateFollowsTheCheckpoint(t *testing.T) {
	m := openTestModel(t)
	text := `{"do_sample":true,"temperature":0.5,"max_new_tokens":7,"stop_strings":["x"],"eos_token_id":[3,4],"top_p":0.9}`
	if err := os.WriteFile(filepath.Join(m.dir, policy.GenerationFile), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := (&generateVerb{N: 1, Stop: []string{"y"}, Seed: 3}).sampling(m)
	want := sampling{temperature: 0.5, maxTokens: 7, seed: 3, ends: []int32{3, 4}, stops: []string{"y", "x"}, ignored: []string{"top_p 0.9"}}
	if err != nil || !reflect.DeepEqual(s, want) {
		t.Errorf("%+v, %v, want %+v", s, err, want)
	}
	s, err = (&generateVerb{N: 1, MaxTokens: at(9), Temperature: at[float32](0)}).sampling(m)
	if err != nil || s.maxTokens != 9 || s.temperature != 0 {
		t.Errorf("%+v, %v, want what the flags say", s, err)
	}
}

// TestStreamStops cuts a completion at a string that two tokens make together.
func TestStreamStops(t *testing.T) {
	m := openTestModel(t)
	v := generateVerb{Prompt: at("one"), N: 1, MaxTokens: at(60), Temperature: at[float32](0)}
	parts := pieces(t, m, completions(t, m, v, "")[0].IDs)
	tested := 0
	for i := 3; i+1 < len(parts); i++ {
		if parts[i] == "" || parts[i+1] == "" || strings.Contains(parts[i]+parts[i+1], "\ufffd") {
			continue
		}
		_, last := utf8.DecodeLastRuneInString(parts[i])
		_, first := utf8.DecodeRuneInString(parts[i+1])
		stop := parts[i][len(parts[i])-last:] + parts[i+1][:first]
		text := strings.Join(parts, "")
		v.Stop = []string{"", "never drawn", stop}
		if got, want := generated(t, m, v, ""), text[:strings.Index(text, stop)]+"\n"; got != want {
			t.Errorf("stop %q: %q, expected %q", stop, got, want)
		}
		tested++
	}
	if tested == 0 {
		t.Errorf("no two tokens with text in %q", parts)
	}
}

func TestStopFilter(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	draw := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "ab"[rng.IntN(2)]
		}
		return string(b)
	}
	for range 300 {
		f := stopFilter{stops: []string{draw(1 + rng.IntN(5)), draw(4)}}
		seen, got, end, stopped := "", "", -1, false
		for range rng.IntN(12) {
			chunk := draw(rng.IntN(4))
			seen += chunk
			var shown string
			shown, stopped = f.push(chunk)
			got += shown
			if !stopped && (got+f.held != seen || len(f.held) >= 5) { // a stop string has at most 5 bytes
				t.Fatalf("%q with stops %q: shown %q, held %q", seen, f.stops, got, f.held)
			}
			for _, stop := range f.stops {
				if i := strings.Index(seen, stop); i >= 0 && (end < 0 || i < end) {
					end = i
				}
			}
			if stopped || end >= 0 {
				break
			}
		}
		if stopped != (end >= 0) || (stopped && got != seen[:end]) {
			t.Fatalf("%q with stops %q: shown %q, stopped %t; a stop begins at %d", seen, f.stops, got, stopped, end)
		}
	}
}

func TestGenerateLines(t *testing.T) {
	m := openTestModel(t)
	v := generateVerb{N: 3, MaxTokens: at(20), Temperature: at[float32](1), Seed: 5}
	in := "{\"prompt\":\"two\"}\n{\"ids\":[5,6,7]}\n{\"prompt\":\"one and\"}\n"
	all := completions(t, m, v, in)
	if len(all) != 9 {
		t.Fatalf("%d completions, expected 9", len(all))
	}
	for i, c := range all {
		if c.Prompt != i/3 || c.Index != i%3 || len(c.IDs) != len(c.LogProbs) || len(c.IDs) == 0 {
			t.Errorf("completion %d: %+v", i, c)
		}
		if (c.Finish == trajectory.FinishLength) != (len(c.IDs) == 20 && c.IDs[19] != 279) {
			t.Errorf("completion %d of %d tokens finished by %s", i, len(c.IDs), c.Finish)
		}
	}
	if reflect.DeepEqual(all[0].IDs, all[1].IDs) {
		t.Errorf("two completions of a prompt are equal: %v", all[0].IDs)
	}
	v.N = 1
	if alone := completions(t, m, v, in); !reflect.DeepEqual(alone[2], all[6]) {
		t.Errorf("alone %+v\nwith siblings %+v", alone[2], all[6])
	}
	v.Prompt, v.N, v.JSONL = at("two"), 2, false
	if text := generated(t, m, v, ""); !strings.Contains(text, "--- 0 (") || !strings.Contains(text, "--- 1 (") {
		t.Errorf("two completions as text: %q", text)
	}
}

func TestGenerateFillsThePositions(t *testing.T) {
	m := openTestModel(t)
	prompt := strings.Repeat("5,", 93) + "5" // of 96
	v := generateVerb{N: 1, MaxTokens: at(50), Temperature: at[float32](0)}
	if all := completions(t, m, v, `{"ids":[`+prompt+`]}`); len(all[0].IDs) > 2 {
		t.Errorf("%d tokens after 94 of 96", len(all[0].IDs))
	}
}

func TestGenerateRefuses(t *testing.T) {
	m := openTestModel(t)
	for want, v := range map[string]generateVerb{
		"--n 0":            {N: 0, MaxTokens: at(1)},
		"--max-tokens 0":   {N: 1, MaxTokens: at(0)},
		"--temperature -1": {N: 1, MaxTokens: at(1), Temperature: at[float32](-1)},
		"would give equal": {N: 2, MaxTokens: at(1)},
	} {
		if _, err := v.sampling(m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, expected %q", v, err, want)
		}
	}
	if err := os.WriteFile(filepath.Join(m.dir, policy.GenerationFile), []byte(`{"eos_token_id":999}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := (&generateVerb{N: 1, MaxTokens: at(1)}).sampling(m); err == nil || !strings.Contains(err.Error(), "eos_token_id 999") {
		t.Errorf("%v, expected eos_token_id 999", err)
	}
	for line, want := range map[string]string{
		`{"text":"a"}`:  `give one of "prompt", "ids" and "messages"`,
		`{"ids":[]}`:    "no tokens",
		`{"ids":[280]}`: "id 280",
		`{"ids":[` + strings.Repeat("1,", 95) + `1]}`:   "shorten it",
		`{"prompt":"` + strings.Repeat("x", 200) + `"}`: "shorten it",
	} {
		v := generateVerb{N: 1, MaxTokens: at(4), JSONL: true}
		err := v.generate(context.Background(), m, sampling{maxTokens: 4}, strings.NewReader("\n"+line), new(bytes.Buffer))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: %v, expected line 2 and %q", line, err, want)
		}
	}
}

func TestGenerateStopsOnInterrupt(t *testing.T) {
	m := openTestModel(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	v := generateVerb{Prompt: at("two"), N: 1, MaxTokens: at(60)}
	var out bytes.Buffer
	if err := v.generate(ctx, m, sampling{maxTokens: 60}, nil, &out); err != nil || out.String() != "\n" {
		t.Errorf("streamed %q, %v", out.String(), err)
	}
	v.N = 2
	if err := v.generate(ctx, m, sampling{maxTokens: 60, temperature: 1}, nil, &out); !errors.Is(err, context.Canceled) {
		t.Errorf("batch: %v", err)
	}
}
