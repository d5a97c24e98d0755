package jinja

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// isSpace is Python's str.isspace of a character.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

func trimSpace(text string) string  { return strings.TrimFunc(text, isSpace) }
func trimBefore(text string) string { return strings.TrimLeftFunc(text, isSpace) }
func trimAfter(text string) string  { return strings.TrimRightFunc(text, isSpace) }

// upper, lower and title change letters as Python does, also where one becomes
// several: package strings keeps ß.
func upper(text string) string { return cases.Upper(language.Und).String(text) }
func lower(text string) string { return cases.Lower(language.Und).String(text) }
func title(text string) string { return cases.Title(language.Und).String(text) }

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }
