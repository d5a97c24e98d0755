package reward

import (
	"regexp"
	"strings"
)

var (
	listBefore = regexp.MustCompile(`[-−]?[\d.,/]*\d\s*,?\s+or\s+$`)
	// candidates are at least two numbers, or one and an ellipsis, before a last one.
	candidates = regexp.MustCompile(`(?:[-−]?\d[\d./]*\s*(?:[,;]\s*(?:(?:\.\.\.|…|\\[lc]?dots)\s*[,;]?\s*|(?:and|or)\s+)?|\s(?:and|or)\s+)){2,}$|\d\s*;\s*$|\d\s*[,;]?\s*(?:\.\.\.|…|\\[lc]?dots)\s*[,;]?\s*$`)
	// onlyNumbers is a text of several numbers.
	onlyNumbers = regexp.MustCompile(`^[-−]?[\d.,/]*\d(?:[\s,;]+(?:(?:and|or)\s+)?[-−]?[\d.,/]*\d)+$`)
	tupleTail   = regexp.MustCompile(`^\s*(?:\)|\]|\\?\})`)
	tupleHead   = regexp.MustCompile(`(?:\(|\[|\\?\{)\s*(?:[-−]?[\d./]+\s*,\s*)+$`)
	// minusApart is a minus with a space behind it and no value before it.
	minusApart = regexp.MustCompile(`(?:^|=|\bis|:)\s*[-−]\s+$`)
	// bulleted is a line that begins with a minus.
	bulleted = regexp.MustCompile(`\n\s*[-−]\s+$`)
	// operand is what a number is only a part of a value with: an operation, a
	// relation, or a function.
	operand = regexp.MustCompile(`(?:[\d)}\]A-Za-z!]\s*(?:[-−+*/×÷·±<>≤≥≠=]|\\(?:pm|cdot|times|div))|[\^_<>≤≥≠√]|[<>!]=|\*\*|(?:^|[=(\n]\s*|\bis\s+)\d+:|\\(?:leq?|geq?|neq?|lt|gt)|\\?\b(?:sqrt|log|ln|sin|cos|tan|exp))\s*[-−+]?\s*[({]?\s*$`)
	// equated ends with a sign of equality, that of 4!=24 also.
	equated = regexp.MustCompile(`(?:^|[^<>!]|[^\s]!)=\s*$`)
	// run is an expression or a relation at the end of a text.
	run = regexp.MustCompile(`(?:(?:\\?\b(?:sqrt|log|ln|sin|cos|tan|exp|pm|cdot|times|div|leq?|geq?|neq?|lt|gt)\b|\b[A-Za-z]\b|\d[\d.,]*[A-Za-z]?|[-−+*/×÷·±:^_<>≤≥≠=!(){}|√%])\s*)+$`)
	// runTail is what belongs to an expression behind its last number.
	runTail = regexp.MustCompile(`^[)}\]!]*`)
	// degreesBehind is a degree sign.
	degreesBehind = regexp.MustCompile(`^\^\s*\{?\s*\\circ`)
	// named is the name that a number may be the end of.
	named = regexp.MustCompile(`[A-Za-z]+$`)
)

// maxContext bounds what is looked at beside a value, in bytes.
const maxContext = 64

// bareNumbers returns a text that is several numbers, not all the same: none of
// them is the answer more than the others.
func bareNumbers(text string) string {
	text = strings.Trim(text, " \n\t.")
	if !onlyNumbers.MatchString(text) {
		return ""
	}
	all := strings.Fields(text)
	for _, number := range all {
		if number != all[0] {
			return text
		}
	}
	return ""
}

// inContext returns the last number in text with what it is not complete without:
// the numbers that it is listed with, the tuple or interval that it ends, its sign,
// or the expression that it is a part of.
func inContext(text, number string) string {
	at := strings.LastIndex(text, number)
	before, after := text[max(0, at-maxContext):at], text[at+len(number):]
	if other := listBefore.FindString(before); other != "" {
		return other + number
	}
	if head := tupleHead.FindString(before); head != "" {
		if tail := tupleTail.FindString(after); tail != "" {
			return head + number + tail
		}
	}
	if list := candidates.FindString(before); list != "" {
		return list + number
	}
	return inExpression(before, number, after)
}

// inExpression returns a number with the sign, the name or the operations that it
// is attached to.
func inExpression(before, number, after string) string {
	line, _, _ := strings.Cut(after, "\n")
	switch {
	case minusApart.MatchString(before), bulleted.MatchString(before) && strings.Trim(line, " .*") == "":
		return "-" + number
	case strings.HasPrefix(number, "$") || strings.HasPrefix(number, `\$`):
		return number
	}
	if name := named.FindString(before); name != "" && currencies[name] == "" && !isUnit(name) {
		return name + number
	}
	if before != "" && strings.ContainsAny(number[:1], "+-") && isVariableEnd(before) || operand.MatchString(before) && !equated.MatchString(before) {
		return run.FindString(before) + number + runTail.FindString(after)
	}
	if strings.HasPrefix(after, "!") || strings.HasPrefix(after, "^") && !degreesBehind.MatchString(after) {
		return number + after[:1]
	}
	return number
}

// isVariableEnd reports whether a text ends with a variable: one letter.
func isVariableEnd(text string) bool {
	n := len(text)
	return isLetter(text[n-1]) && (n == 1 || !isLetter(text[n-2]))
}
