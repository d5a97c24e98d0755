package tokenizer

// pattern splits text into the pieces within which BPE merges. A regular
// expression names it, and next does what the expression would.
type pattern struct {
	name      string
	regex     string
	gpt2      bool // the alternatives of GPT-2's expression, not of Llama-3's
	maxDigits int  // of a piece of numbers, unless GPT-2's
	lastBlank bool // white space at the end of a text is one piece, with its newlines
}

var (
	llama3 = &pattern{
		name:      "Llama-3",
		regex:     `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
		maxDigits: 3,
	}
	// cl100k is tiktoken's. Its own expression means something else to the readers
	// of tokenizer.json, where {1,3}+ takes any number of digits.
	cl100k = &pattern{
		name:      "cl100k",
		regex:     `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+\z|\s*[\r\n]+|\s+(?!\S)|\s+`,
		maxDigits: 3,
		lastBlank: true,
	}
	qwen2 = &pattern{
		name:      "Qwen2",
		regex:     `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
		maxDigits: 1,
	}
	gpt2 = &pattern{
		name:  "GPT-2",
		regex: `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
		gpt2:  true,
	}
	patterns = []*pattern{llama3, cl100k, qwen2, gpt2}
)

// next returns the end of the piece that starts at i < len(text). Pieces leave
// no character out.
func (p *pattern) next(text string, i int) int {
	// A word, with or without a space, is most pieces and the same in all patterns.
	first := text[i]
	if first == ' ' && i+1 < len(text) {
		first = text[i+1]
		if isLetter[first] {
			return letters(text, i+2)
		}
	} else if isLetter[first] {
		return letters(text, i+1)
	}
	if p.gpt2 {
		return nextGPT2(text, i)
	}
	return p.nextModern(text, i)
}

// nextModern follows the alternatives of the Llama-3 and Qwen2 expressions in
// their order.
func (p *pattern) nextModern(text string, i int) int {
	if text[i] == '\'' {
		if end := contraction(text, i, true); end > i {
			return end
		}
	}
	c, n := classAt(text, i)
	after := i + n
	switch c {
	case letter:
		return letters(text, after)
	case number:
		return digits(text, after, p.maxDigits-1)
	}
	following, width := other, 0
	if after < len(text) {
		following, width = classAt(text, after)
	}
	switch {
	case c != newline && width > 0 && following == letter:
		return letters(text, after+width)
	case c == other:
		return skip(text, skip(text, after, other), newline)
	case text[i] == ' ' && width > 0 && following == other:
		return skip(text, skip(text, after+width, other), newline)
	}
	return blanks(text, i, true, p.lastBlank)
}

// nextGPT2 follows the alternatives of GPT-2's expression.
func nextGPT2(text string, i int) int {
	if text[i] == '\'' {
		if end := contraction(text, i, false); end > i {
			return end
		}
	}
	start := i
	if text[i] == ' ' && i+1 < len(text) {
		start++
	}
	if c, n := classAt(text, start); c != space && c != newline {
		return skip(text, start+n, c)
	}
	return blanks(text, i, false, false)
}

// digits returns the end of at most most numbers from i on.
func digits(text string, i, most int) int {
	for ; most > 0 && i < len(text); most-- {
		c, n := classAt(text, i)
		if c != number {
			break
		}
		i += n
	}
	return i
}

// blanks returns the end of a piece of the white space that starts at i: all of
// it at the end of the text, else all but the last character, which goes with
// what follows, but at least one. With lines it ends after the last newline
// instead, where there is one, with lastBlank not at the end of the text.
func blanks(text string, i int, lines, lastBlank bool) int {
	end, last, line := i, i, 0
	for end < len(text) {
		c, n := classAt(text, end)
		if c != space && c != newline {
			break
		}
		last = end
		end += n
		if c == newline {
			line = end
		}
	}
	switch {
	case lastBlank && end == len(text):
		return end
	case lines && line > 0:
		return line
	case end < len(text) && last > i:
		return last
	}
	return end
}

// contraction returns the end of an English contraction whose apostrophe is at
// i, or i. Folding case, the long s is an s too, as in Oniguruma.
func contraction(text string, i int, fold bool) int {
	at := func(j int) byte {
		if j >= len(text) {
			return 0
		}
		if b := text[j]; !fold || b < 'A' || b > 'Z' {
			return b
		}
		return text[j] + 'a' - 'A'
	}
	switch first, second := at(i+1), at(i+2); {
	case first == 's' || first == 't' || first == 'm' || first == 'd':
		return i + 2
	case (first == 'r' || first == 'v') && second == 'e', first == 'l' && second == 'l':
		return i + 3
	case fold && first == 0xC5 && second == 0xBF: // ſ
		return i + 3
	}
	return i
}
