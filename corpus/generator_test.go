package corpus

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const testSeed = 20250620

// storyAnswers are the meanings of the kinds of stories, written out by hand.
var storyAnswers = map[string]func(a, b, c, d, e int) int{
	"gain gain":          func(a, b, c, d, e int) int { return a + b + c },
	"gain lose":          func(a, b, c, d, e int) int { return a + b - c },
	"groups plus":        func(a, b, c, d, e int) int { return a*b + c },
	"groups minus":       func(a, b, c, d, e int) int { return a*b - c },
	"share":              func(a, b, c, d, e int) int { return (a + b) / c },
	"times total":        func(a, b, c, d, e int) int { return a + a*b },
	"more total":         func(a, b, c, d, e int) int { return 2*a + b },
	"change":             func(a, b, c, d, e int) int { return c - a*b },
	"two groups":         func(a, b, c, d, e int) int { return a*b + c*d },
	"two groups apart":   func(a, b, c, d, e int) int { return a*b - c*d },
	"groups minus share": func(a, b, c, d, e int) int { return (a*b - c) / d },
	"groups plus minus":  func(a, b, c, d, e int) int { return a*b + c - d },
	"times total minus":  func(a, b, c, d, e int) int { return a + a*b - c },
	"more total share":   func(a, b, c, d, e int) int { return (2*a + b) / c },
	"earn spend":         func(a, b, c, d, e int) int { return a*b - c*d },
	"two groups minus":   func(a, b, c, d, e int) int { return a*b + c*d - e },
	"two groups share":   func(a, b, c, d, e int) int { return (a*b + c*d) / e },
	"minus share plus":   func(a, b, c, d, e int) int { return (a*b-c)/d + e },
	"times plus minus":   func(a, b, c, d, e int) int { return a + a*b + c - d },
}

// storyAnswer works the answer out from a story's key.
func storyAnswer(t *testing.T, key string) int {
	t.Helper()
	name, list, ok := strings.Cut(strings.TrimPrefix(key, "story "), " [")
	if !ok || storyAnswers[name] == nil {
		t.Fatalf("no meaning for %q", key)
	}
	var v [5]int
	for i, word := range strings.Fields(strings.TrimSuffix(list, "]")) {
		v[i], _ = strconv.Atoi(word)
	}
	return storyAnswers[name](v[0], v[1], v[2], v[3], v[4])
}

func checkAnswer(t *testing.T, p Problem) {
	t.Helper()
	answer, err := strconv.Atoi(p.Answer)
	if err != nil || answer < 0 || answer > maxValue {
		t.Fatalf("%s: answer %q of %q is no number in 0 to 99", p.ID, p.Answer, p.Question)
	}
	switch {
	case strings.HasPrefix(p.Key, "story "):
		if want := storyAnswer(t, p.Key); answer != want {
			t.Errorf("%s: %q: answer %d, want %d", p.ID, p.Question, answer, want)
		}
	case strings.HasPrefix(p.Key, "equation "):
		if equation := linear.FindString(p.Question); !satisfies(equation, answer) {
			t.Errorf("%s: x = %d does not solve %q", p.ID, answer, equation)
		}
	default:
		found := expressions(p.Question)
		if len(found) != 1 || found[0].value != answer {
			t.Errorf("%s: %q: answer %d is wrong", p.ID, p.Question, answer)
		}
	}
}

func TestAnswersAndStepsAreRight(t *testing.T) {
	t.Log("seed", testSeed)
	g := Generator{Seed: testSeed}
	for level := 1; level <= Levels; level++ {
		problems, err := g.HeldOut(level, 100)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 400 {
			problems = append(problems, g.Problem("test", level, i))
		}
		for _, p := range problems {
			checkAnswer(t, p)
			if last := p.Steps[len(p.Steps)-1]; strconv.Itoa(last.Value) != p.Answer {
				t.Errorf("%s: last step %s does not end in the answer %s", p.ID, last, p.Answer)
			}
			for _, s := range p.Steps {
				found := claims(s.String())
				if len(found) != 1 || !found[0].right || !strings.Contains(s.Sentence, s.String()) {
					t.Errorf("%s: step %q (%q) is wrong", p.ID, s, s.Sentence)
				}
			}
		}
	}
}

