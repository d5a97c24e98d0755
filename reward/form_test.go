package reward

import (
	"context"
	"testing"

	"github.com/octorl/octorl/rollout/trajectory"
)

func compareBare(reference, answer string) Result {
	return CompareAnswer(context.Background(), trajectory.Problem{Answer: reference}, answer)
}

// form is an answer and what it is worth against a reference.
type form struct {
	reference, answer string
	want              Verdict
}

// forms are answers by category; each can be checked by hand.
var forms = map[string][]form{
	"number": {
		{"1000", "1e3", Right},
		{"3000", `3\cdot 10^3`, Right},
		{"0.5", `\frac{1}{2}`, Right},
		{"1", "0.999999999999", Wrong},
		{"1", `0.\overline{9}`, Right},
		{`\frac{1}{6}`, `0.1\overline{6}`, Right},
		{`\frac{1}{3}`, "0.333333333", Wrong},
		{"0.333333", "1/3", Right}, // the reference is rounded
		{"3.14", `\pi`, Wrong},     // too few digits to tell
		{"123456789123456789", "123456789123456788", Wrong},
		{"3500000", "3.5 million", Right},
		{"7", "seven", Right},
		{"7", "seven eight", Wrong},
		{"5", `\approx 5`, Right},
		{`\infty`, "inf", Right},
		{`-\infty`, `\infty`, Wrong},
	},
	"fraction": {
		{`\frac{7}{3}`, "2 1/3", Right},
		{`\frac{7}{3}`, `2\frac13`, Right},
		{`\frac{7}{3}`, `2\cdot\frac13`, Wrong},
		{`-\frac{7}{3}`, `-2\frac{1}{3}`, Right},
		{`-\frac{5}{3}`, `-2\frac{1}{3}`, Wrong}, // −(2+1/3), not −2+1/3
		{"1", "0/0", Wrong},
	},
	"separator": {
		{"1234567", "1,234,567", Right},
		{"1234567", `1{,}234{,}567`, Right},
		{"1234567", `1\,234\,567`, Right},
		{"1234567", "1 234 567", Right},
		{"1234", "1.234", Wrong},
		{"100, 200", "100,200", Right},
		{"100, 200", "200,100", Right},
		{"(100,200)", "(200,100)", Wrong},
		{"100200", "100, 200", Wrong},
	},
	"percent": {
		{`20\%`, "20", Right},
		{`20\%`, "0.2", Right},
		{`20\%`, "2", Wrong},
		{"0.5", `0.5\%`, Wrong},
		{"45", "45 percent", Right},
		{"45 (apples)", "45 percent", Wrong},
	},
	"unit": {
		{"5", `5\text{ cm}`, Right},
		{`5\text{ cm}`, `50\text{ mm}`, Right},
		{`5\text{ cm}`, `5\text{ m}`, Wrong},
		{`12\text{ cm}^2`, "12 square centimeters", Right},
		{`12\text{ cm}^2`, `12\text{ cm}^3`, Wrong},
		{"1 hour", "60 minutes", Right},
		{`\$5.50`, "5.50 dollars", Right},
		{`\$5.50`, "550 cents", Right},
		{`90^\circ`, "90°", Right},
		{"9 (apples)", "9", Right},
		{"9", "9 apples or 8", Wrong},
	},
	"root": {
		{`\frac{\sqrt{2}}{2}`, `\frac{1}{\sqrt{2}}`, Right},
		{`2\sqrt[3]{2}`, `\sqrt[3]{16}`, Right},
		{`\sqrt{2}-1`, `\frac{1}{1+\sqrt{2}}`, Right},
		{`\sqrt{2}+\sqrt{3}`, `\sqrt{5+2\sqrt{6}}`, Right},
		{`\sqrt{2}+\sqrt{3}`, `\sqrt{5}`, Wrong},
		{"-2", `\sqrt[3]{-8}`, Right},
		{`\sqrt{x^2}`, "|x|", Right},
		{`\sqrt{x^2}`, "x", Wrong},
	},
	"power": {
		{`2^{n+1}`, `2\cdot 2^n`, Right},
		{`10^{10^{10}}`, `10^{10^{11}}`, Wrong},
		{"2^9", "2^{3^2}", Right},
		{"64", "2^{3^2}", Wrong},
		{`e^{2x}`, `(e^x)^2`, Right},
		{`e^{2x}`, `e^{x^2}`, Wrong},
	},
	"function": {
		{"3", `\log_2 8`, Right},
		{"1", `\sin^2 x+\cos^2 x`, Right},
		{`\sin 2x`, `2\sin x\cos x`, Right},
		{`\sin 2x`, `2\sin x`, Wrong},
		{"1", `\tan 45^\circ`, Right},
		{`\arctan 1`, `\frac{\pi}{4}`, Right},
		{`\frac{n!}{(n-2)!}`, "n(n-1)", Right},
		{`\binom{5}{2}`, "10", Right},
		{`\ln 4`, `4\ln 2`, Wrong},
		{`\ln 4`, `2\ln 2`, Right},
		{"I(0)", "2I(0)", Wrong},
	},
	"polynomial": {
		{"(x+1)^2", "x^2+2x+1", Right},
		{"x+1", `\frac{x^2-1}{x-1}`, Right},
		{"xy", `y\cdot x`, Right},
		{"x^2", "2x", Wrong},
		{"x", "y", Wrong},
		{`a_{n}`, "a_n", Right},
		{"x_1", "x_2", Wrong},
	},
	"complex": {
		{"-1", `e^{i\pi}`, Right},
		{"2i", "(1+i)^2", Right},
		{"2i", `\sqrt{-4}`, Right},
		{"3+4i", "3-4i", Wrong},
		{"5", "5i", Wrong},
	},
	"list": {
		{"1,2,3", "3, 2, and 1", Right},
		{"1,2,3", "1,2", Wrong},
		{"1,2", "1,1,2", Wrong},
		{`\{1,2\}`, `\{2,1,1\}`, Right},
		{`1\pm\sqrt{2}`, `1-\sqrt{2}, 1+\sqrt{2}`, Right},
		{"4", `\pm 4`, Wrong},
		{`\{1\pm\sqrt{5},-2\}`, `\{-2,1+\sqrt{5},1-\sqrt{5}\}`, Right},
		{"(1,2),(3,4)", "(3,4),(1,2)", Right},
		{`\emptyset`, `\{1\}`, Wrong},
	},
	"tuple": {
		{"(1,2)", "(2,1)", Wrong},
		{"(1,2)", `\begin{pmatrix}1\\2\end{pmatrix}`, Right},
		{"(1,2)", `\langle 1,2\rangle`, Right},
		{"(1,2)", "(1,2,3)", Wrong},
		{"(1,2)", "1,2", Wrong},
		{"(1,2)", "x=1, y=2", Right},
		{"x=1, y=2", "x=2, y=1", Wrong},
		{"x=1, y=2", "y=2, x=1", Right},
	},
	"interval": {
		{"(0,1]", "0<x\\le 1", Right},
		{"(0,1]", "(0,1)", Wrong},
		{"(0,1]", "]0,1]", Right},
		{"[-2,7]", `x \in [-2,7]`, Right},
		{`(3,\infty)`, "x > 3", Right},
		{`(3,\infty)`, "x < 3", Wrong},
		{`(-\infty,2)\cup(3,\infty)`, `x<2 \text{ or } x>3`, Right},
		{"(2,12)\\cup(12,102)", "(2,102)", Wrong},
		{`x\ne 5`, `(-\infty,5)\cup(5,\infty)`, Right},
	},
	"relation": {
		{"x<=1", "-x>=-1", Right},
		{"x<=1", "x<1", Wrong},
		{"2x+3y=6", "4x+6y=12", Right},
		{"y=2x+1", "2x-y+1=0", Right},
		{"y=2x+3", "y=2x-3", Wrong},
		{"x=5", "5", Right},
		{`f^{-1}(x)=\frac{x+1}{2}`, `\frac{x+1}{2}`, Right},
		{"f^{-1}(x)=x", "f(x)=x", Wrong},
		{"x=5", "y=5", Wrong},
		{"x^2+y^2=1", "1", Wrong},
		{"42", "40+2=42", Right},
		{"42", "43=42", Wrong},
		{"f(2)<f(1)", "f(1)>f(2)", Right},
		{"f(2)<f(1)", "f(3)<f(1)", Wrong},
	},
	"matrix": {
		{`\begin{pmatrix}1&2\\3&4\end{pmatrix}`, `\begin{bmatrix}1&2\\3&4\\\end{bmatrix}`, Right},
		{`\begin{pmatrix}1&2\\3&4\end{pmatrix}`, `\begin{pmatrix}1&3\\2&4\end{pmatrix}`, Wrong},
		{`\begin{pmatrix}1\\2\end{pmatrix}`, `\begin{pmatrix}1&2\end{pmatrix}`, Wrong},
		{`\begin{pmatrix}1/5\\2/5\end{pmatrix}`, `\frac{1}{5}\begin{pmatrix}1\\2\end{pmatrix}`, Right},
		{`\begin{pmatrix}1\\2\end{pmatrix}`, `-\begin{pmatrix}1\\2\end{pmatrix}`, Wrong},
		{"-2", `\begin{vmatrix}1&2\\3&4\end{vmatrix}`, Right},
	},
	"notation": {
		{"1011_2", "1011", Right}, // the question says the base
		{"1011_2", "11", Wrong},
		{"204_5", "204_6", Wrong},
		{"42", "42_8", Wrong},
		{"2:1", "2 to 1", Right},
		{"2:1", "4:2", Right},
		{"3:4", "4:3", Wrong},
		{"5:30 PM", "17:30", Right},
		{"5:30 PM", "5:30 a.m.", Wrong},
		{"9 a.m.", "9:00 AM", Right},
		{"1:03 PM", "1/3", Wrong},
		{"10:05", "10:5", Wrong},
	},
	"text": {
		{`\text{Evelyn}`, "evelyn.", Right},
		{"yes", "yes or no", Wrong},
		{"yes", "no", Wrong},
		{"B", `\textbf{(B)}`, Right},
		{"B", "(B) 5 cm", Right},
		{"B", "B or C", Wrong},
		{"B", "A, B", Wrong},
		{"A", "An apple", Wrong},
		{"E", "e^x", Wrong},
	},
	"trick": {
		{"42", "42 or 43", Wrong},
		{"42", "42, not 43", Wrong},
		{"42", `1,2,\ldots,42`, Wrong},
		{"42", "[41,43]", Wrong},
		{"42", "x>41", Wrong},
		{"42", `42\pm 1`, Wrong},
		{"42", "４２", Wrong},       // full-width digits
		{"42", "\u202e24", Wrong}, // shown from right to left
		{"42", "42?", Wrong},
		{"42", "any number, e.g. 42", Wrong},
		{"42", `4\,2`, Wrong},
		{"42", "42\x00", Unparsable},
		{"42", "()", Unparsable},
		{"42", "$$$", Unparsable},
	},
}

