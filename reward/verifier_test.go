package reward

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/octorl/octorl/rollout/trajectory"
)

func verify(reference, completion string) Result {
	return MathVerifier{}.Verify(context.Background(), trajectory.Problem{Answer: reference}, completion)
}

func TestExtractBoxed(t *testing.T) {
	cases := []struct {
		text, want string
		ok         bool
	}{
		{`so \boxed{42}.`, "42", true},
		{`\boxed{1} then \boxed{\frac{1}{2}}`, `\frac{1}{2}`, true},
		{`\boxed{a{b{c}d}e}`, "a{b{c}d}e", true},
		{`\boxed{\{1,2\}}`, `\{1,2\}`, true},
		{`\boxed{\boxed{7}}`, "7", true},
		{`\boxed{}`, "", true},
		{`\boxed{5} and \boxed{7`, "", false}, // the last decides, and it was cut off
		{`\boxed{\}`, "", false},
		{`boxed{5}`, "", false},
		{``, "", false},
	}
	for _, c := range cases {
		if got, ok := ExtractBoxed(c.text); got != c.want || ok != c.ok {
			t.Errorf("ExtractBoxed(%q) = %q, %t, want %q, %t", c.text, got, ok, c.want, c.ok)
		}
	}
}

func TestAnswers(t *testing.T) {
	cases := []struct {
		reference, answer string
		want              Verdict
	}{
		{"42", "42", Right},
		{"42", " $42$. ", Right},
		{"42", "+42.0", Right},
		{"42", `(42)`, Right},
		{"42", "4 2", Wrong},
		{"42", "4%2", Wrong},
		{"42", "24", Wrong},
		{"42", "4.2e1", Wrong}, // exponents are no notation of answers
		{"-7", "−7", Right},
		{"0", "-0", Right},
		{"0.5", ".5", Right},
		{"0.5", "1/2", Right},
		{"0.5", `\tfrac12`, Right},
		{"0.333", "1/3", Wrong},
		{`\frac{3}{7}`, `\dfrac{-3}{-7}`, Right},
		{`-\frac{3}{7}`, `\frac{3}{-7}`, Right},
		{`\frac{1}{2}`, "1/0", Wrong},
		{"3/4", "6/8", Right},
		{"7/3", "2 1/3", Right},
		{"-7/2", `-3\frac{1}{2}`, Right},
		{"3/2", `3\frac{1}{2}`, Wrong}, // three and a half, not a product
		{"7/2", `2\frac{3}{2}`, Wrong}, // not a mixed number
		{"1234567", "1,234,567", Right},
		{"1000", `\$1{,}000`, Right},
		{"1234", "12,34", Wrong},
		{"50", `50\%`, Right},
		{"90", `90^\circ`, Right},
		{"5", "x = 5", Right},
		{"x=5", "5", Right},
		{"x=5", "y=5", Wrong},
		{"5", "x=4=5", Wrong},
		{"A", `\text{(A)}`, Right},
		{"A", `\text{A or B}`, Wrong},
		{"(1,2)", `\left( 1, 2 \right)`, Right},
		{"(1,2)", "1,2", Wrong},
		{`\pi`, ` \pi `, Right},
		{`\boxed{24}`, "24", Right},
		{"42", "", Unparsable},
		{"42", " . ", Unparsable},
		{"42", strings.Repeat("4", maxAnswerBytes+1), Unparsable},
		{"", "42", Failed},
		{strings.Repeat("4", maxAnswerBytes+1), "42", Failed},
	}
	for _, c := range cases {
		got := verify(c.reference, `The answer is \boxed{`+c.answer+`}.`)
		if got.Verdict != c.want {
			t.Errorf("answer %.40q against %.40q is %v (%.80s), want %v", c.answer, c.reference, got.Verdict, got.Reason, c.want)
		}
		if (got.Reason == "") != (c.want == Right) {
			t.Errorf("answer %.40q against %.40q is %v with the reason %q", c.answer, c.reference, got.Verdict, got.Reason)
		}
	}
	if got := verify("42", "It is 42."); got.Verdict != Unparsable || got.Extracted != "" {
		t.Errorf("completion without a box: %+v", got)
	}
}

func TestBrokenVerifierIsNotWrongModel(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	late := MathVerifier{}.Verify(ended, trajectory.Problem{Answer: "42"}, `\boxed{41}`)
	if late.Verdict != Failed || !strings.Contains(late.Reason, "canceled") {
		t.Errorf("after the end of the context: %+v", late)
	}
	broken := guard(context.Background(), func() Result { panic("index out of range") })
	if broken.Verdict != Failed || !strings.Contains(broken.Reason, "index out of range") {
		t.Errorf("after a panic: %+v", broken)
	}
}

