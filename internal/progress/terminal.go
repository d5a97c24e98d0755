package progress

import (
	"os"

	"golang.org/x/term"
)

// Terminal says what a display writes to.
type Terminal struct {
	// Interactive means a terminal that understands control sequences; else
	// plain lines are written, and nothing of the rest is used.
	Interactive bool
	// Color allows colors.
	Color bool
	// Size returns columns and rows, read before every frame.
	Size func() (columns, rows int)
}

// Detect returns what f is. A terminal with TERM=dumb gets plain lines, and one
// with NO_COLOR set to anything but "" no colors (no-color.org). getenv is
// os.Getenv.
func Detect(f *os.File, getenv func(string) string) Terminal {
	descriptor := int(f.Fd())
	return Terminal{
		Interactive: term.IsTerminal(descriptor) && getenv("TERM") != "dumb",
		Color:       getenv("NO_COLOR") == "",
		Size: func() (columns, rows int) {
			columns, rows, err := term.GetSize(descriptor)
			if err != nil || columns < 1 || rows < 1 {
				return 80, 24
			}
			return columns, rows
		},
	}
}
