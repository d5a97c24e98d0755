package corpus

import (
	"fmt"
	"slices"
	"strings"
)

// Source is a sequence of documents under the name that mixtures use. A document
// is a function of its arguments.
type Source interface {
	Name() string
	// Document returns document i, from 0 to Len()-1, of a pass over the source.
	Document(epoch, i int) string
	// Len returns the number of documents of a pass, or 0 where they never end.
	Len() int
}

// passageBytes is where long documents of real text are divided, so that a
// mixture changes subject more often than once in a chapter.
const passageBytes = 2000

// OpenSource returns the source of a name: a Style, whose documents g makes with
// the levels taken in turn (a level that is named twice comes twice as often); a
// corpus of Bundled; or a path as Open takes it. GSM8K answers are boxed in
// g.BoxedShare of cases; other real text is divided at paragraphs into passages
// of about 2,000 bytes. Real text for which MentionsHeldOut holds is left out. It
// refuses GSM8KTest, on which policies are evaluated.
func OpenSource(name string, g Generator, levels []int) (Source, error) {
	if slices.Contains(Styles, Style(name)) {
		return newGenerated(Style(name), g, levels)
	}
	texts, err := openTexts(name, g.BoxedShare)
	if err != nil {
		return nil, err
	}
	texts = slices.DeleteFunc(texts, MentionsHeldOut)
	if len(texts) == 0 {
		return nil, fmt.Errorf("open source %s: every document mentions a held-out problem; add other text", name)
	}
	return &documents{name, texts}, nil
}

// openTexts returns GSM8K problems whole and all else in passages.
func openTexts(name string, boxedShare float64) (texts []string, err error) {
	var docs []Document
	switch name {
	case GSM8KTest:
		return nil, fmt.Errorf("open source %s: it is for evaluation and never for training; use %s", name, GSM8KTrain)
	case GSM8KTrain:
		docs, err = GSM8KDocuments(name, boxedShare)
	default:
		docs, err = Open(name)
	}
	for _, d := range docs {
		if name == GSM8KTrain {
			texts = append(texts, d.Text)
		} else {
			texts = append(texts, passages(d.Text)...)
		}
	}
	return texts, err
}

// documents is a source that is wholly in memory.
type documents struct {
	name  string
	texts []string
}

func (s *documents) Name() string             { return s.name }
func (s *documents) Document(_, i int) string { return s.texts[i] }
func (s *documents) Len() int                 { return len(s.texts) }

// generated is an endless source of one style.
type generated struct {
	style  Style
	g      Generator
	levels []int
}

func newGenerated(style Style, g Generator, levels []int) (*generated, error) {
	if g.BoxedShare < 0 || g.BoxedShare > 1 {
		return nil, fmt.Errorf("source %s: the share of boxed answers is %v, want 0 to 1", style, g.BoxedShare)
	}
	if len(levels) == 0 {
		return nil, fmt.Errorf("source %s: no levels; name some of 1 to %d", style, Levels)
	}
	for _, level := range levels {
		if level < 1 || level > Levels {
			return nil, fmt.Errorf("source %s: level %d is outside 1 to %d", style, level, Levels)
		}
	}
	return &generated{style, g, slices.Clone(levels)}, nil
}

func (s *generated) Name() string { return string(s.style) }
func (s *generated) Len() int     { return 0 }

func (s *generated) Document(_, i int) string {
	return s.g.Document(s.style, s.levels[i%len(s.levels)], i)
}

// passages divides text at blank lines into pieces of at most passageBytes, or
// of one paragraph where that is longer.
func passages(text string) (pieces []string) {
	var piece strings.Builder
	flush := func() {
		if piece.Len() > 0 {
			pieces = append(pieces, piece.String())
		}
		piece.Reset()
	}
	for _, paragraph := range strings.Split(text, "\n\n") {
		if piece.Len()+len(paragraph) > passageBytes {
			flush()
		}
		if strings.TrimSpace(paragraph) == "" {
			continue
		}
		if piece.Len() > 0 {
			piece.WriteString("\n\n")
		}
		piece.WriteString(paragraph)
	}
	flush()
	return pieces
}
