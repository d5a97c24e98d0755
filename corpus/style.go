package corpus

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// Style is a way to write a generated problem down; its text is the name that
// mixtures use.
type Style string

const (
	// Prose explains one or two calculations in flowing text, as a web page
	// does, with neither question nor answer marked.
	Prose Style = "prose"
	// ShortReasoning is a question with its worked steps and answer.
	ShortReasoning Style = "qa-short"
	// LongReasoning is a question whose answer follows reasoning inside
	// <think></think> that checks steps and now and then finds and mends a slip.
	LongReasoning Style = "qa-long"
	// Dialogue is turns of a User and an Assistant, many with an instruction
	// about the form of the answer.
	Dialogue Style = "dialogue"
)

// Styles are all styles.
var Styles = []Style{Prose, ShortReasoning, LongReasoning, Dialogue}

// Document returns document i (from 0) of the style at the level; like
// Generator.Problem, it is a function of the seed and the arguments, and holds
// nothing held out. BoxedShare of the documents with a final answer give it as
// \boxed{n}. It panics when style is unknown or level outside 1 to Levels.
func (g Generator) Document(style Style, level, i int) string {
	text, _ := g.compose(style, level, i)
	return text
}

// compose returns the document together with the problems in it.
func (g Generator) compose(style Style, level, i int) (string, []Problem) {
	if !slices.Contains(Styles, style) {
		panic("corpus: unknown style " + string(style))
	}
	rng := g.rng(string(style), level, i)
	boxed := rng.Float64() < g.BoxedShare
	p := trainable(rng, level)
	switch style {
	case ShortReasoning:
		return asked(p.Question, p.Solution+" "+final(p.Answer, boxed)), []Problem{p}
	case LongReasoning:
		return asked(p.Question, think(rng, p)+"\n"+final(p.Answer, boxed)), []Problem{p}
	case Dialogue:
		return converse(rng, p, boxed), []Problem{p}
	}
	problems := []Problem{p}
	if rng.IntN(2) == 0 {
		problems = append(problems, trainable(rng, level))
	}
	return explain(rng, problems), problems
}

// asked lays a question and a response out as TemplateSimple does.
func asked(question, response string) string {
	return "Question:\n" + question + "\nAnswer:\n" + response
}

// final is the sentence that gives the answer.
func final(answer string, boxed bool) string {
	if boxed {
		return `The answer is \boxed{` + answer + "}."
	}
	return "The answer is " + answer + "."
}

// explain writes the problems as prose, one paragraph each.
func explain(rng *rand.Rand, problems []Problem) string {
	paragraphs := make([]string, len(problems))
	for i, p := range problems {
		paragraphs[i] = paragraph(rng, p, i == 0)
	}
	return strings.Join(paragraphs, "\n\n")
}

var openings = []string{
	"Let us work through %.", "Take % as an example.", "Here is how to deal with %.", "Consider %.", "A good exercise is %.",
}

var furtherOpenings = []string{
	"Another example is %.", "The same idea helps with %.", "Now look at %.", "Next comes %.",
}

var formulaEndings = []string{
	"So the result is %.", "This gives %.", "In the end we get %.", "The value we wanted is %.",
}

var storyEndings = []string{
	"So the number asked for is %.", "That makes %, and the count is done.", "In the end the count is %.",
}

func paragraph(rng *rand.Rand, p Problem, first bool) string {
	choices, endings := furtherOpenings, formulaEndings
	if first {
		choices = openings
	}
	opening := strings.Replace(pick(rng, choices), "%", p.topic, 1)
	if p.listed {
		opening, endings = p.topic, storyEndings
	}
	sentences := []string{opening}
	if rng.IntN(3) > 0 {
		sentences = append(sentences, p.hint)
	}
	sentences = append(sentences, joined(rng, p.Steps)...)
	return strings.Join(append(sentences, strings.Replace(pick(rng, endings), "%", p.Answer, 1)), " ")
}

// joined strings the steps together with connecting words.
func joined(rng *rand.Rand, steps []Step) []string {
	sentences := make([]string, len(steps))
	for i, s := range steps {
		sentences[i] = s.Sentence
		switch {
		case s.Sentence != s.String()+"." || rng.IntN(3) == 0:
		case i == 0:
			sentences[i] = pick(rng, []string{"First ", "To begin with, ", "We know that "}) + s.Sentence
		default:
			sentences[i] = pick(rng, []string{"Then ", "Next ", "After that, "}) + s.Sentence
		}
	}
	return sentences
}
