package policy

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/octorl/octorl/kernels"
)

// WriteTensorFile writes tensors whose values lie in arena, each from its
// Offset, as a safetensors file of type F32, replacing path. Besides weights it
// serves whatever is laid out like them, such as an optimizer's moments. The
// bytes are a pure function of the arguments. It does not sync: see WriteDir.
func WriteTensorFile(path string, tensors []Tensor, arena []float32) error {
	return writeTensorFile(path, tensors, arena, kernels.Float32)
}

// dtypeNames are the element types that are written, as the format names them.
var dtypeNames = map[kernels.Type]string{kernels.Float32: "F32", kernels.BFloat16: "BF16"}

// writeTensorFile is WriteTensorFile of elements of type t; values are cut to
// the bits that t has, which loses nothing of what a device holds in t.
func writeTensorFile(path string, tensors []Tensor, arena []float32, t kernels.Type) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write tensors: %w", err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	err = writeTensors(w, tensors, arena, t)
	if err == nil {
		err = w.Flush()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write tensors %s: %w", path, err)
	}
	return nil
}

func writeTensors(w io.Writer, tensors []Tensor, arena []float32, kind kernels.Type) error {
	header, err := encodeHeader(tensors, kind)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, t := range tensors {
		values := arena[t.Offset : t.Offset+t.numElements()]
		write := writeFloats
		if kind == kernels.BFloat16 {
			write = writeHalves
		}
		if err := write(w, values); err != nil {
			return err
		}
	}
	return nil
}

// encodeHeader returns the length and the header, padded so that the data begin
// at a multiple of 8 bytes.
func encodeHeader(tensors []Tensor, kind kernels.Type) ([]byte, error) {
	entries := map[string]any{metadataEntry: map[string]string{"format": "pt"}}
	offset := int64(0)
	for _, t := range tensors {
		end := offset + int64(kind.Size())*int64(t.numElements())
		e := tensorEntry{Dtype: dtypeNames[kind], Shape: []int64{}, Offsets: []int64{offset, end}}
		for _, d := range t.Shape {
			e.Shape = append(e.Shape, int64(d))
		}
		entries[t.Name] = e
		offset = e.Offsets[1]
	}
	b, err := json.Marshal(entries)
	if err != nil {
		return nil, fmt.Errorf("encode header: %w", err)
	}
	for len(b)%8 != 0 {
		b = append(b, ' ')
	}
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(b))), b...), nil
}

// writeFloats writes v as little-endian bytes.
func writeFloats(w io.Writer, v []float32) error {
	var chunk [16 << 10]byte
	for len(v) > 0 {
		n := min(len(v), len(chunk)/4)
		for i, x := range v[:n] {
			binary.LittleEndian.PutUint32(chunk[4*i:], math.Float32bits(x))
		}
		if _, err := w.Write(chunk[:4*n]); err != nil {
			return err
		}
		v = v[n:]
	}
	return nil
}

// writeHalves writes v as the upper halves of their little-endian bytes:
// BFloat16.
func writeHalves(w io.Writer, v []float32) error {
	var chunk [16 << 10]byte
	for len(v) > 0 {
		n := min(len(v), len(chunk)/2)
		for i, x := range v[:n] {
			binary.LittleEndian.PutUint16(chunk[2*i:], uint16(math.Float32bits(x)>>16))
		}
		if _, err := w.Write(chunk[:2*n]); err != nil {
			return err
		}
		v = v[n:]
	}
	return nil
}
