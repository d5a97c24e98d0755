package policy

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
)

// maxHeaderBytes bounds the header of a safetensors file, as the format does.
const maxHeaderBytes = 100 << 20

// dtypeBytes are the element types we know the size of, as the format names
// them. Only the floating-point ones of at most 32 bits are read as weights.
var dtypeBytes = map[string]int64{
	"F64": 8, "F32": 4, "F16": 2, "BF16": 2,
	"I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
}

// metadataEntry is the one entry of a header that is no tensor.
const metadataEntry = "__metadata__"

// tensorEntry is what a header says of a tensor.
type tensorEntry struct {
	Dtype   string  `json:"dtype"`
	Shape   []int64 `json:"shape"`
	Offsets []int64 `json:"data_offsets"` // [from, to) after the header
}

// parseHeader reads the header of a file of size bytes. It allocates no more
// than the file has bytes, up to a factor.
func parseHeader(r io.ReaderAt, size int64) (tensors map[string]tensorEntry, data int64, err error) {
	var length [8]byte
	if size < int64(len(length)) {
		return nil, 0, fmt.Errorf("file of %d bytes is too short for a header", size)
	}
	if _, err := r.ReadAt(length[:], 0); err != nil {
		return nil, 0, err
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeaderBytes || int64(n) > size-8 {
		return nil, 0, fmt.Errorf("header of %d bytes in a file of %d: the file is truncated or not safetensors", n, size)
	}
	header := make([]byte, n)
	if _, err := r.ReadAt(header, 8); err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, err
	}
	if tensors, err = decodeHeader(header); err != nil {
		return nil, 0, err
	}
	data = 8 + int64(n)
	return tensors, data, checkCoverage(tensors, size-data)
}

// decodeHeader reads an object of entries by name. A name that comes twice is
// refused: readers disagree on which of the two counts.
func decodeHeader(header []byte) (map[string]tensorEntry, error) {
	d := json.NewDecoder(bytes.NewReader(header))
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return nil, errors.New("header is not a JSON object")
	}
	tensors, metadata := map[string]tensorEntry{}, map[string]string(nil)
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("header: %w", err)
		}
		name := token.(string) // a key, or Token would have failed
		if _, twice := tensors[name]; twice || (name == metadataEntry && metadata != nil) {
			return nil, fmt.Errorf("tensor %s is listed twice", name)
		}
		if name == metadataEntry {
			metadata = map[string]string{}
			if err := d.Decode(&metadata); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			continue
		}
		e, err := decodeEntry(d)
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", name, err)
		}
		tensors[name] = e
	}
	if _, err := d.Token(); err != nil { // the closing brace
		return nil, fmt.Errorf("header: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("header goes on after its JSON object")
	}
	return tensors, nil
}

func decodeEntry(d *json.Decoder) (tensorEntry, error) {
	var e tensorEntry
	if err := d.Decode(&e); err != nil {
		return e, err
	}
	return e, e.check()
}

func (e tensorEntry) check() error {
	bytes, known := dtypeBytes[e.Dtype]
	switch {
	case !known:
		return fmt.Errorf("dtype %q is unknown", e.Dtype)
	case e.Shape == nil:
		return errors.New("shape is missing")
	case len(e.Offsets) != 2:
		return fmt.Errorf("data_offsets %v are not two numbers", e.Offsets)
	}
	for _, d := range e.Shape {
		if d < 0 || (d > 0 && bytes > math.MaxInt64/d) {
			return fmt.Errorf("shape %v is impossible", e.Shape)
		}
		bytes *= d
	}
	from, to := e.Offsets[0], e.Offsets[1]
	if from < 0 || to < from || to-from != bytes {
		return fmt.Errorf("data_offsets %v: %s of shape %v takes %d bytes", e.Offsets, e.Dtype, e.Shape, bytes)
	}
	return nil
}

// checkCoverage reports where tensors do not follow one another without gap or
// overlap from 0 to size.
func checkCoverage(tensors map[string]tensorEntry, size int64) error {
	names := slices.SortedFunc(maps.Keys(tensors), func(a, b string) int {
		return cmp.Or(slices.Compare(tensors[a].Offsets, tensors[b].Offsets), cmp.Compare(a, b))
	})
	end := int64(0)
	for _, name := range names {
		o := tensors[name].Offsets
		if o[0] != end {
			return fmt.Errorf("tensor %s: data_offsets %v overlap the tensor before it or leave a gap: that one ends at %d", name, o, end)
		}
		end = o[1]
	}
	if end != size {
		return fmt.Errorf("tensors take %d bytes, the file holds %d: it is truncated or has bytes left over", end, size)
	}
	return nil
}