func TestEveryStepIsOneLookUp(t *testing.T) {
	g := Generator{Seed: testSeed}
	for level := 1; level <= Levels; level++ {
		for i := range 300 {
			var before Step
			for _, s := range g.Problem("test", level, i).Steps {
				carries := s.Op == '+' && s.Left%10+s.Right%10 > 9 || s.Op == '-' && s.Left%10 < s.Right%10
				large := s.Left > 18 || s.Right > 9 || s.Op == '+' && s.Left > 9
				if carries && large && (before.Op != s.Op || before.Left%10 != s.Left%10 || before.Right != s.Right%10) {
					t.Fatalf("level %d: %s carries without the table fact before it (%s)", level, s, before)
				}
				if (s.Op == '*' && (s.Left > 9 || s.Right > 9)) || s.Value > maxValue || s.Value < 0 {
					t.Fatalf("level %d: %s is beyond the tables", level, s)
				}
				before = s
			}
		}
	}
}

func TestProblemIsAFunctionOfItsIndex(t *testing.T) {
	a, b := Generator{Seed: 7, BoxedShare: 0.5}, Generator{Seed: 7, BoxedShare: 0.5}
	for _, i := range []int{9, 0, 5, 9} {
		if x, y := a.Problem("s", 6, i), b.Problem("s", 6, i); !reflect.DeepEqual(x, y) {
			t.Errorf("problem %d: %q and %q", i, x.Question, y.Question)
		}
		if x, y := a.Document(LongReasoning, 3, i), b.Document(LongReasoning, 3, i); x != y {
			t.Errorf("document %d: %q and %q", i, x, y)
		}
	}
	different := map[string]bool{}
	for i := range 50 {
		different[a.Problem("s", 7, i).Question] = true
		different[a.Problem("other", 7, i).Question] = true
		different[Generator{Seed: 8}.Problem("s", 7, i).Question] = true
	}
	if len(different) < 145 {
		t.Errorf("150 problems of three streams hold only %d different ones", len(different))
	}
}

func TestKeyIgnoresOrder(t *testing.T) {
	same := [][2]string{
		{"47 + 8", "8 + 47"}, {"3 + 4 * 2", "2 * 4 + 3"}, {"(3 + 4) * 2", "2 * (4 + 3)"},
		{"9 - 2 - 3", "9 - (3 + 2)"}, {"9 - (5 - 2)", "9 + 2 - 5"}, {"(3 + 9) mod 5", "(9 + 3) mod 5"},
	}
	different := [][2]string{{"9 - 4", "4 - 9"}, {"3 + 4 * 2", "(3 + 4) * 2"}, {"12 + 3", "1 + 23"}, {"8 / 2", "2 / 8"}}
	key := func(text string) string {
		e, ok := read(text)
		if !ok {
			t.Fatalf("cannot read %q", text)
		}
		return e.expr().key()
	}
	for _, pair := range same {
		if a, b := key(pair[0]), key(pair[1]); a != b {
			t.Errorf("%s has key %s, %s has key %s", pair[0], a, pair[1], b)
		}
	}
	for _, pair := range different {
		if a := key(pair[0]); a == key(pair[1]) {
			t.Errorf("%s and %s share key %s", pair[0], pair[1], a)
		}
	}
}

func TestExpressionTextReadsBack(t *testing.T) {
	g := Generator{Seed: testSeed}
	for _, level := range []int{1, 2, 3, 7} {
		for i := range 200 {
			p := g.Problem("test", level, i)
			if e, ok := read(p.topic); !ok || e.expr().key() != p.Key {
				t.Errorf("%q has key %s when read back, not %s", p.topic, e.expr().key(), p.Key)
			}
		}
	}
}

