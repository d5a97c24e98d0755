// Package message is what actors tell each other across the bus: the message
// types, the envelope they travel in, and its bytes.
//
// A message enters as a value and leaves as bytes, and the other way round.
// The package knows neither subjects nor who sends what to whom. Read
// Envelope, then GroupRequested and the types beside it.
//
// An envelope is a msgpack map with the keys k (kind), v (body version), i
// (id), s (sender), t (time) and b (body, bytes that hold another msgpack map
// with short keys). Keys that the reader does not know are skipped, so adding
// one keeps the version. Per-token arrays are little-endian bytes. Golden
// bytes of every kind and version are in testdata, written by golden.py.
package message

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
)

var (
	// ErrMalformed is returned when bytes are not an envelope with a whole body
	// of its kind. Receiving them again cannot help: terminate the delivery.
	ErrMalformed = errors.New("malformed message")
	// ErrUnknownKind is returned when an envelope is of a kind that this
	// program does not have.
	ErrUnknownKind = errors.New("unknown kind of message")
	// ErrNewerVersion is returned when the body's version is newer than this
	// program's: the sender runs a later release.
	ErrNewerVersion = errors.New("message of a newer version")
)

// Envelope is what is known of a message besides its body.
type Envelope struct {
	Kind    string // noun and verb, e.g. "group.requested"; set by Encode
	Version int    // of the body, from 1; set by Encode
	ID      string // names the fact told: the same on every repetition of it
	Sender  string // node that sent it
	Sent    int64  // Unix time in ns, by the sender's clock
}

// envelope is the wire form. Keys are never reused for something else.
type envelope struct {
	Kind    string `msgpack:"k"`
	Version int    `msgpack:"v"`
	ID      string `msgpack:"i"`
	Sender  string `msgpack:"s"`
	Sent    int64  `msgpack:"t"`
	Body    []byte `msgpack:"b"`
}

// Encode returns the bytes of a message, which the caller owns. body is a
// value of one of this package's message types, or Encode panics; it is only
// read. Encode returns ErrMalformed for a body that Decode would refuse, such
// as a trajectory with fewer logprobs than tokens.
func Encode(env Envelope, body any) ([]byte, error) {
	k := kindOf(body)
	if err := check(body); err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", k.name(), env.ID, err)
	}
	data, err := marshal(body)
	if err == nil {
		data, err = marshal(envelope{k.name(), k.version, env.ID, env.Sender, env.Sent, data})
	}
	if err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", k.name(), env.ID, err)
	}
	return data, nil
}

// Decode returns the envelope and the body of a message; the body is a value,
// not a pointer, and shares no memory with data. It returns ErrMalformed,
// ErrUnknownKind or ErrNewerVersion; with the latter two, the envelope is
// valid. The time and memory it spends are bounded by a small multiple of
// len(data), whatever the bytes say.
func Decode(data []byte) (Envelope, any, error) {
	var e envelope
	if err := unmarshal(data, &e); err != nil {
		return Envelope{}, nil, fmt.Errorf("decode envelope: %w", err)
	}
	env := Envelope{e.Kind, e.Version, e.ID, e.Sender, e.Sent}
	k, ok := kindsByName[e.Kind]
	switch {
	case !ok:
		return env, nil, fmt.Errorf("%w: %.100q from %.100q", ErrUnknownKind, e.Kind, e.Sender)
	case e.Version > k.version:
		return env, nil, fmt.Errorf("%w: %s is version %d from %.100q, known up to %d: upgrade this node", ErrNewerVersion, e.Kind, e.Version, e.Sender, k.version)
	case e.Version < 1:
		return env, nil, fmt.Errorf("%w: %s has version %d", ErrMalformed, e.Kind, e.Version)
	}
	body, err := k.decode(e.Body)
	if err != nil {
		return env, nil, fmt.Errorf("decode %s %.100q from %.100q: %w", e.Kind, e.ID, e.Sender, err)
	}
	return env, body, nil
}

func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	e := msgpack.NewEncoder(&buf)
	e.UseCompactInts(true)
	err := e.Encode(v)
	return buf.Bytes(), err
}

// unmarshal decodes data into what v points to. The structure is checked
// before the decoder sees it, for the decoder trusts lengths and recurses.
func unmarshal(data []byte, v any) error {
	if err := checkStructure(data); err != nil {
		return err
	}
	if c := data[0]; c>>4 != 0x8 && c != 0xde && c != 0xdf { // the decoder takes arrays for structs too
		return fmt.Errorf("%w: want a map, got type byte %#x", ErrMalformed, c)
	}
	if err := msgpack.NewDecoder(bytes.NewReader(data)).Decode(v); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return nil
}

// check runs the body's own check, if it has one.
func check(body any) error {
	c, ok := body.(interface{ check() error })
	if !ok {
		return nil
	}
	if err := c.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return nil
}