func TestForms(t *testing.T) {
	for category, table := range forms {
		t.Run(category, func(t *testing.T) {
			for _, f := range table {
				got := compareBare(f.reference, f.answer)
				if got.Verdict != f.want {
					t.Errorf("%q against %q is %v by %s (%s), want %v", f.answer, f.reference, got.Verdict, got.Method, got.Canonical, f.want)
				}
			}
		})
	}
}

// decideBare compares by what decides when answers are not spelled alike.
func decideBare(reference, answer string) bool {
	equal, _ := newComparer(newBudget(context.Background())).decide(clean(reference), clean(answer))
	return equal
}

// TestEqualityIsReflexive compares every form with itself, without looking
// whether both are spelled alike.
func TestEqualityIsReflexive(t *testing.T) {
	for _, table := range forms {
		for _, f := range table {
			for _, s := range []string{f.reference, f.answer} {
				if f.want != Unparsable && s != "0/0" && !decideBare(s, s) {
					t.Errorf("%q differs from itself", s)
				}
			}
		}
	}
}

// TestEqualityIsSymmetric swaps the answers of those categories in which the
// reference has no rights of its own, as that to be rounded or to have a base.
func TestEqualityIsSymmetric(t *testing.T) {
	for category, table := range forms {
		if category == "number" || category == "notation" || category == "text" {
			continue
		}
		for _, f := range table {
			if f.want != Unparsable && decideBare(f.answer, f.reference) != (f.want == Right) {
				t.Errorf("%q against %q is not as the other way round, %v", f.reference, f.answer, f.want)
			}
		}
	}
}

