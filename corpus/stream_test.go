package corpus

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// list is a source of given documents, endless where it has none.
type list struct {
	name string
	docs []string
}

func (l *list) Name() string { return l.name }
func (l *list) Len() int     { return len(l.docs) }

func (l *list) Document(_, i int) string {
	if len(l.docs) == 0 {
		return fmt.Sprintf("%s%d", l.name, i)
	}
	return l.docs[i]
}

// bytewise is one token a byte; 0 ends a text.
func bytewise(text string) []int32 {
	ids := make([]int32, len(text))
	for i := range text {
		ids[i] = int32(text[i])
	}
	return ids
}

func testStream(t *testing.T, seed uint64, maxTokens int) *Stream {
	t.Helper()
	long := &list{name: "long", docs: []string{strings.Repeat("l", 40), strings.Repeat("m", 25), strings.Repeat("n", 31)}}
	short := &list{name: "short", docs: []string{"a", "bb", "ccc", "dddd", ""}}
	m, err := NewMixture([]Weight{{"long", 0.5}, {"short", 0.2}, {"endless", 0.3}}, long, short, &list{name: "endless"})
	if err != nil {
		t.Fatal(err)
	}
	return NewStream(m, StreamConfig{Seed: seed, MaxTokens: maxTokens, Encode: bytewise})
}

func flatten(pieces [][]int32) []int32 { return slices.Concat(pieces...) }

func TestNextGivesExactlyTheTokens(t *testing.T) {
	s := testStream(t, 1, 16)
	for _, tokens := range []int{1, 7, 100, 0, 33, 1000} {
		pieces := s.Next(tokens)
		if n := len(flatten(pieces)); n != tokens {
			t.Errorf("%d tokens, want %d", n, tokens)
		}
		for _, p := range pieces {
			if len(p) < 1 || len(p) > 16 || slices.Contains(p[:len(p)-1], 0) {
				t.Errorf("piece %v is empty, too long, or holds two documents", p)
			}
		}
	}
}

func TestNothingIsLostBetweenBatches(t *testing.T) {
	whole := flatten(testStream(t, 1, 1000).Next(3000))
	s := testStream(t, 1, 16)
	rng := rand.New(rand.NewPCG(1, 2))
	var parts []int32
	for len(parts) < 3000 {
		parts = append(parts, flatten(s.Next(min(1+rng.IntN(90), 3000-len(parts))))...)
	}
	if !slices.Equal(whole, parts) {
		t.Error("batches and pieces of other sizes hold other tokens")
	}
}

func TestEachPassHoldsEveryDocument(t *testing.T) {
	docs := []string{"a", "bb", "ccc", "dddd", "eeeee", "ffffff", "ggggggg"}
	m, err := NewMixture([]Weight{{"s", 1}}, &list{name: "s", docs: docs})
	if err != nil {
		t.Fatal(err)
	}
	s := NewStream(m, StreamConfig{Seed: 4, MaxTokens: 100, Encode: bytewise})
	passes := map[string]bool{}
	for range 8 {
		var got []string
		for _, piece := range s.Next(28 + 7) { // all letters and seven ends
			got = append(got, string(rune(piece[0])))
		}
		passes[strings.Join(got, "")] = true
		if slices.Sort(got); strings.Join(got, "") != "abcdefg" {
			t.Errorf("a pass holds the documents %v", got)
		}
	}
	if len(passes) < 6 {
		t.Errorf("8 passes have only %d orders", len(passes))
	}
	if c := s.State().Cursors[0]; c.Epoch != 8 || c.Index != 0 || c.Tokens != 8*35 {
		t.Errorf("after 8 passes the cursor is %+v", c)
	}
}