func TestHeldOutProblemsAreDistinct(t *testing.T) {
	g := Generator{Seed: testSeed}
	for level := 1; level <= Levels; level++ {
		problems, err := g.HeldOut(level, 100)
		if err != nil {
			t.Fatal(err)
		}
		shorter, err := g.HeldOut(level, 30)
		if err != nil || !reflect.DeepEqual(shorter, problems[:30]) {
			t.Errorf("level %d: a shorter list is no beginning of a longer one (%v)", level, err)
		}
		seen := map[string]bool{}
		for _, p := range problems {
			if seen[p.Key] || !HeldOut(p.Key) || p.Level != level {
				t.Errorf("%s: key %q is repeated, not held out, or of the wrong level", p.ID, p.Key)
			}
			seen[p.Key] = true
		}
	}
	if _, err := g.HeldOut(1, 3000); err == nil || !strings.Contains(err.Error(), "level 1") {
		t.Errorf("3000 held-out problems of level 1: error %v", err)
	}
}

// TestHeldOutNeverInTraining reads training documents of every style and level
// back: no expression in them, at any depth, no equation and no story is held out,
// and no held-out question or story occurs with other names either.
func TestHeldOutNeverInTraining(t *testing.T) {
	g := Generator{Seed: testSeed, BoxedShare: 0.5}
	forbidden := map[string]bool{}
	for level := 1; level <= Levels; level++ {
		problems, err := g.HeldOut(level, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			forbidden[anonymous(p.Question)] = true
			forbidden[anonymous(p.topic)] = true
		}
	}
	numExpressions, numEquations := 0, 0
	for i := range 20_000 {
		style, level := Styles[i%len(Styles)], 1+i/len(Styles)%Levels
		text, problems := g.compose(style, level, i)
		for _, e := range expressions(text) {
			numExpressions++
			e.expr().walk(func(node *expr) {
				if HeldOut(node.key()) {
					t.Fatalf("%s document %d of level %d holds the held-out %s:\n%s", style, i, level, node, text)
				}
			})
		}
		for _, equation := range linear.FindAllString(text, -1) {
			numEquations++
			if HeldOut(equationKey(equation)) {
				t.Fatalf("%s document %d of level %d holds the held-out %s:\n%s", style, i, level, equation, text)
			}
		}
		for _, p := range problems {
			if HeldOut(p.Key) || forbidden[anonymous(p.Question)] || forbidden[anonymous(p.topic)] || !strings.Contains(text, p.topic) {
				t.Fatalf("%s document %d of level %d holds the held-out %q", style, i, level, p.Question)
			}
		}
	}
	if numExpressions < 40_000 || numEquations < 2000 {
		t.Errorf("only %d expressions and %d equations were read back", numExpressions, numEquations)
	}
}

// anonymous replaces names, objects and containers.
func anonymous(text string) string { return anonymizer.Replace(text) }

var anonymizer = func() *strings.Replacer {
	var pairs []string
	for _, word := range names {
		pairs = append(pairs, word, "N")
	}
	for _, word := range objects {
		pairs = append(pairs, word, "O")
	}
	for _, word := range containers {
		pairs = append(pairs, word[0], "K", word[1], "K")
	}
	return strings.NewReplacer(pairs...)
}()

func TestHeldOutShare(t *testing.T) {
	count := 0
	for i := range 8000 {
		if HeldOut(fmt.Sprint("key ", i)) {
			count++
		}
	}
	if count < 850 || count > 1150 { // five standard deviations around 1000
		t.Errorf("%d of 8000 keys are held out, want about 1000", count)
	}
	if !slices.ContainsFunc([]int{11, 22, 33, 44, 55, 66, 77, 88}, func(n int) bool { return !HeldOut(decimal(n)) }) {
		t.Error("every key is held out")
	}
	for a := range 10 {
		for b := range 10 {
			for _, op := range []Op{'+', '*'} {
				if s := newStep(a, op, b, 0); HeldOut(s.key()) {
					t.Errorf("table fact %s is held out", s.term())
				}
			}
		}
	}
}
