package message

import (
	"bytes"
	"errors"
	"testing"
)

func TestStructure(t *testing.T) {
	nested := func(n int) []byte { return append(bytes.Repeat([]byte{0x91}, n), 0x01) }
	wide := func(n int) []byte {
		return append([]byte{0xdd, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, make([]byte, n)...)
	}
	for _, c := range []struct {
		name  string
		data  []byte
		valid bool
	}{
		{"small integer", []byte{0x7f}, true},
		{"negative integer", []byte{0xff}, true},
		{"nil", []byte{0xc0}, true},
		{"true", []byte{0xc3}, true},
		{"float of 4 bytes", []byte{0xca, 1, 2, 3, 4}, true},
		{"float of 8 bytes", []byte{0xcb, 1, 2, 3, 4, 5, 6, 7, 8}, true},
		{"unsigned of 1 byte", []byte{0xcc, 1}, true},
		{"unsigned of 8 bytes", []byte{0xcf, 1, 2, 3, 4, 5, 6, 7, 8}, true},
		{"signed of 2 bytes", []byte{0xd1, 1, 2}, true},
		{"signed of 4 bytes", []byte{0xd2, 1, 2, 3, 4}, true},
		{"short string", []byte{0xa2, 'a', 'b'}, true},
		{"string 8", []byte{0xd9, 2, 'a', 'b'}, true},
		{"string 16", []byte{0xda, 0, 2, 'a', 'b'}, true},
		{"string 32", []byte{0xdb, 0, 0, 0, 2, 'a', 'b'}, true},
		{"bytes 8", []byte{0xc4, 1, 9}, true},
		{"bytes 16", []byte{0xc5, 0, 1, 9}, true},
		{"bytes 32", []byte{0xc6, 0, 0, 0, 1, 9}, true},
		{"empty map", []byte{0x80}, true},
		{"map 16 of one", []byte{0xde, 0, 1, 0xa1, 'k', 1}, true},
		{"map 32 of one", []byte{0xdf, 0, 0, 0, 1, 0xa1, 'k', 1}, true},
		{"array 16 of two", []byte{0xdc, 0, 2, 1, 2}, true},
		{"array after array", []byte{0x92, 0x92, 1, 2, 0x91, 3}, true},
		{"as deep as allowed", nested(maxDepth), true},
		{"as wide as allowed", wide(maxValues), true},

		{"nothing", nil, false},
		{"trailing byte", []byte{0x01, 0x01}, false},
		{"never used code", []byte{0xc1}, false},
		{"extension", []byte{0xd4, 1, 1}, false},
		{"extension with length", []byte{0xc7, 1, 1, 1}, false},
		{"float cut off", []byte{0xca, 1, 2, 3}, false},
		{"string cut off", []byte{0xa2, 'a'}, false},
		{"length cut off", []byte{0xdb, 0, 0, 0}, false},
		{"map without value", []byte{0x81, 0xa1, 'k'}, false},
		{"array 16 one short", []byte{0xdc, 0, 2, 1}, false},
		{"4 GiB of bytes", []byte{0xc6, 0xff, 0xff, 0xff, 0xff, 0}, false},
		{"4 G of elements", []byte{0xdd, 0xff, 0xff, 0xff, 0xff, 0}, false},
		{"8 G of map values", []byte{0xdf, 0xff, 0xff, 0xff, 0xff, 0}, false},
		{"one too deep", nested(maxDepth + 1), false},
		{"one too wide", wide(maxValues + 1), false},
	} {
		err := checkStructure(c.data)
		if c.valid != (err == nil) || err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: error %v, want valid %v", c.name, err, c.valid)
		}
	}
}
