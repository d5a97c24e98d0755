package message

import (
	"encoding/binary"
	"fmt"
)

const (
	maxDepth  = 16      // maps and arrays within each other; bodies need five
	maxValues = 1 << 16 // in all, keys included; per-token arrays count as one
)

// checkStructure returns ErrMalformed unless data is exactly one msgpack value
// whose lengths stay within data, with bounded depth and number. Extension
// types are refused: nothing here uses them.
func checkStructure(data []byte) error {
	var left [maxDepth + 1]int // values still to come, by depth
	left[0] = 1
	depth, values, rest := 0, 0, data
	for depth >= 0 {
		if left[depth] == 0 {
			depth--
			continue
		}
		left[depth]--
		payload, children, after, ok := header(rest)
		values += children
		switch at := len(data) - len(rest); {
		case !ok || payload > len(after) || children > len(after):
			return fmt.Errorf("%w: byte %d of %d: value is cut off or of no known type", ErrMalformed, at, len(data))
		case values > maxValues:
			return fmt.Errorf("%w: byte %d of %d: more than %d values", ErrMalformed, at, len(data), maxValues)
		case children > 0 && depth == maxDepth:
			return fmt.Errorf("%w: byte %d of %d: nested deeper than %d", ErrMalformed, at, len(data), maxDepth)
		}
		rest = after[payload:]
		if children > 0 {
			depth++
			left[depth] = children
		}
	}
	if len(rest) > 0 {
		return fmt.Errorf("%w: %d bytes after the value", ErrMalformed, len(rest))
	}
	return nil
}

// header reads the first bytes of a value: how many bytes of its own and how
// many values follow them, and where.
func header(data []byte) (payload, children int, after []byte, ok bool) {
	if len(data) == 0 {
		return 0, 0, nil, false
	}
	c, after := data[0], data[1:]
	switch {
	case c <= 0x7f || c >= 0xe0 || c == 0xc0 || c == 0xc2 || c == 0xc3: // small integers, nil, booleans
		return 0, 0, after, true
	case c <= 0x8f: // map
		return 0, 2 * int(c&0x0f), after, true
	case c <= 0x9f: // array
		return 0, int(c & 0x0f), after, true
	case c <= 0xbf: // string
		return int(c & 0x1f), 0, after, true
	case c == 0xca || c == 0xcb: // floats of 4 and 8 bytes
		return 4 << (c - 0xca), 0, after, true
	case c >= 0xcc && c <= 0xd3: // integers of 1, 2, 4 and 8 bytes, unsigned then signed
		return 1 << (c & 3), 0, after, true
	case c >= 0xc4 && c <= 0xc6: // bytes, with a length of 1, 2 or 4 bytes
		n, after, ok := length(after, 1<<(c-0xc4))
		return n, 0, after, ok
	case c >= 0xd9 && c <= 0xdb: // string, likewise
		n, after, ok := length(after, 1<<(c-0xd9))
		return n, 0, after, ok
	case c == 0xdc || c == 0xdd: // array, with a length of 2 or 4 bytes
		n, after, ok := length(after, 2<<(c-0xdc))
		return 0, n, after, ok
	case c == 0xde || c == 0xdf: // map, likewise
		n, after, ok := length(after, 2<<(c-0xde))
		return 0, 2 * n, after, ok
	}
	return 0, 0, nil, false
}

// length reads a big-endian length of size bytes.
func length(data []byte, size int) (n int, after []byte, ok bool) {
	if len(data) < size {
		return 0, nil, false
	}
	var word [4]byte
	copy(word[4-size:], data[:size])
	return int(binary.BigEndian.Uint32(word[:])), data[size:], true
}
