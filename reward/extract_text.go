package reward

import (
	"regexp"
	"strings"
)

// maxTail bounds the end of a completion in which an answer without a box is
// looked for, in bytes.
const maxTail = 4096

func tail(text string) string {
	if len(text) > maxTail {
		return text[len(text)-maxTail:]
	}
	return text
}

var (
	numberForm = regexp.MustCompile(`[-−+]?(?:\\?\$\s*)?(?:(?:\d+\s*)?\\[dtc]?frac\s*(?:\{[^{}]*\}|\d)\s*(?:\{[^{}]*\}|\d)|(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?(?:\s*/\s*\d+)?(?:\s*\\?%)?)`)
	choiceForm = regexp.MustCompile(`\(([A-J])\)|\b([A-J])\b(?:[.):]|\s*$)|(?i:(?:answer|option|choice)\s+(?:is\s+)?:?\s*)\(?([A-J])\b`)
	// sentenceEnd is what ends an answer within a line.
	sentenceEnd = regexp.MustCompile(`\.\s|\.$|\n|(?i:</answer>)|<\||(?:,|\s)\s*(?:because|since|so|which|where|as|for|but|I hope)\s`)
	valueStart  = regexp.MustCompile(`^(?:\\[({]|\\?\$|\.\d|[-+−(\[{\\\d]|√|π|[A-Za-z](?:[\s.,)=^]|$))`)
)

// finalMarkers stand before a final answer, in lower case.
var finalMarkers = []string{"####", "final answer", "answer is", "option is", "choice is", "result is", "answer:", "answer :", "<answer>", "\na:"}

// afterMarker returns what follows the last marker of a final answer.
func afterMarker(text string) (rest string, ok bool) {
	if strings.HasPrefix(text, "A:") {
		rest, ok = text[len("A:"):], true
	}
	lower := strings.ToLower(text)
	if len(lower) != len(text) {
		lower = text // letters that change their length with their case
	}
	end := 0
	for _, m := range finalMarkers {
		if i := strings.LastIndex(lower, m); i >= 0 && i+len(m) > end {
			end = i + len(m)
		}
	}
	if end > 0 {
		rest, ok = text[end:], true
	}
	rest = strings.TrimLeft(rest, " \n\t:*")
	if after, is := strings.CutPrefix(rest, "is "); is {
		rest = strings.TrimLeft(after, " \n\t:*")
	}
	return rest, ok
}

// finalAnswer returns what follows the last marker of a final answer, and
// whether there is a marker.
func finalAnswer(text string) (string, bool) {
	text = tail(beforeNextQuestion(text))
	rest, ok := afterMarker(text)
	if !ok {
		return "", false
	}
	if all := listedAnswers(text); all != "" {
		return all, true
	}
	if math, ok := leadingFormulas(rest); ok {
		return math, true
	}
	if end := sentenceEnd.FindStringIndex(rest); end != nil && strings.TrimSpace(rest[:end[0]]) != "" {
		rest = rest[:end[0]]
	}
	rest = strings.TrimRight(strings.Trim(rest, " *\n\t"), ". *")
	if strings.HasPrefix(rest, "not ") || valueStart.MatchString(rest) || !strings.ContainsAny(rest, "0123456789$") {
		return rest, true
	}
	value := lastValue(rest)
	if before, _, found := strings.Cut(rest, value); found && hedge.MatchString(before) {
		return rest, true // "less than 7" is not 7
	}
	return value, true
}

// bareAnswer is a line that has nothing but a final answer.
var bareAnswer = regexp.MustCompile(`(?i)^(?:####|(?:so |the |final |possible )*answer(?:\s+is|\s*:)?:?|a:)\s*(\S+?)\.?$`)

// minListed is how many lines with answers that differ make a list of them.
const minListed = 3

// listedAnswers returns the answers of the last lines of text if each has one and
// nothing else, and not all are the same: who lists answers chooses none.
func listedAnswers(text string) string {
	var all []string
	differ := false
	for rest := strings.TrimSpace(text); len(all) < minListed; {
		at := strings.LastIndexByte(rest, '\n')
		line := bareAnswer.FindStringSubmatch(strings.TrimSpace(rest[at+1:]))
		if line == nil || at < 0 && len(all) < minListed-1 {
			return ""
		}
		all = append(all, line[1])
		differ = differ || line[1] != all[0]
		rest = strings.TrimSpace(rest[:max(at, 0)])
	}
	if !differ {
		return ""
	}
	return strings.Join(all, " || ")
}

// hedge are words before a value that make the answer another one, or several.
var hedge = regexp.MustCompile(`(?i)n['’]t\b|\bone of\b|\d\s+to\b|\b(?:not|never|cannot|or|less|more|fewer|greater|smaller|larger|than|between|least|most|plus|minus|times|half|twice|over|under|above|below|except)\b`)

// nextQuestion begins the question that a completion goes on with after its answer.
var nextQuestion = regexp.MustCompile(`\n\s*(?:Q|Question|Problem)\s*:`)

