package corpus

import (
	"strings"
	"sync"
	"testing"
)

func TestMentionsHeldOut(t *testing.T) {
	g := Generator{Seed: testSeed}
	latex := strings.NewReplacer("*", `\cdot`, "-", "−", "(", `\left(`, ")", `\right)`)
	for level := 1; level <= Levels; level++ {
		problems, err := g.HeldOut(level, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			if p.listed {
				continue
			}
			for _, text := range []string{
				p.Question, "(See " + p.topic + ")", "$" + latex.Replace(p.topic) + "$", strings.ReplaceAll(p.topic, "+", " + "),
				strings.ReplaceAll(p.topic, "x", "y"), "We add 1 + ((" + p.topic + ") and go on.",
			} {
				if !MentionsHeldOut(text) {
					t.Errorf("%s, key %s, went unseen in %q", p.ID, p.Key, text)
				}
			}
		}
	}
	for i := range 4000 {
		text := g.Document(Styles[i%len(Styles)], 1+i/len(Styles)%Levels, i)
		if MentionsHeldOut(text) {
			t.Errorf("a training document is said to mention something held out:\n%s", text)
		}
	}
}

// bundledSources opens the bundled training text once for all tests; an error
// leaves a nil source.
var bundledSources = sync.OnceValue(func() map[string]Source {
	sources := map[string]Source{}
	for _, name := range Bundled {
		if name != GSM8KTest {
			sources[name], _ = OpenSource(name, Generator{BoxedShare: 0.5}, nil)
		}
	}
	return sources
})

// TestBundledSourcesHoldNothingHeldOut reads the bundled training text with the
// tests' own reader.
func TestBundledSourcesHoldNothingHeldOut(t *testing.T) {
	for name, s := range bundledSources() {
		for i := range s.Len() {
			text := strings.ReplaceAll(s.Document(0, i), `\cdot`, "*")
			for _, e := range expressions(text) {
				e.expr().walk(func(node *expr) {
					if node.ok && HeldOut(node.key()) {
						t.Errorf("%s document %d holds the held-out %s", name, i, node)
					}
				})
			}
			for _, at := range linear.FindAllStringIndex(text, -1) {
				if at[0] > 0 && strings.ContainsRune("+-*/=", rune(text[at[0]-1])) {
					continue // the end of a longer equation, such as x^2+5x+6=0
				}
				if equation := text[at[0]:at[1]]; HeldOut(equationKey(equation)) {
					t.Errorf("%s document %d holds the held-out %s", name, i, equation)
				}
			}
		}
	}
}

func FuzzMentionsHeldOut(f *testing.F) {
	p, err := Generator{}.HeldOut(3, 1)
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{"", "((((1 + 2", "3 mod", "x + = 4x", "1+1+1+1+1+1+1+1+1+1", "99999999999999999999 * 8", "5 / 0", "7 mod 0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !MentionsHeldOut(text + "\n; " + p[0].topic + ".") {
			t.Errorf("%s went unseen behind %q", p[0].topic, text)
		}
	})
}