func TestExtraction(t *testing.T) {
	cases := []struct {
		from       Extraction
		text, want string
		ok         bool
	}{
		{FromBox, `\fbox{7}`, "7", true},
		{FromBox, `\boxed{1}, \boxed{2} and $\boxed{3}$`, "1,2,3", true},
		{FromBox, `\boxed{1}\boxed{2}`, "1;2", true}, // two answers, of which none is chosen
		{FromBox, `\boxed{1} first, then \boxed{2}`, "2", true},
		{FromBox, `<think>\boxed{1}</think> \boxed{2}`, "2", true},
		{FromBox, `<think>\boxed{1}`, "", false}, // cut off within its thoughts
		{FromBox, `\boxed{1`, "", false},
		{FromLastNumber, "He has 3 and pays $1,234.50.", "$1,234.50", true},
		{FromLastNumber, "10 - 5", "5", true},
		{FromLastNumber, "x = -5", "-5", true},
		{FromLastNumber, "none", "", false},
		{FromChoice, "(A) fails, so the answer is (B).", "B", true},
		{FromChoice, "nothing", "", false},
		{FromFinalAnswer, "Final Answer: The final answer is $\\frac{2}{3}$. I hope it is correct.", `\frac{2}{3}`, true},
		{FromFinalAnswer, "Answer: 41 was a guess.\nAnswer: 42", "42", true},
		{FromFinalAnswer, "2 + 2\n#### 4", "4", true},
		{FromFinalAnswer, "so\nA: 446", "446", true},
		{FromFinalAnswer, "4", "", false},
		{FromAnywhere, `The answer is 5, in a box \boxed{6}.`, "6", true},
		{FromAnywhere, `42 42 \boxed{}`, "", true}, // the empty box decides
		{FromAnywhere, "The solution is $x \\leq 5$", `x \leq 5`, true},
		{FromAnywhere, "It takes $x$ hours, which are 15.", "15", true},
	}
	for _, c := range cases {
		if got, ok := c.from.Extract(c.text); got != c.want || ok != c.ok {
			t.Errorf("extraction %d of %q is %q, %t, want %q, %t", c.from, c.text, got, ok, c.want, c.ok)
		}
	}
}

func TestEchoIsNoAnswer(t *testing.T) {
	p := trajectory.Problem{Question: "What is 17 + 25?", Answer: "42"}
	for answer, want := range map[string]Verdict{"17 + 25": Wrong, "42": Right, "25+17": Right} {
		if got := CompareAnswer(context.Background(), p, answer); got.Verdict != want {
			t.Errorf("%q is %v, want %v", answer, got.Verdict, want)
		}
	}
	p = trajectory.Problem{Question: "Which is greater, 1/2 or 1/3?", Answer: "0.5"}
	if got := CompareAnswer(context.Background(), p, "1/2"); got.Verdict != Right {
		t.Errorf("a number from the question is %v", got.Verdict)
	}
}