// beforeNextQuestion returns what is before the first question that follows a
// final answer.
func beforeNextQuestion(text string) string {
	text = text[max(0, len(text)-maxQuestioned):]
	if !strings.Contains(text, "Q") && !strings.Contains(text, "Problem") {
		return text
	}
	for _, at := range nextQuestion.FindAllStringIndex(text, maxQuestions) {
		if _, ok := afterMarker(text[:at[0]]); ok {
			return text[:at[0]]
		}
	}
	return text
}

// maxQuestions bounds the questions looked at, and maxQuestioned the end of the
// completion in which they are, in bytes.
const (
	maxQuestions  = 4
	maxQuestioned = 1 << 16
)

// formulaEdges are the pairs around formulas.
var formulaEdges = [][2]string{{"$$", "$$"}, {"$", "$"}, {`\(`, `\)`}, {`\[`, `\]`}}

// formulaAt returns the formula that s begins with, and its length with edges.
func formulaAt(s string) (formula string, length int) {
	for _, edge := range formulaEdges {
		rest, ok := strings.CutPrefix(s, edge[0])
		if !ok {
			continue
		}
		if end := strings.Index(rest, edge[1]); end > 0 && !isPrice(edge[1], rest, end) {
			return rest[:end], len(edge[0]) + end + len(edge[1])
		}
	}
	return "", 0
}

// isPrice reports whether the dollar sign at end stands before an amount rather
// than behind a formula, as the second of "$2 and $18" does.
func isPrice(edge, rest string, end int) bool {
	return edge == "$" && end+1 < len(rest) && isDigit(rest[end+1])
}

var formulaSeparator = regexp.MustCompile(`^\s*(?:,\s*(?:and|or)\s|,|and\s|or\s|\\cup)\s*`)

// leadingFormulas returns the formulas that s begins with: one, or several with
// commas or and between them.
func leadingFormulas(s string) (string, bool) {
	s = strings.TrimLeft(s, " \n\t*")
	formula, n := formulaAt(s)
	if n == 0 {
		return "", false
	}
	all := formula
	for {
		s = s[n:]
		separator := formulaSeparator.FindString(s)
		if separator == "" {
			return all, true
		}
		s = s[len(separator):]
		if formula, n = formulaAt(s); n == 0 {
			return all, true
		}
		all += ", " + formula
	}
}

// lastValue returns the last formula in dollars or the like, or the last number
// if that is later.
func lastValue(text string) string {
	text = tail(text)
	if all := bareNumbers(text); all != "" {
		return all
	}
	formula, end := "", -1
	for i := 0; i < len(text); i++ {
		if text[i] != '$' && text[i] != '\\' {
			continue
		}
		f, n := formulaAt(text[i:])
		if n == 0 {
			if text[i] == '\\' {
				i++
			}
			continue
		}
		if strings.ContainsAny(f, "0123456789=<>") || len(strings.TrimSpace(f)) == 1 {
			formula, end = f, i+n
		}
		i += n - 1
	}
	value := formula
	if number, at := lastNumberAt(text); number != "" && at >= end {
		value = inContext(text, number)
	}
	if at := strings.LastIndex(text, value); at >= 0 && value != "" && (denied(text[:at]) || deniedAfter.MatchString(text[at+len(value):])) {
		return "not " + value
	}
	return value
}

func lastNumber(text string) string {
	number, _ := lastNumberAt(tail(text))
	return number
}

func lastNumberAt(text string) (number string, at int) {
	all := numberForm.FindAllStringIndex(text, -1)
	if len(all) == 0 {
		return "", -1
	}
	last := all[len(all)-1]
	number = text[last[0]:last[1]]
	// A minus or plus behind a value is an operation.
	if before := strings.TrimRight(text[:last[0]], " "); strings.ContainsAny(number[:1], "+-") && before != "" && (isDigit(before[len(before)-1]) || before[len(before)-1] == ')') {
		number = number[1:]
	}
	return strings.TrimSpace(number), last[0]
}

// chosen says which option is right.
var chosen = regexp.MustCompile(`(?i:option|choice)\s+\(?([A-J])\)?\s+is\s+(?:the\s+)?(?:correct|right)`)

// loneChoice returns the option that a text without values is or names as right.
func loneChoice(text string) string {
	text = tail(text)
	if all := chosen.FindAllStringSubmatch(text, -1); all != nil {
		return all[len(all)-1][1]
	}
	if letter := optionForm.FindStringSubmatch(optionWord.ReplaceAllString(strings.Trim(text, "* \n\t."), "")); letter != nil {
		return letter[1]
	}
	return ""
}

func lastChoice(text string) string {
	all := choiceForm.FindAllStringSubmatch(tail(text), -1)
	if all == nil {
		return ""
	}
	return strings.ToUpper(strings.Join(all[len(all)-1][1:], ""))
}