func TestShape(t *testing.T) {
	s := DefaultShape()
	want := map[Verdict]float32{Right: 1, Wrong: -1, Unparsable: -1}
	for v := range Failed + 2 {
		reward, ok := s.Reward(v)
		if expected, exists := want[v]; ok != exists || reward != expected {
			t.Errorf("reward of %v is %v, %t", v, reward, ok)
		}
	}
}

// publicCase is a line of the verifier cases.
type publicCase struct {
	ID, Mode, Category, Tier, Gold, Pred string
	Equal                                bool
}

// TestPublicCases reports how many verdicts agree with the collected ones. What
// must not happen is that a completion earns a reward for a trick.
func TestPublicCases(t *testing.T) {
	root := os.Getenv("OCTORL_FIXTURES")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "data", "fixtures")
	}
	path := filepath.Join(root, "..", "verifier", "cases_public.jsonl")
	f, err := os.Open(path)
	if err != nil {
		t.Skipf("no verifier cases: set OCTORL_FIXTURES to the folder of fixtures, whose neighbor is verifier: %v", err)
	}
	defer f.Close()
	categories := []string{"boxed_extraction", "number", "fraction", "degenerate", "reward_hacking"}
	agree, all := map[string]int{}, map[string]int{}
	for d := json.NewDecoder(f); d.More(); {
		var c publicCase
		if err := d.Decode(&c); err != nil {
			t.Fatal(err)
		}
		if c.Tier != "core" || !slices.Contains(categories, c.Category) {
			continue
		}
		if c.Mode == "answer" { // a bare answer
			c.Pred = boxOpen + c.Pred + "}"
		}
		got := verify(c.Gold, c.Pred)
		all[c.Mode+" "+c.Category]++
		if (got.Verdict == Right) == c.Equal {
			agree[c.Mode+" "+c.Category]++
			continue
		}
		report := t.Logf
		if !c.Equal {
			report = t.Errorf
		}
		report("%s (%s): %v for %.60q against %q", c.ID, c.Category, got.Verdict, got.Extracted, c.Gold)
	}
	if len(all) == 0 {
		t.Fatalf("%s has no case of these categories", path)
	}
	for name, n := range all {
		t.Logf("%s: %d of %d agree", name, agree[name], n)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("42", `\boxed{42}`)
	f.Add(`\frac{1}{2}`, `\boxed{\text{(A)} \frac1{-2} 3,000.5}`)
	f.Add("x=5", strings.Repeat(boxOpen, 1000))
	f.Add("((", `\boxed{((((}`)
	f.Fuzz(func(t *testing.T, reference, completion string) {
		if got := verify("42", completion); got.Verdict == Failed {
			t.Errorf("failed on a sound reference answer: %s", got.Reason)
		}
		if got := verify(reference, completion); strings.Contains(got.Reason, "panicked") {
			t.Error(got.Reason)
		}
		itself := boxOpen + reference + "}"
		if answer, _ := ExtractBoxed(itself); answer == reference && unusable(reference) == "" && !strings.Contains(reference, boxOpen) {
			if got := verify(reference, itself); got.Verdict != Right {
				t.Errorf("%q is %v against itself: %s", reference, got.Verdict, got.Reason)
			}
		}
	})
}

// TestHostileCompletions would take hours if a verification were quadratic in
// the completion.
func TestHostileCompletions(t *testing.T) {
	const n = 1 << 20
	nest := strings.Repeat("{", n)
	for _, c := range []struct {
		completion string
		want       Verdict
	}{
		{strings.Repeat(boxOpen, n), Unparsable},
		{strings.Repeat(boxOpen, n) + "42" + strings.Repeat("}", n), Right},
		{boxOpen + nest + strings.Repeat("}", n) + "}", Unparsable},
		{boxOpen + strings.Repeat("9", n) + "}", Unparsable},
		{boxOpen + "10^{10^{10}}}", Wrong},
		{boxOpen + strings.Repeat("(", maxAnswerBytes/2) + strings.Repeat(")", maxAnswerBytes/2) + "}", Unparsable},
		{boxOpen + strings.Repeat("1", 2000) + "/" + strings.Repeat("3", 2000) + "}", Wrong},
		{boxOpen + strings.Repeat(`\text{`, 500) + "42" + strings.Repeat("}", 500) + "}", Right},
	} {
		if got := verify("42", c.completion); got.Verdict != c.want {
			t.Errorf("%.40q… of %d bytes is %v (%.80s), want %v", c.completion, len(c.completion), got.Verdict, got.Reason, c.want)
		}
	}
}
