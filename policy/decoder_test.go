package policy

import (
	"slices"
	"strings"
	"testing"

	"github.com/octorl/octorl/kernels"
)

// groupDecoder decodes the completions of one prompt, as the rollout engine
// does: the prompt's pages are shared, each row has pages of its own.
type groupDecoder struct {
	*Decoder
	prompt int // tokens
	pages  int // shared by all rows
}

var decoderLimits = DecoderLimits{Rows: 4, PromptTokens: 40, Pages: 80, PageTokens: 4, PagesPerRow: 20}

func newGroupDecoder(t *testing.T, p *Policy, prompt []int32) *groupDecoder {
	t.Helper()
	d, err := p.NewDecoder(decoderLimits)
	if err != nil {
		t.Fatal(err)
	}
	g := &groupDecoder{d, len(prompt), (len(prompt) + d.limits.PageTokens - 1) / d.limits.PageTokens}
	b := PackGroups([]PromptCompletions{{Prompt: prompt}})
	slots := make([]int32, len(prompt))
	for i := range slots {
		slots[i] = g.slot(g.sharedPage(i/d.limits.PageTokens), i)
	}
	if err := d.Prefill(b.IDs, b.Positions, b.Segments, slots); err != nil {
		t.Fatal(err)
	}
	return g
}

// sharedPage counts pages of the prompt down from the end of the cache, so that
// a page's number says nothing of its place.
func (g *groupDecoder) sharedPage(i int) int { return g.limits.Pages - 1 - i }

// ownPage interleaves the pages of the rows.
func (g *groupDecoder) ownPage(row, i int) int { return i*g.limits.Rows + row }

func (g *groupDecoder) slot(page, offset int) int32 {
	return int32(page*g.limits.PageTokens + offset%g.limits.PageTokens)
}

// step decodes one more token of each of rows; done[i] tokens of the completion
// of rows[i] came before ids[i].
func (g *groupDecoder) step(t *testing.T, rows []int, ids []int32, done []int) {
	t.Helper()
	var positions, slots, table []int32
	for i, row := range rows {
		positions = append(positions, int32(g.prompt+done[i]))
		slots = append(slots, g.slot(g.ownPage(row, done[i]/g.limits.PageTokens), done[i]))
		entry := make([]int32, kernels.CacheTable+g.limits.PagesPerRow)
		entry[0], entry[1] = int32(g.prompt), int32(g.prompt+done[i]+1)
		for j := range g.pages {
			entry[kernels.CacheTable+j] = int32(g.sharedPage(j))
		}
		for j := range done[i]/g.limits.PageTokens + 1 {
			entry[kernels.CacheTable+g.pages+j] = int32(g.ownPage(row, j))
		}
		table = append(table, entry...)
	}
	if err := g.Step(ids, positions, slots, table); err != nil {
		t.Fatal(err)
	}
}

// decoded is one completion with what Sample said of its tokens.
type decoded struct {
	ids               []int32
	logprobs, entropy []float32
}

// decode draws completions of the given lengths.
func (g *groupDecoder) decode(t *testing.T, temperature float32, lengths []int) []decoded {
	t.Helper()
	out := make([]decoded, len(lengths))
	for {
		var rows, done []int
		var ids, hidden, keys, positions []int32
		for i := range out {
			n := len(out[i].ids)
			if n == lengths[i] {
				continue
			}
			hidden = append(hidden, int32(len(rows)))
			keys = append(keys, 17, int32(i))
			positions = append(positions, int32(g.prompt+n))
			rows = append(rows, i)
			if n > 0 {
				done, ids = append(done, n-1), append(ids, out[i].ids[n-1])
			}
		}
		if len(rows) == 0 {
			return out
		}
		if len(ids) > 0 {
			g.step(t, rows, ids, done)
		} else {
			for i := range hidden {
				hidden[i] = int32(g.prompt - 1)
			}
		}
		g.draw(t, out, rows, Draw{Rows: hidden, Keys: keys, Positions: positions, Seed: 5,
			Temperatures: slices.Repeat([]float32{temperature}, len(rows))})
	}
}