// TestSharesHoldWithinADocument checks the bound at every moment: no source is
// ahead of its share by more than its longest document, nor behind by more than the
// others' longest together.
func TestSharesHoldWithinADocument(t *testing.T) {
	s := testStream(t, 2, 1000)
	longest := []float64{41, 5, 12}
	sum := longest[0] + longest[1] + longest[2]
	total := 0
	for range 3000 {
		s.Next(3)
		total += 3
		for i, c := range s.State().Cursors {
			ahead := float64(c.Tokens) - s.mixture.shares[i]*float64(total)
			if ahead > longest[i]+1 || -ahead > sum-longest[i]+1 {
				t.Fatalf("after %d tokens source %s is ahead by %.1f", total, c.Source, ahead)
			}
		}
	}
	for i, c := range s.State().Cursors {
		if share := float64(c.Tokens) / float64(total); math.Abs(share-s.mixture.shares[i]) > 0.01 {
			t.Errorf("source %s has share %.3f, want %.3f", c.Source, share, s.mixture.shares[i])
		}
	}
}

func TestResumeIsBitEqual(t *testing.T) {
	const seed = 11
	t.Log("seed", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 30 {
		s := testStream(t, seed, 16)
		for range rng.IntN(20) {
			s.Next(1 + rng.IntN(60))
		}
		saved, err := json.Marshal(s.State())
		if err != nil {
			t.Fatal(err)
		}
		var state StreamState
		if err := json.Unmarshal(saved, &state); err != nil {
			t.Fatal(err)
		}
		resumed := testStream(t, seed, 16)
		resumed.Next(13)
		if err := resumed.SetState(state); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			tokens := 1 + rng.IntN(100)
			if a, b := s.Next(tokens), resumed.Next(tokens); !reflect.DeepEqual(a, b) {
				t.Fatalf("after %s the streams differ: %v and %v", saved, a, b)
			}
		}
	}
}

func TestStreamDependsOnlyOnItsSeed(t *testing.T) {
	a, b, c := testStream(t, 5, 16), testStream(t, 5, 16), testStream(t, 6, 16)
	same := a.Next(500)
	if !reflect.DeepEqual(same, b.Next(500)) {
		t.Error("one seed gives two streams")
	}
	if reflect.DeepEqual(same, c.Next(500)) {
		t.Error("two seeds give one stream")
	}
}

func TestSetStateRefusesWhatDoesNotFit(t *testing.T) {
	s := testStream(t, 1, 16)
	s.Next(50)
	for name, spoil := range map[string]func(*StreamState){
		"fewer sources":     func(x *StreamState) { x.Cursors = x.Cursors[:2] },
		"another source":    func(x *StreamState) { x.Cursors[1].Source = "other" },
		"missing document":  func(x *StreamState) { x.Cursors[0].Index = 3 },
		"negative epoch":    func(x *StreamState) { x.Cursors[0].Epoch = -1 },
		"unknown running":   func(x *StreamState) { x.Running = 3 },
		"changed document":  func(x *StreamState) { x.Running, x.Offset = 1, 99 },
		"negative document": func(x *StreamState) { x.Running, x.Offset = 1, -1 },
	} {
		state := s.State()
		spoil(&state)
		before := s.State()
		if err := s.SetState(state); err == nil {
			t.Errorf("%s: taken", name)
		}
		if !reflect.DeepEqual(before, s.State()) {
			t.Errorf("%s: refused but the stream has moved", name)
		}
	}
}

func TestPresetOverRealSources(t *testing.T) {
	weights, err := Preset("hybrid")
	if err != nil {
		t.Fatal(err)
	}
	var sources []Source
	for _, w := range weights {
		s := bundledSources()[w.Source]
		if s == nil {
			if s, err = OpenSource(w.Source, Generator{Seed: 1, BoxedShare: 0.5}, []int{1, 2, 3}); err != nil {
				t.Fatal(err)
			}
		}
		sources = append(sources, s)
	}
	m, err := NewMixture(weights, sources...)
	if err != nil {
		t.Fatal(err)
	}
	s := NewStream(m, StreamConfig{Seed: 1, MaxTokens: 512, Encode: bytewise})
	const total = 400_000
	s.Next(total)
	for i, c := range s.State().Cursors {
		if want := weights[i].Share * total; math.Abs(float64(c.Tokens)-want) > 4*passageBytes {
			t.Errorf("%s gave %d of %d tokens, want about %.0f", c.Source, c.Tokens, total, want)
		}
	}
}
