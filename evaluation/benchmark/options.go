package benchmark

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
)

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

// maxOptions is how many letters a choice may use, those that package reward
// knows.
const maxOptions = 10

// letter names an option.
func letter(i int) string { return string(rune('A' + i)) }

// optionsOf returns the options in a field: a list, or a text in which each
// begins with its letter.
func optionsOf(value any) ([]string, error) {
	var options []string
	switch v := value.(type) {
	case []any:
		for _, o := range v {
			options = append(options, strings.TrimSpace(text(o)))
		}
	case string:
		options = splitOptions(v)
	}
	if len(options) < 2 || len(options) > maxOptions {
		return nil, fmt.Errorf("options %q: want a list of 2 to %d, or a text such as \"A) … B) …\"", text(value), maxOptions)
	}
	return options, nil
}

// firstOption finds whether the letters of options are small.
var firstOption = regexp.MustCompile(`^[\s\['"(]*([Aa])\s?[).]`)

// splitOptions divides a text before each next letter with a parenthesis or full
// stop behind it. A small letter must follow a comma, a capital one white space.
func splitOptions(t string) []string {
	m := firstOption.FindStringSubmatch(t)
	if m == nil {
		return nil
	}
	small := m[1] == "a"
	rest, options := t[len(m[0]):], []string{}
	for i := 1; ; i++ {
		mark := `\s\(?` + letter(i) + `\s?[).]`
		if small {
			mark = `,['"\s]*` + strings.ToLower(letter(i)) + ` \)`
		}
		at := regexp.MustCompile(mark).FindStringIndex(rest)
		if at == nil || i == maxOptions {
			return append(options, trimOption(rest, i-1))
		}
		options = append(options, trimOption(rest[:at[0]], i-1))
		rest = rest[at[1]:]
	}
}

// trimOption removes what separates options, and the letter where it was written
// twice.
func trimOption(t string, i int) string {
	t = strings.Trim(t, " \t\n,'\"[]")
	for _, l := range []string{letter(i), strings.ToLower(letter(i))} {
		t = strings.TrimPrefix(t, l+" ) ")
	}
	return strings.TrimSpace(t)
}

// listed puts options under a question.
func listed(question string, options []string) string {
	var b strings.Builder
	b.WriteString(question)
	for i, o := range options {
		b.WriteString("\n(" + letter(i) + ") " + o)
	}
	return b.String()
}

// shuffled mixes the right option with wrong ones in an order that id alone
// decides, and returns the letter of the right one.
func shuffled(id, right string, wrong []string) (options []string, answer string) {
	h := fnv.New64a()
	h.Write([]byte(id))
	options = append([]string{right}, wrong...)
	order := rand.New(rand.NewPCG(h.Sum64(), 0)).Perm(len(options))
	mixed := make([]string, len(options))
	for from, to := range order {
		mixed[to] = options[from]
	}
	return mixed, letter(order[0])
}
