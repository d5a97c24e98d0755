package jinja

import (
	"fmt"
	"strings"
	"time"
)

// dateLayouts are the directives of strftime as layouts of package time.
var dateLayouts = map[byte]string{
	'd': "02", 'e': "_2", 'm': "01", 'y': "06", 'Y': "2006", 'b': "Jan", 'h': "Jan", 'B': "January", 'a': "Mon", 'A': "Monday",
	'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM", 'j': "002", 'D': "01/02/06", 'F': "2006-01-02", 'T': "15:04:05",
	'R': "15:04",
}

// strftime formats t as C's strftime does in the C locale. A dash after the
// percent sign takes zeros and blanks in front away.
func strftime(format string, t time.Time) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		bare := format[i] == '-' && i+1 < len(format)
		if bare {
			i++
		}
		text, err := directive(format[i], t)
		if err != nil {
			return "", err
		}
		if shorter := strings.TrimLeft(text, "0 "); bare && shorter != "" {
			text = shorter
		} else if bare {
			text = text[len(text)-1:]
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

func directive(c byte, t time.Time) (string, error) {
	switch c {
	case '%':
		return "%", nil
	case 'n':
		return "\n", nil
	case 't':
		return "\t", nil
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000), nil
	case 'Z', 'z': // the time of transformers has no zone
		return "", nil
	}
	layout, ok := dateLayouts[c]
	if !ok {
		return "", fmt.Errorf("date directive %%%c is not supported", c)
	}
	return t.Format(layout), nil
}
