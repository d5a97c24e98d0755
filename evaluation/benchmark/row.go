package benchmark

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// row is one line of a benchmark's file, its values as text.
type row map[string]any

// notANumber matches the constant that Python writes and JSON does not have.
var notANumber = regexp.MustCompile(`([\[,:]\s*)NaN`)

func parseRow(line []byte) (row, error) {
	decoder := json.NewDecoder(bytes.NewReader(notANumber.ReplaceAll(line, []byte("${1}null"))))
	decoder.UseNumber()
	var r row
	if err := decoder.Decode(&r); err != nil {
		return nil, fmt.Errorf("want a JSON object: %w", err)
	}
	return r, nil
}

// text returns a value as text: numbers without a fraction of zero, lists with
// commas, null as nothing.
func text(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		if whole, fraction, ok := strings.Cut(v.String(), "."); ok && strings.Trim(fraction, "0") == "" {
			return whole
		}
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = text(v[i])
		}
		return strings.Join(parts, ", ")
	}
	return ""
}

// field matches {name}, {name.} and {name?}.
var field = regexp.MustCompile(`\{([^{}]+?)([.?]?)\}`)

// fill puts the fields of the row into a pattern, see Spec.Question.
func (r row) fill(pattern string) (string, error) {
	var lines []string
	for _, line := range strings.Split(pattern, "\n") {
		filled, keep, err := r.fillLine(line)
		if err != nil {
			return "", err
		}
		if keep {
			lines = append(lines, filled)
		}
	}
	return strings.TrimSpace(strings.Join(lines, "\n")), nil
}

// fillLine reports in keep whether the line is free of optional fields or one of
// its fields has text.
func (r row) fillLine(line string) (filled string, keep bool, err error) {
	keep, some := true, false
	filled = field.ReplaceAllStringFunc(line, func(m string) string {
		parts := field.FindStringSubmatch(m)
		value, known := r[parts[1]]
		t := strings.TrimSpace(text(value))
		switch {
		case parts[2] == "?":
			keep = false
		case !known && err == nil:
			err = fmt.Errorf("there is no field %q; the row has %s", parts[1], r.names())
		}
		some = some || t != ""
		if parts[2] == "." {
			return sentence(t)
		}
		return t
	})
	return filled, keep || some, err
}

// names lists the fields for an error.
func (r row) names() string {
	var all []string
	for name := range r {
		all = append(all, name)
	}
	return strings.Join(sorted(all), ", ")
}

// sentence ends text in a full stop where it has no punctuation.
func sentence(t string) string {
	if t == "" {
		return t
	}
	if last := []rune(t)[len([]rune(t))-1]; unicode.IsLetter(last) || unicode.IsDigit(last) || last == ')' || last == '"' {
		return t + "."
	}
	return t
}

// lastNumber matches the number at the end of a level such as "Level 3".
var lastNumber = regexp.MustCompile(`(\d{1,6})\D*$`)

// level returns the number of a level, or 0.
func level(t string) int {
	m := lastNumber.FindStringSubmatch(t)
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	return n
}
