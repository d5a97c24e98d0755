package policy

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// TensorFile is an open safetensors file, whose header has been checked against
// the file's size. It is mapped into memory where the system can do so, and read
// in pieces elsewhere. Reads may run concurrently.
type TensorFile struct {
	file    *os.File
	size    int64  // of the file when it was opened
	mapped  []byte // the file, or nil where it is not mapped
	data    int64  // offset of the first tensor in the file
	tensors map[string]tensorEntry
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
	t.size = info.Size()
	if t.tensors, t.data, err = parseHeader(t.file, t.size); err != nil {
		return err
	}
	t.mapped = mapFile(t.file, t.size)
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
	if n := int((e.Offsets[1] - e.Offsets[0]) / dtypeBytes[e.Dtype]); n != len(dst) {
		panic(fmt.Sprintf("policy: tensor %s of %d elements read into %d", name, n, len(dst)))
	}
	return t.each(e, func(values []float32) { dst = dst[copy(dst, values):] })
}

// each calls use with the elements of a float tensor in order, some at a time,
// so that reading takes no memory of the tensor's size. The slice is reused.
func (t *TensorFile) each(e tensorEntry, use func(values []float32)) error {
	const chunkElements = 1 << 18
	size, at := dtypeBytes[e.Dtype], t.data+e.Offsets[0]
	left := (e.Offsets[1] - e.Offsets[0]) / size
	values := make([]float32, min(left, chunkElements))
	var buffer []byte
	if t.mapped == nil {
		buffer = make([]byte, int64(len(values))*size)
	}
	for left > 0 {
		n := min(left, chunkElements)
		if err := t.decode(values[:n], e.Dtype, at, buffer); err != nil {
			return err
		}
		use(values[:n])
		at, left = at+n*size, left-n
	}
	return t.checkSize()
}

// decode converts the bytes from offset at of the file to len(dst) numbers. A
// file that is not mapped is read into buffer.
func (t *TensorFile) decode(dst []float32, dtype string, at int64, buffer []byte) error {
	n := int64(len(dst)) * dtypeBytes[dtype]
	if t.mapped != nil {
		return readMapped(func() { floatDecoders[dtype](dst, t.mapped[at:at+n]) })
	}
	if _, err := t.file.ReadAt(buffer[:n], at); errors.Is(err, io.EOF) {
		return errCutShort
	} else if err != nil {
		return err
	}
	floatDecoders[dtype](dst, buffer)
	return nil
}

// checkSize returns errCutShort where the file has shrunk: in the last page that
// it still reaches, a mapping has zeros after its end, which raise no fault.
func (t *TensorFile) checkSize() error {
	info, err := t.file.Stat()
	if err == nil && info.Size() < t.size {
		err = errCutShort
	}
	return err
}

// Close closes the file. No read may be under way.
func (t *TensorFile) Close() error { return errors.Join(t.unmap(), t.file.Close()) }

// unmap ends the mapping, if there is one; reading goes on without.
func (t *TensorFile) unmap() error {
	mapped := t.mapped
	if t.mapped = nil; mapped == nil {
		return nil
	}
	return unmapFile(mapped)
}
