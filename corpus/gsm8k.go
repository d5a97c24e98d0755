package corpus

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// The two parts of GSM8K (arXiv:2110.14168) by the names that Open takes.
const (
	GSM8KTrain = "gsm8k-train" // 7,473 problems
	GSM8KTest  = "gsm8k-test"  // 1,319 problems, for evaluation only
)

// calculation marks what a calculator was asked, as in <<48/2=24>>.
var calculation = regexp.MustCompile(`<<[^>]*>>`)

// GSM8K returns the problems of GSM8KTrain or GSM8KTest, in file order, with
// Level 0. Answers are what follows "####", without thousands separators;
// solutions are what precedes it, without calculator marks. It returns an error
// that names the parts when there is no such one.
func GSM8K(part string) ([]Problem, error) {
	if part != GSM8KTrain && part != GSM8KTest {
		return nil, fmt.Errorf("GSM8K has no part %q; choose %s or %s", part, GSM8KTrain, GSM8KTest)
	}
	f, err := openFile(part)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", part, err)
	}
	defer f.Close()
	var problems []Problem
	err = eachLine(f, func(number int, line []byte) error {
		var row struct{ Question, Answer, CoT string }
		if err := json.Unmarshal(line, &row); err != nil {
			return err
		}
		p := gsm8kProblem(row.Question, row.Answer, row.CoT)
		p.ID = fmt.Sprintf("%s/%d", part, number-1)
		problems = append(problems, p)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", part, err)
	}
	return problems, nil
}

// gsm8kProblem takes both layouts: the solution within the answer, or apart.
func gsm8kProblem(question, answer, solution string) Problem {
	if before, after, ok := strings.Cut(answer, "####"); ok {
		solution, answer = before, after
	}
	return Problem{
		Question: strings.TrimSpace(question),
		Answer:   strings.ReplaceAll(strings.TrimSpace(answer), ",", ""),
		Solution: strings.TrimSpace(calculation.ReplaceAllString(solution, "")),
	}
}

// GSM8KDocuments returns the problems of a part as questions with solutions and
// answers. An even boxedShare (0 to 1) of them, the same ones at every call, give
// the answer as \boxed{n}. Errors are those of GSM8K.
func GSM8KDocuments(part string, boxedShare float64) ([]Document, error) {
	problems, err := GSM8K(part)
	docs := make([]Document, len(problems))
	for i, p := range problems {
		// The whole part of i·share goes up by one at just that share of steps.
		boxed := int(float64(i+1)*boxedShare) > int(float64(i)*boxedShare)
		docs[i] = Document{p.ID, asked(p.Question, p.Solution+"\n"+final(p.Answer, boxed))}
	}
	return docs, err
}
