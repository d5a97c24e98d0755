package corpus

import (
	"strings"
	"testing"
)

// TestDocumentsTellTheTruth checks every statement of every style: false ones
// are slips inside <think> that the right statement of the same follows.
func TestDocumentsTellTheTruth(t *testing.T) {
	t.Log("seed", testSeed)
	g := Generator{Seed: testSeed, BoxedShare: 0.5}
	numSlips, numLong := 0, 0
	for i := range 4000 {
		style, level := Styles[i%len(Styles)], 1+i/len(Styles)%Levels
		text, problems := g.compose(style, level, i)
		stated := claims(text)
		for k, c := range stated {
			if c.right {
				continue
			}
			numSlips++
			mended := false
			for _, later := range stated[k+1:] {
				mended = mended || later.right && later.left == c.left
			}
			if style != LongReasoning || !mended {
				t.Errorf("%s document %d of level %d states %q wrongly:\n%s", style, i, level, c.left, text)
			}
		}
		if style == LongReasoning {
			numLong++
			checkLong(t, text, problems[0])
		}
	}
	if numSlips < numLong/8 || numSlips > numLong/2 {
		t.Errorf("%d slips in %d long derivations, want about a third", numSlips, numLong)
	}
}

func checkLong(t *testing.T, text string, p Problem) {
	t.Helper()
	thoughts, rest, closed := strings.Cut(text, "</think>")
	if !closed || strings.Count(thoughts, "<think>") != 1 || !strings.HasPrefix(thoughts, "Question:\n"+p.Question+"\nAnswer:\n<think>") {
		t.Errorf("no question followed by <think></think> in\n%s", text)
	}
	if !strings.HasSuffix(strings.TrimSpace(thoughts), "So I get "+p.Answer+".") {
		t.Errorf("the reasoning does not end in %s:\n%s", p.Answer, text)
	}
	if !strings.Contains(rest, " "+p.Answer+".") && !strings.Contains(rest, `\boxed{`+p.Answer+"}.") {
		t.Errorf("the answer is not %s:\n%s", p.Answer, text)
	}
}

func TestBoxedShare(t *testing.T) {
	const n = 1200
	for _, share := range []float64{0, 0.25, 1} {
		g := Generator{Seed: testSeed, BoxedShare: share}
		for _, style := range []Style{ShortReasoning, LongReasoning, Dialogue} {
			boxed := 0
			for i := range n {
				text, problems := g.compose(style, 1+i%Levels, i)
				if strings.Contains(text, `\boxed{`+problems[0].Answer+"}") {
					boxed++
				}
			}
			// 75 is five standard deviations at a quarter of 1200.
			if want := int(share * n); boxed < want-75 || boxed > want+75 || share == 0 && boxed > 0 || share == 1 && boxed < n {
				t.Errorf("%s: %d of %d answers are boxed at share %v", style, boxed, n, share)
			}
		}
	}
}

func TestShortReasoningIsShort(t *testing.T) {
	g := Generator{Seed: testSeed, BoxedShare: 0.5}
	for level, most := range map[int]int{1: 50, 2: 70, 3: 70} {
		for i := range 300 {
			_, response, _ := strings.Cut(g.Document(ShortReasoning, level, i), "\nAnswer:\n")
			if len(response) > most {
				t.Errorf("level %d: a response of %d bytes, want at most %d: %q", level, len(response), most, response)
			}
		}
	}
}

func TestProseHasNoQuestion(t *testing.T) {
	g := Generator{Seed: testSeed, BoxedShare: 1}
	for i := range 800 {
		text := g.Document(Prose, 1+i%Levels, i)
		if strings.ContainsAny(text, `?\{}`) || strings.Contains(text, "Answer") {
			t.Errorf("prose with a question or an answer mark: %q", text)
		}
	}
}

func TestDialogueTurnsAlternate(t *testing.T) {
	g := Generator{Seed: testSeed, BoxedShare: 0.5}
	for i := range 800 {
		text := g.Document(Dialogue, 1+i%Levels, i)
		users, assistants := strings.Count(text, "User:"), strings.Count(text, "Assistant:")
		if !strings.HasPrefix(text, "User:") || users != assistants || users < 1 || users > 2 {
			t.Errorf("%d turns of the user and %d of the assistant: %q", users, assistants, text)
		}
	}
}

func TestSlipIsFound(t *testing.T) {
	g := Generator{Seed: testSeed}
	for _, s := range []Step{
		newStep(47, '+', 8, 55), newStep(53, '-', 8, 45), newStep(7, '*', 8, 56), newStep(56, '/', 8, 7), newStep(3, '+', 4, 7),
	} {
		for i := range 40 {
			said := slip(g.rng("slip", 1, i), s)
			if said == nil {
				continue
			}
			first, check := claims(said[0]), claims(said[1])
			if len(first) != 1 || first[0].right || len(check) != 1 || !check[0].right || !strings.Contains(said[1], "should be "+decimal(s.Left)) {
				t.Errorf("%s: slip %q", s, said)
			}
		}
	}
}

func TestRender(t *testing.T) {
	const q = "What is 100% of 3?"
	for name, want := range map[Template]string{
		TemplateSimple:   "Question:\nWhat is 100% of 3?\nAnswer:\n",
		TemplateDialogue: "User:\nWhat is 100% of 3?\nAssistant:\n",
		TemplateComplex: "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant first thinks about the reasoning process in the mind and then provides the user with the answer. " +
			"User: You must put your answer inside \\boxed{} and Your final answer will be extracted automatically by the \\boxed{} tag.\nWhat is 100% of 3?\nAssistant:",
	} {
		if got, err := Render(name, q); err != nil || got != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := Render("simpel", q); err == nil || !strings.Contains(err.Error(), "simpel") || !strings.Contains(err.Error(), "simple, complex or dialogue") {
		t.Errorf("unknown template: %v", err)
	}
}
