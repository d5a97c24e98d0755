package corpus

import (
	"strconv"
	"strings"
)

// MentionsHeldOut reports whether text holds an expression, at any depth, or a
// linear equation in one letter whose key is held out. Signs may be those of plain
// text, of LaTeX or of typesetting. It knows nothing of word problems.
func MentionsHeldOut(text string) bool {
	s := scanner{words: words(plainSigns.Replace(text))}
	for len(s.words) > 0 {
		if key := s.equation(); key != "" && HeldOut(key) {
			return true
		}
		e := s.expression(0, 0)
		if e == nil {
			s.words = s.words[1:]
			continue
		}
		found := false
		e.walk(func(node *expr) { found = found || node.ok && HeldOut(node.key()) })
		if found {
			return true
		}
	}
	return false
}

// plainSigns rewrites the signs of LaTeX and typesetting as the generator's.
var plainSigns = strings.NewReplacer(
	`\cdot`, "*", `\times`, "*", `\div`, "/", `\left`, "", `\right`, "", `\bmod`, "mod",
	"×", "*", "·", "*", "⋅", "*", "÷", "/", "−", "-", "–", "-",
)

// words cuts text into numbers, runs of letters and single other bytes.
func words(text string) []string {
	out := make([]string, 0, len(text)/4)
	for i := 0; i < len(text); {
		n := 1
		for kind := kindOf(text[i]); kind != 0 && i+n < len(text) && kindOf(text[i+n]) == kind; {
			n++
		}
		if text[i] > ' ' {
			out = append(out, text[i:i+n])
		}
		i += n
	}
	return out
}

// kindOf returns 'd' for a digit, 'l' for a letter and 0 for other bytes.
func kindOf(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return 'd'
	case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
		return 'l'
	}
	return 0
}

const (
	maxDepth    = 8 // of parentheses
	maxOperands = 8 // of a sum or product; longer ones are read in parts
)

// scanner reads expressions off the front of words.
type scanner struct{ words []string }

func (s *scanner) peek() string {
	if len(s.words) == 0 {
		return ""
	}
	return s.words[0]
}

// equation returns the key of the linear equation at the front, whose left side
// begins with a coefficient, or "" where there is none. It takes no word: what
// follows may be part of an expression.
func (s *scanner) equation() string {
	ahead := scanner{s.words}
	left, sign, constant := ahead.term(), ahead.take("+-"), ahead.number()
	if left == "" || left == "x" || sign == "" || constant == "" || ahead.take("=") == "" {
		return ""
	}
	key := equationKey(left + sign + constant + "=")
	second := ahead
	if right := second.term(); right != "" && second.take("+") != "" {
		key, ahead = key+right+"+", second
	}
	if value := ahead.number(); value != "" {
		return key + value
	}
	return ""
}

// term takes a letter with or without a coefficient and returns it with the letter
// that keys have.
func (s *scanner) term() string {
	coefficient := s.number()
	if letter := s.peek(); len(letter) != 1 || kindOf(letter[0]) != 'l' {
		return ""
	}
	s.words = s.words[1:]
	return coefficient + "x"
}

// number takes a number, take one of the bytes; both return "" where there is none.
func (s *scanner) number() string {
	word := s.peek()
	if word == "" || kindOf(word[0]) != 'd' {
		return ""
	}
	s.words = s.words[1:]
	return word
}

func (s *scanner) take(bytes string) string {
	word := s.peek()
	if len(word) != 1 || !strings.Contains(bytes, word) {
		return ""
	}
	s.words = s.words[1:]
	return word
}

// expression returns the longest expression at the front whose operations bind at
// least as tightly as precedence; or nil, with no word taken, where there is none.
func (s *scanner) expression(precedence, depth int) *expr {
	e := s.operand(depth)
	for n := 1; e != nil && n < maxOperands; n++ {
		op, binding := operation(s.peek())
		if op == 0 || binding < precedence {
			return e
		}
		// An operation with nothing behind it is dropped: kept, every enclosing
		// call would try it again.
		s.words = s.words[1:]
		right := s.expression(binding+1, depth)
		if right == nil {
			return e
		}
		e = binary(op, e, right)
	}
	return e
}

// operand returns the number or the expression in parentheses at the front.
func (s *scanner) operand(depth int) *expr {
	before := s.words
	if digits := s.number(); digits != "" {
		n, err := strconv.Atoi(digits)
		e := number(n)
		e.ok = err == nil && n <= maxValue
		return e
	}
	if depth == maxDepth || s.take("(") == "" {
		return nil
	}
	e := s.expression(0, depth+1)
	if e == nil || s.take(")") == "" {
		s.words = before
		return nil
	}
	return e
}

// operation returns the operation that a word stands for and how tightly it
// binds, as expr.precedence has it, or 0.
func operation(word string) (op Op, precedence int) {
	switch word {
	case "mod":
		op = '%'
	case "+", "-", "*", "/":
		op = Op(word[0])
	default:
		return 0, 0
	}
	return op, (&expr{op: op}).precedence()
}
