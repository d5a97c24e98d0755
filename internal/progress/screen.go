package progress

import (
	"bytes"
	"fmt"
	"slices"
)

// The control sequences used, of ECMA-48 and DEC's VT220.
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	eraseLine  = "\x1b[K" // to its end
	eraseBelow = "\x1b[J" // from the cursor
)

// screen remembers what the last frame left on the terminal. Its methods return
// the bytes to write, all at once, so that nothing flickers.
type screen struct {
	shown  frame
	hidden bool // the cursor is
}

// replace returns the bytes that turn the last frame into the next, none where
// they are equal.
func (s *screen) replace(next frame) []byte {
	if next.columns == s.shown.columns && slices.Equal(next.lines, s.shown.lines) {
		return nil
	}
	var b bytes.Buffer
	s.home(&b, next.columns)
	s.draw(&b, next)
	return b.Bytes()
}

// above returns the bytes that put text where the frame was and the frame below
// it.
func (s *screen) above(text []byte, next frame) []byte {
	var b bytes.Buffer
	s.home(&b, next.columns)
	b.WriteString(eraseBelow)
	b.Write(text)
	if !bytes.HasSuffix(text, []byte("\n")) {
		b.WriteByte('\n')
	}
	s.draw(&b, next)
	return b.Bytes()
}

// leave returns the bytes of the last frame of all: it stays, and the cursor
// comes back below it.
func (s *screen) leave(last frame) []byte {
	var b bytes.Buffer
	s.home(&b, last.columns)
	s.draw(&b, last)
	b.WriteString("\n" + showCursor)
	s.hidden = false
	return b.Bytes()
}

// home moves from the end of the shown frame to its beginning. A terminal that
// became narrower has wrapped its lines.
func (s *screen) home(b *bytes.Buffer, columns int) {
	if !s.hidden {
		b.WriteString(hideCursor)
		s.hidden = true
	}
	rows := 0
	for _, l := range s.shown.lines {
		rows += 1 + max(l.columns-1, 0)/max(columns, 1)
	}
	b.WriteByte('\r')
	if rows > 1 {
		fmt.Fprintf(b, "\x1b[%dA", rows-1)
	}
}

// draw writes a frame from the cursor on and leaves the cursor at its end.
func (s *screen) draw(b *bytes.Buffer, next frame) {
	for i, l := range next.lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(l.text + eraseLine)
	}
	b.WriteString(eraseBelow)
	s.shown = next
}
