package policy

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
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

// TensorFile is an open safetensors file, whose header has been checked against
// the file's size. Reads may run concurrently.
type TensorFile struct {
	file    *os.File
	data    int64 // offset of the first tensor in the file
	tensors map[string]tensorEntry
}

type tensorEntry struct {
	Dtype   string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"` // [from, to) after the header
}

// OpenTensorFile opens a safetensors file and checks its header: every tensor
// lies inside the file, none overlap, nothing is left over, and each has as many
// bytes as its shape and type say. The error names the file and the tensor. The
// caller closes it.
func OpenTensorFile(path string) (*TensorFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open tensors: %w", err)
	}
	t := &TensorFile{file: f}
	if err := t.readHeader(); err != nil {
		f.Close()
		return nil, fmt.Errorf("read tensors %s: %w", path, err)
	}
	return t, nil
}

func (t *TensorFile) readHeader() error {
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	t.tensors, t.data, err = parseHeader(t.file, info.Size())
	return err
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
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(header, &entries); err != nil {
		return nil, 0, fmt.Errorf("header: %w", err)
	}
	delete(entries, "__metadata__")
	tensors = make(map[string]tensorEntry, len(entries))
	for name, raw := range entries {
		var e tensorEntry
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil, 0, fmt.Errorf("tensor %s: %w", name, err)
		}
		if err := e.check(); err != nil {
			return nil, 0, fmt.Errorf("tensor %s: %w", name, err)
		}
		tensors[name] = e
	}
	data = 8 + int64(n)
	return tensors, data, checkCoverage(tensors, size-data)
}

func (e tensorEntry) check() error {
	bytes, known := dtypeBytes[e.Dtype]
	if !known {
		return fmt.Errorf("unknown type %q", e.Dtype)
	}
	for _, d := range e.Shape {
		if d < 0 || (d > 0 && bytes > math.MaxInt64/d) {
			return fmt.Errorf("impossible shape %v", e.Shape)
		}
		bytes *= d
	}
	from, to := e.Offsets[0], e.Offsets[1]
	if from < 0 || to < from || to-from != bytes {
		return fmt.Errorf("bytes [%d, %d) for %s of shape %v, which takes %d", from, to, e.Dtype, e.Shape, bytes)
	}
	return nil
}

// checkCoverage reports where tensors do not follow one another without gap or
// overlap from 0 to size.
func checkCoverage(tensors map[string]tensorEntry, size int64) error {
	names := make([]string, 0, len(tensors))
	for name := range tensors {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		x, y := tensors[a].Offsets, tensors[b].Offsets
		return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1]), cmp.Compare(a, b))
	})
	end := int64(0)
	for _, name := range names {
		o := tensors[name].Offsets
		if o[0] != end {
			return fmt.Errorf("tensor %s begins at byte %d, the one before it ends at %d", name, o[0], end)
		}
		end = o[1]
	}
	if end != size {
		return fmt.Errorf("tensors take %d bytes, the file holds %d: it is truncated or has bytes left over", end, size)
	}
	return nil
}

// Names returns the names of the tensors in ascending order.
func (t *TensorFile) Names() []string {
	names := make([]string, 0, len(t.tensors))
	for name := range t.tensors {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// ReadFloat32 reads the tensor called name into dst, converting F16 and BF16. It
// fails, naming file and tensor, where the tensor is missing, is of another
// type, or is not of the given shape, whose number of elements dst must have.
func (t *TensorFile) ReadFloat32(name string, dst []float32, shape []int) error {
	if err := t.readFloat32(name, dst, shape); err != nil {
		return fmt.Errorf("read tensor %s of %s: %w", name, t.file.Name(), err)
	}
	return nil
}

// expect returns the entry of the tensor called name if it is a float tensor of
// the given shape.
func (t *TensorFile) expect(name string, shape []int) (tensorEntry, error) {
	e, ok := t.tensors[name]
	if !ok {
		return e, errors.New("there is no such tensor")
	}
	if floatDecoders[e.Dtype] == nil {
		return e, fmt.Errorf("type %s: weights must be F32, F16 or BF16", e.Dtype)
	}
	if !slices.EqualFunc(e.Shape, shape, func(a int64, b int) bool { return a == int64(b) }) {
		return e, fmt.Errorf("shape %v, expected %v", e.Shape, shape)
	}
	return e, nil
}

func (t *TensorFile) readFloat32(name string, dst []float32, shape []int) error {
	e, err := t.expect(name, shape)
	if err != nil {
		return err
	}
	size := int(dtypeBytes[e.Dtype])
	if n := int(e.Offsets[1]-e.Offsets[0]) / size; n != len(dst) {
		panic(fmt.Sprintf("policy: tensor %s of %d elements read into %d", name, n, len(dst)))
	}
	chunk := make([]byte, min(len(dst)*size, 1<<20))
	for at := t.data + e.Offsets[0]; len(dst) > 0; {
		n := min(len(dst), len(chunk)/size)
		if _, err := t.file.ReadAt(chunk[:n*size], at); err != nil {
			return err
		}
		floatDecoders[e.Dtype](dst[:n], chunk)
		dst, at = dst[n:], at+int64(n*size)
	}
	return nil
}

// Close closes the file.
func (t *TensorFile) Close() error { return t.file.Close() }
