package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
)

// scores returns the replies to lines of input.
func scores(t *testing.T, m *model, lines ...string) []scoreReply {
	t.Helper()
	var out bytes.Buffer
	if err := score(m, strings.NewReader(strings.Join(lines, "\n")), &out); err != nil {
		t.Fatal(err)
	}
	return replies(t, out.Bytes())
}

func replies(t *testing.T, b []byte) []scoreReply {
	t.Helper()
	var all []scoreReply
	for d := json.NewDecoder(bytes.NewReader(b)); d.More(); {
		var r scoreReply
		if err := d.Decode(&r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// TestScoreIsTheSameInAnyBatch scores more than one batch together, and each line
// alone.
func TestScoreIsTheSameInAnyBatch(t *testing.T) {
	m := openTestModel(t)
	var lines []string
	for i := range 120 {
		ids := make([]int32, 1+i*7%96)
		for j := range ids {
			ids[j] = int32((i*31 + j*j*17) % 280)
		}
		b, _ := json.Marshal(ids)
		lines = append(lines, fmt.Sprintf(`{"ids":%s}`, b))
	}
	together := scores(t, m, lines...)
	if len(together) != len(lines) {
		t.Fatalf("%d replies to %d lines", len(together), len(lines))
	}
	for i := 0; i < len(lines); i += 11 {
		if alone := scores(t, m, lines[i]); !reflect.DeepEqual(alone[0], together[i]) {
			t.Errorf("line %d alone %+v\ntogether %+v", i, alone[0], together[i])
		}
	}
}

func TestScoreSumsToOne(t *testing.T) {
	m := openTestModel(t)
	var lines []string
	for id := range 280 {
		lines = append(lines, fmt.Sprintf(`{"ids":[5,9,%d]}`, id))
	}
	sum, entropy := 0.0, 0.0
	all := scores(t, m, lines...)
	for _, r := range all {
		l := float64(r.LogProbs[1])
		sum, entropy = sum+math.Exp(l), entropy-l*math.Exp(l)
		if want := -(float64(r.LogProbs[0]) + l) / 2; math.Abs(*r.Loss-want) > 1e-12 {
			t.Errorf("loss %v of logprobs %v", *r.Loss, r.LogProbs)
		}
	}
	if math.Abs(sum-1) > 1e-5 || math.Abs(float64(all[0].Entropy[1])-entropy) > 1e-4 {
		t.Errorf("probabilities sum to %g, entropy %g, written %g", sum, entropy, all[0].Entropy[1])
	}
}

func TestScoreText(t *testing.T) {
	m := openTestModel(t)
	tokens, err := m.tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	ids, _ := json.Marshal(tokens.EncodeSpecial("two and" + endToken))
	got := scores(t, m, `{"text":"two and<|end|>"}`, `{"ids":`+string(ids)+`}`, "", `{"text":""}`, `{"ids":[7]}`)
	if !reflect.DeepEqual(got[0], got[1]) || len(got) != 4 {
		t.Errorf("text %+v\nids %+v", got[0], got[1])
	}
	for _, r := range got[2:] {
		if r.Loss != nil || r.LogProbs == nil || len(r.LogProbs)+len(r.Entropy) != 0 {
			t.Errorf("of less than two tokens: %+v", r)
		}
	}
}

func TestScoreNamesTheLine(t *testing.T) {
	m := openTestModel(t)
	long, _ := json.Marshal(make([]int32, 97))
	for line, want := range map[string]string{
		`{"ids":[1,280]}`:              "id 280 at place 1: the policy's are 0 … 279",
		`{"ids":[-1]}`:                 "id -1",
		`{"ids":[1.5]}`:                "1.5",
		`{}`:                           `either "ids" or "text"`,
		`{"ids":[1],"text":"a"}`:       `either "ids" or "text"`,
		`[1,2]`:                        "one JSON object",
		`{"ids":[1]} {"ids":[1]}`:      "one JSON object",
		`{"ids":` + string(long) + `}`: "97 tokens: the policy takes at most 96",
	} {
		var out bytes.Buffer
		err := score(m, strings.NewReader("{\"ids\":[1,2]}\n\n"+line), &out)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "line 3") {
			t.Errorf("%s: %v, expected line 3 and %q", line, err, want)
		}
		if n := len(replies(t, out.Bytes())); n != 1 {
			t.Errorf("%s: %d replies to the lines before", line, n)
		}
	}
}

// TestBrokenWeights wants the reason, not NaN or a fault of JSON, from every verb.
func TestBrokenWeights(t *testing.T) {
	m := openTestModel(t)
	weights, err := m.policy.ReadWeights()
	if err != nil {
		t.Fatal(err)
	}
	for i := range weights {
		weights[i] = float32(math.NaN())
	}
	m.policy.SetWeights(weights)
	var out bytes.Buffer
	v := generateVerb{Prompt: at("two"), N: 1}
	for name, run := range map[string]func() error{
		"score":  func() error { return score(m, strings.NewReader(`{"ids":[1,2,3]}`), &out) },
		"stream": func() error { return v.generate(context.Background(), m, sampling{maxTokens: 3}, nil, &out) },
		"lines": func() error {
			w := generateVerb{N: 1, JSONL: true}
			return w.generate(context.Background(), m, sampling{maxTokens: 3}, strings.NewReader(`{"prompt":"two"}`), &out)
		},
	} {
		if err := run(); err == nil || !strings.Contains(err.Error(), "weights that are not finite") {
			t.Errorf("%s: %v, wrote %q", name, err, out.String())
		}
	}
}
