// Package tensorboard writes event files that TensorBoard reads: records framed as
// TensorFlow does, of protocol buffers encoded by hand, since there are three of
// them. Names, steps, times and numbers enter; bytes leave. It knows nothing of
// runs or metrics. Read Writer.
package tensorboard

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"math"
	"slices"
	"time"
)

// FilePrefix begins the name of an event file; TensorBoard reads the files of a
// folder in the order of their names and takes the rest of a name as it is.
const FilePrefix = "events.out.tfevents."

// The numbers of the fields written, of event.proto and summary.proto.
const (
	eventTime     = 1 // double, s
	eventStep     = 2 // int64
	eventVersion  = 3 // string
	eventSummary  = 5 // Summary
	eventSession  = 7 // SessionLog
	summaryValue  = 1 // Value, repeated
	valueTag      = 1 // string
	valueNumber   = 2 // float
	sessionStatus = 1 // enum; 1 is START
)

// The wire types of protocol buffers.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// Writer appends events to one file. It belongs to one goroutine.
type Writer struct{ out io.Writer }

// NewWriter writes the beginning of an event file: its version, and that what a
// reader has of this folder from other files starts anew at step 0.
func NewWriter(out io.Writer, at time.Time) (*Writer, error) {
	w := &Writer{out: out}
	version := appendBytes(event(at, 0), eventVersion, []byte("brain.Event:2"))
	if err := w.record(version); err != nil {
		return nil, err
	}
	start := appendVarint(nil, sessionStatus, 1)
	return w, w.record(appendBytes(event(at, 0), eventSession, start))
}

// Scalars writes values by their tags at a step. Tags with a slash are shown in
// groups by what stands before it.
func (w *Writer) Scalars(step int, at time.Time, values map[string]float64) error {
	var summary []byte
	for _, tag := range slices.Sorted(maps.Keys(values)) {
		value := appendBytes(nil, valueTag, []byte(tag))
		value = appendKey(value, valueNumber, wireFixed32)
		value = binary.LittleEndian.AppendUint32(value, math.Float32bits(float32(values[tag])))
		summary = appendBytes(summary, summaryValue, value)
	}
	return w.record(appendBytes(event(at, step), eventSummary, summary))
}

// event returns the fields that every event has.
func event(at time.Time, step int) []byte {
	seconds := float64(at.Unix()) + float64(at.Nanosecond())/1e9
	b := appendKey(nil, eventTime, wireFixed64)
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(seconds))
	if step == 0 {
		return b // which is what no field means
	}
	return appendVarint(b, eventStep, uint64(step))
}

func appendKey(b []byte, field, wire int) []byte {
	return binary.AppendUvarint(b, uint64(field<<3|wire))
}

func appendVarint(b []byte, field int, v uint64) []byte {
	return binary.AppendUvarint(appendKey(b, field, wireVarint), v)
}

func appendBytes(b []byte, field int, data []byte) []byte {
	b = binary.AppendUvarint(appendKey(b, field, wireBytes), uint64(len(data)))
	return append(b, data...)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked returns the checksum of data as records carry it: turned and shifted, so
// that a record within a record does not check itself.
func masked(data []byte) uint32 {
	crc := crc32.Checksum(data, castagnoli)
	return (crc>>15 | crc<<17) + 0xa282ead8
}

// record writes data in its frame, in one write.
func (w *Writer) record(data []byte) error {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	b = binary.LittleEndian.AppendUint32(b, masked(b))
	b = append(b, data...)
	b = binary.LittleEndian.AppendUint32(b, masked(data))
	if _, err := w.out.Write(b); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	return nil
}