func (g *groupDecoder) draw(t *testing.T, out []decoded, rows []int, s Draw) {
	t.Helper()
	ids, logprobs, entropy := make([]int32, len(rows)), make([]float32, len(rows)), make([]float32, len(rows))
	if err := g.Sample(s, ids, logprobs, entropy); err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		o := &out[row]
		o.ids, o.logprobs, o.entropy = append(o.ids, ids[i]), append(o.logprobs, logprobs[i]), append(o.entropy, entropy[i])
	}
}

func TestBehaviorLogprobEqualsRecomputed(t *testing.T) {
	for _, cfg := range tinyConfigs() {
		p := newPolicy(t, cfg, 21)
		ps := newPass(t, p, testLimits)
		for _, prompt := range []int{1, 7, 8, 13} {
			for _, temperature := range []float32{1, 0.7} {
				group := PromptCompletions{Prompt: tokens(uint64(prompt), prompt, cfg.Vocab)}
				d := newGroupDecoder(t, p, group.Prompt)
				var logprobs, entropy []float32
				for _, c := range d.decode(t, temperature, []int{9, 1, 14, 5}) {
					group.Completions = append(group.Completions, c.ids)
					logprobs, entropy = append(logprobs, c.logprobs...), append(entropy, c.entropy...)
				}
				d.Free()
				ps.Forward(PackGroups([]PromptCompletions{group}), temperature)
				if l, e := mustRead(t, ps); !slices.Equal(l, logprobs) || !slices.Equal(e, entropy) {
					t.Errorf("%s, prompt of %d, temperature %g: behavior %v %v\nrecomputed %v %v", cfg.Architecture, prompt, temperature, logprobs, entropy, l, e)
				}
			}
		}
	}
}

func TestCompletionDependsOnItsKeysOnly(t *testing.T) {
	p := newPolicy(t, tinyConfig(Llama), 22)
	prompt := tokens(1, 6, p.cfg.Vocab)
	all := newGroupDecoder(t, p, prompt).decode(t, 1, []int{8, 8, 8, 8})
	few := newGroupDecoder(t, p, prompt).decode(t, 1, []int{0, 8, 0, 3})
	if !slices.Equal(all[1].ids, few[1].ids) || !slices.Equal(all[1].logprobs, few[1].logprobs) || !slices.Equal(all[3].ids[:3], few[3].ids) {
		t.Errorf("with siblings %v\nwithout %v", all, few)
	}
	if slices.Equal(all[0].ids, all[1].ids) && slices.Equal(all[1].ids, all[2].ids) {
		t.Errorf("siblings drew the same: %v", all)
	}
}

func TestGreedyTakesTheLikeliest(t *testing.T) {
	p := newPolicy(t, tinyConfig(Qwen2), 23)
	prompt := tokens(2, 5, p.cfg.Vocab)
	got := newGroupDecoder(t, p, prompt).decode(t, 0, []int{6})[0]
	ps := newPass(t, p, testLimits)
	for i, id := range got.ids {
		prefix := slices.Concat(prompt, got.ids[:i])
		group := PromptCompletions{Prompt: prefix}
		for other := range p.cfg.Vocab {
			group.Completions = append(group.Completions, []int32{int32(other)})
		}
		ps.Forward(PackGroups([]PromptCompletions{group}), 1)
		logprob, _ := mustRead(t, ps)
		if best := slices.Max(logprob); logprob[id] != best || got.logprobs[i] != best {
			t.Errorf("token %d: drew %d of logprob %g, said %g; the best is %g", i, id, logprob[id], got.logprobs[i], best)
		}
	}
}

func TestDecoderRefusesBeyondLimits(t *testing.T) {
	p := newPolicy(t, tinyConfig(Llama), 24)
	d, err := p.NewDecoder(decoderLimits)
	if err != nil {
		t.Fatal(err)
	}
	long := make([]int32, 41)
	if err := d.Prefill(long, long, nil, long); err == nil || !strings.Contains(err.Error(), "takes 40") {
		t.Errorf("prefill: %v", err)
	}
	if err := d.Step(long, long, long, nil); err == nil || !strings.Contains(err.Error(), "takes 4") {
		t.Errorf("step: %v", err)
	}
}
