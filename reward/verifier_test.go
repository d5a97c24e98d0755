package reward

import (
	"context"
	"fmt"
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
		{"42", "4.2e1", Right},
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

// endingContext ends when it has been looked at a number of times.
type endingContext struct {
	context.Context
	looks int
}

func (c *endingContext) Err() error {
	if c.looks--; c.looks < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

func TestDeadlineWithinTheWork(t *testing.T) {
	bomb := boxOpen + strings.Repeat("(1+x+y)*", 300) + "2}"
	for _, looks := range []int{1, 2, 3} { // before the work, and twice within it
		got := MathVerifier{}.Verify(&endingContext{context.Background(), looks}, trajectory.Problem{Answer: "x^2+1"}, bomb)
		if got.Verdict != Failed || !strings.Contains(got.Reason, "deadline") {
			t.Errorf("after %d looks: %+v", looks, got)
		}
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

// TestBombsStayWithinTheBudget would take hours, or all memory, if the work of a
// comparison were not counted. References are such that no formula is refused
// without being computed.
func TestBombsStayWithinTheBudget(t *testing.T) {
	bombs := []string{
		"9^{9^{9^9}}", "(9^9)^{9^9}", "((x+1)^{64})^{64}", "(x+y+z+w)^{4000}", "1000000!", "5" + strings.Repeat("!", 1000),
		strings.Repeat("(1+x+y)*", 300) + "2", strings.Repeat(`\frac{1}{1+`, 50) + "x" + strings.Repeat("}", 50),
		strings.Repeat(`\sqrt{2+`, 50) + "x" + strings.Repeat("}", 50), strings.Repeat("x^", 1000) + "2", strings.Repeat("x+", 2000) + "x",
		strings.Repeat(`\sin `, 500) + "x", strings.Repeat("-", 4000) + "1", strings.Repeat(`1\pm `, 500) + "1", strings.Repeat("x<", 1000) + "1",
		strings.Repeat("e^{", 60) + "9" + strings.Repeat("}", 60), "1e4000^{4000}", "0.\\overline{" + strings.Repeat("7", 3000) + "}",
		`\gcd(10^{3000},6^{3000})`, `\begin{pmatrix}` + strings.Repeat(`1&2\\`, 400) + `\end{pmatrix}`,
	}
	var sines, variables []string
	for i := range 700 {
		variables = append(variables, fmt.Sprintf("%c_%d", 'a'+i%26, i))
	}
	bombs = append(bombs, strings.Repeat("1_2", 1365), strings.Join(variables, ""))
	for i := range 250 {
		sines = append(sines, fmt.Sprintf(`\sin %d`, i))
	}
	bombs = append(bombs, strings.Join(sines, ","))
	references := []string{"42", "x^2+1", `\sin x+1`, `\{1,2,3\}`, `\frac{\sqrt{3}}{2}`, "x<1", strings.Join(sines, "+1,")}
	for _, bomb := range bombs {
		for _, reference := range references {
			if got := verify(reference, boxOpen+bomb+"}"); got.Verdict != Wrong && got.Verdict != Unparsable {
				t.Errorf("%.40q is %v against %.20q: %s", bomb, got.Verdict, reference, got.Reason)
			}
		}
	}
}
