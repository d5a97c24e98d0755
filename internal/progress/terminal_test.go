package progress

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// terminal understands the control sequences that a display may write, and
// keeps what a person would see.
type terminal struct {
	t             *testing.T
	columns       int
	rows          [][]rune
	row, column   int
	hidden        bool
	colored       bool
	writes, bytes int
}

// Write takes bytes as a terminal does, with \n moving to the line's start.
func (v *terminal) Write(data []byte) (int, error) {
	v.writes++
	v.bytes += len(data)
	for text := string(data); text != ""; {
		if rest, ok := strings.CutPrefix(text, "\x1b["); ok {
			end := strings.IndexFunc(rest, func(r rune) bool { return r >= '@' })
			v.control(rest[:end], rest[end])
			text = rest[end+1:]
			continue
		}
		r := []rune(text)[0]
		text = text[len(string(r)):]
		v.print(r)
	}
	return len(data), nil
}

func (v *terminal) print(r rune) {
	switch r {
	case '\r':
		v.column = 0
		return
	case '\n':
		v.row, v.column = v.row+1, 0
		v.line()
		return
	}
	if v.column == v.columns {
		v.row, v.column = v.row+1, 0
	}
	line := v.line()
	for len(*line) <= v.column {
		*line = append(*line, ' ')
	}
	(*line)[v.column] = r
	v.column++
}

// line returns the cursor's row, which exists from then on.
func (v *terminal) line() *[]rune {
	for len(v.rows) <= v.row {
		v.rows = append(v.rows, nil)
	}
	return &v.rows[v.row]
}

func (v *terminal) control(argument string, command byte) {
	n, _ := strconv.Atoi(argument)
	switch {
	case command == 'A':
		if n > v.row {
			v.t.Errorf("moved up %d rows from row %d", n, v.row)
		}
		v.row = max(v.row-n, 0)
	case command == 'K' && argument == "":
		line := v.line()
		*line = (*line)[:min(len(*line), v.column)]
	case command == 'J' && argument == "":
		line := v.line()
		*line = (*line)[:min(len(*line), v.column)]
		v.rows = v.rows[:v.row+1]
	case command == 'm':
		v.colored = true
	case argument == "?25":
		v.hidden = command == 'l'
	default:
		v.t.Errorf("unknown control sequence %q", argument+string(command))
	}
}

// shows returns the rows without trailing blanks.
func (v *terminal) shows() string {
	var rows []string
	for _, r := range v.rows {
		rows = append(rows, strings.TrimRight(string(r), " "))
	}
	return strings.TrimRight(strings.Join(rows, "\n"), "\n")
}

// fakeClock is a clock that tests move.
type fakeClock struct{ now time.Time }

func newClock() *fakeClock { return &fakeClock{now: time.Date(2025, 1, 1, 12, 0, 0, 0, time.UTC)} }

func (c *fakeClock) read() time.Time         { return c.now }
func (c *fakeClock) advance(d time.Duration) { c.now = c.now.Add(d) }

func TestDetectOfNoTerminal(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, noColor := range []string{"", "1"} {
		d := Detect(f, func(name string) string { return map[string]string{"NO_COLOR": noColor, "TERM": "xterm"}[name] })
		if d.Interactive || d.Color != (noColor == "") {
			t.Errorf("NO_COLOR=%q: %+v", noColor, d)
		}
		if columns, rows := d.Size(); columns != 80 || rows != 24 {
			t.Errorf("size of a file is %d×%d", columns, rows)
		}
	}
}
