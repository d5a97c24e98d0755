package policy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tensorBytes returns a safetensors file of the given header and data.
func tensorBytes(header string, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func writeFile(t *testing.T, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// eachWay runs test on a file of tensors that is mapped, where the system maps
// files, and on one that is read in pieces.
func eachWay(t *testing.T, path string, test func(t *testing.T, f *TensorFile)) {
	t.Helper()
	for name, mapped := range map[string]bool{"mapped": true, "read": false} {
		t.Run(name, func(t *testing.T) {
			f := mustOpen(t, path)
			if mapped && f.mapped == nil {
				t.Skip("this system does not map files")
			}
			if !mapped {
				if err := f.unmap(); err != nil || f.mapped != nil {
					t.Fatal(err)
				}
			}
			test(t, f)
		})
	}
}

func TestTensorFileWriteRead(t *testing.T) {
	arena := []float32{1, -2, 3.5, float32(math.Inf(-1)), 0, 1e-40}
	tensors := []Tensor{{Name: "late", Shape: []int{2}, Offset: 4}, {Name: "early", Shape: []int{2, 2}, Offset: 0}, {Name: "empty", Shape: []int{0, 3}}}
	path := writeFile(t, "x", nil)
	if err := WriteTensorFile(path, tensors, arena); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(path)
	if n := binary.LittleEndian.Uint64(b); n%8 != 0 || !bytes.Contains(b[:8+n], []byte(`"__metadata__":{"format":"pt"}`)) {
		t.Errorf("header of %d bytes: %s", n, b[8:8+n])
	}
	eachWay(t, path, func(t *testing.T, f *TensorFile) {
		if got := f.Names(); !slices.Equal(got, []string{"early", "empty", "late"}) {
			t.Errorf("names %v", got)
		}
		for _, x := range tensors {
			got := make([]float32, x.numElements())
			if err := f.ReadFloat32(x.Name, got, x.Shape); err != nil {
				t.Error(err)
			}
			if want := arena[x.Offset : x.Offset+len(got)]; !slices.Equal(got, want) {
				t.Errorf("%s: read %v, wrote %v", x.Name, got, want)
			}
		}
	})
}

// TestTensorFileOfManyPieces reads a tensor that takes more than one piece, after
// another that ends at an odd place.
func TestTensorFileOfManyPieces(t *testing.T) {
	arena := make([]float32, 7+600_000)
	for i := range arena {
		arena[i] = float32(i)
	}
	path := writeFile(t, "x", nil)
	tensors := []Tensor{{Name: "a", Shape: []int{7}}, {Name: "b", Shape: []int{600, 1000}, Offset: 7}}
	if err := WriteTensorFile(path, tensors, arena); err != nil {
		t.Fatal(err)
	}
	eachWay(t, path, func(t *testing.T, f *TensorFile) {
		got := make([]float32, 600_000)
		if err := f.ReadFloat32("b", got, []int{600, 1000}); err != nil || !slices.Equal(got, arena[7:]) {
			t.Errorf("read %v … %v, %v", got[:3], got[len(got)-3:], err)
		}
	})
}

// TestTensorFileCutShortWhileOpen cuts a file that is open: far before a tensor's
// end, where reading a mapping faults, and one byte before it, where it gives a
// zero.
func TestTensorFileCutShortWhileOpen(t *testing.T) {
	const elements = 50_000
	header := fmt.Sprintf(`{"a":{"dtype":"F32","shape":[%d],"data_offsets":[0,%d]}}`, elements, 4*elements)
	whole := tensorBytes(header, make([]byte, 4*elements)...)
	for _, size := range []int{len(whole) - 1, len(whole) / 2, 8, 0} {
		path := writeFile(t, "x", whole)
		eachWay(t, path, func(t *testing.T, f *TensorFile) {
			if err := os.Truncate(path, int64(size)); err != nil {
				t.Fatal(err)
			}
			err := f.ReadFloat32("a", make([]float32, elements), []int{elements})
			if !errors.Is(err, errCutShort) || !strings.Contains(err.Error(), path) {
				t.Errorf("cut from %d to %d bytes: %v, expected the file's name and that it was cut short", len(whole), size, err)
			}
			if err := os.WriteFile(path, whole, 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestReadMappedPassesPanicsOn checks that only faults of memory become errors.
func TestReadMappedPassesPanicsOn(t *testing.T) {
	defer func() {
		if got := recover(); got != "a mistake" {
			t.Errorf("recovered %v", got)
		}
	}()
	err := readMapped(func() { panic("a mistake") })
	t.Errorf("returned %v", err)
}

func TestTensorFileReadAfterClose(t *testing.T) {
	path := writeFile(t, "x", tensorBytes(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 1, 2, 3, 4))
	f := mustOpen(t, path)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.ReadFloat32("a", make([]float32, 1), []int{1}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("%v, expected that the file is closed", err)
	}
}

func TestTensorFileConverts(t *testing.T) {
	header := `{"half":{"dtype":"F16","shape":[8],"data_offsets":[0,16]},"brain":{"dtype":"BF16","shape":[2],"data_offsets":[16,20]}}`
	var data []byte
	for _, h := range []uint16{0x3C00, 0xC000, 0x7BFF, 0x0001, 0x8000, 0x7C00, 0x03FF, 0x3555, 0x3F80, 0xC049} {
		data = binary.LittleEndian.AppendUint16(data, h)
	}
	// IEEE 754 binary16 examples: 1, −2, the largest, the smallest subnormal, −0,
	// infinity, the largest subnormal, and the nearest to 1/3.
	want := []float32{1, -2, 65504, 1.0 / (1 << 24), 0, float32(math.Inf(1)), 1023.0 / (1 << 24), 0.333251953125}
	eachWay(t, writeFile(t, "x", tensorBytes(header, data...)), func(t *testing.T, f *TensorFile) {
		half, brain := make([]float32, 8), make([]float32, 2)
		if err := f.ReadFloat32("half", half, []int{8}); err != nil {
			t.Fatal(err)
		}
		if err := f.ReadFloat32("brain", brain, []int{2}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(half, want) || !math.Signbit(float64(half[4])) {
			t.Errorf("F16 %v, expected %v", half, want)
		}
		if !slices.Equal(brain, []float32{1, -3.140625}) {
			t.Errorf("BF16 %v", brain)
		}
	})
	if !math.IsNaN(float64(float16(0x7E00))) {
		t.Error("F16 NaN is lost")
	}
}

func TestTensorFileRefusesByName(t *testing.T) {
	entry := func(dtype, shape string, from, to int64) string {
		return fmt.Sprintf(`{"weight":{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]}}`, dtype, shape, from, to)
	}
	eight := make([]byte, 8)
	for name, tt := range map[string]struct {
		file []byte
		want string
	}{
		"too short":       {[]byte{1, 2, 3}, "too short"},
		"huge header":     {binary.LittleEndian.AppendUint64(nil, 1<<40), "header of"},
		"truncated":       {tensorBytes(entry("F32", "[2]", 0, 8), eight[:5]...), "truncated"},
		"header cut":      {tensorBytes(entry("F32", "[2]", 0, 8))[:20], "header of"},
		"not JSON":        {tensorBytes("{oops}"), "header"},
		"unknown type":    {tensorBytes(entry("F31", "[2]", 0, 8), eight...), `weight: dtype "F31" is unknown`},
		"negative shape":  {tensorBytes(entry("F32", "[-2]", 0, 8), eight...), "weight: shape [-2] is impossible"},
		"overflow":        {tensorBytes(entry("F32", "[4294967296,4294967296]", 0, 0)), "weight: shape [4294967296 4294967296] is impossible"},
		"wrong bytes":     {tensorBytes(entry("F32", "[3]", 0, 8), eight...), "weight: data_offsets [0 8]"},
		"backwards":       {tensorBytes(entry("F32", "[2]", 8, 0), eight...), "weight: data_offsets [8 0]"},
		"out of range":    {tensorBytes(entry("F32", "[2]", 8, 16), eight...), "weight: data_offsets [8 16] overlap the tensor before it or leave a gap"},
		"negative offset": {tensorBytes(entry("F32", "[2]", -8, 0), eight...), "weight: data_offsets [-8 0]"},
		"overlap": {tensorBytes(`{"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]},"b":{"dtype":"U8","shape":[5],"data_offsets":[3,8]}}`, eight...),
			"b: data_offsets [3 8] overlap"},
		"same bytes twice": {tensorBytes(`{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}`, eight...),
			"b: data_offsets [0 8] overlap"},
		"name twice": {tensorBytes(`{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}`, eight...),
			"a is listed twice"},
		"no shape":      {tensorBytes(`{"a":{"dtype":"F32","data_offsets":[0,4]}}`, eight[:4]...), "a: shape is missing"},
		"no offsets":    {tensorBytes(`{"a":{"dtype":"F32","shape":[0]}}`), "a: data_offsets [] are not two"},
		"third offset":  {tensorBytes(`{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8,16]}}`, eight...), "a: data_offsets [0 8 16] are not two"},
		"shape of text": {tensorBytes(`{"a":{"dtype":"U8","shape":["8"],"data_offsets":[0,8]}}`, eight...), "tensor a"},
		"beyond int64":  {tensorBytes(`{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,99999999999999999999]}}`, eight...), "data_offsets"},
		"metadata":      {tensorBytes(`{"__metadata__":{"n":1}}`), "__metadata__"},
		"a list":        {tensorBytes(`[]`), "not a JSON object"},
		"after the end": {tensorBytes(`{} {}`), "header goes on"},
		"not closed":    {tensorBytes(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`), "header"},
		"left over":     {tensorBytes(entry("F32", "[1]", 0, 4), eight...), "left over"},
	} {
		path := writeFile(t, "model.safetensors", tt.file)
		_, err := OpenTensorFile(path)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, expected the file's name and %q", name, err, tt.want)
		}
	}
}

func TestReadFloat32RefusesByName(t *testing.T) {
	header := `{"i":{"dtype":"I32","shape":[1],"data_offsets":[0,4]},"f":{"dtype":"F32","shape":[1,1],"data_offsets":[4,8]}}`
	f, err := OpenTensorFile(writeFile(t, "x", tensorBytes(header, make([]byte, 8)...)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for name, want := range map[string]string{"i": "type I32", "f": "shape [1 1], expected [1]", "g": "no such tensor"} {
		err := f.ReadFloat32(name, make([]float32, 1), []int{1})
		if err == nil || !strings.Contains(err.Error(), "tensor "+name) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, expected %q", name, err, want)
		}
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add(tensorBytes(`{"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"__metadata__":{"format":"pt"}}`, make([]byte, 8)...))
	f.Add(tensorBytes(`{}`))
	f.Add(tensorBytes(`{"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]},"b":{"dtype":"U8","shape":[5],"data_offsets":[3,8]}}`, make([]byte, 8)...))
	f.Add(tensorBytes(`{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}`, make([]byte, 8)...))
	f.Add(tensorBytes(`{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}`, make([]byte, 8)...))
	f.Add(tensorBytes(`{"a":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}}`, make([]byte, 5)...))
	f.Add(binary.LittleEndian.AppendUint64(nil, math.MaxUint64))
	f.Fuzz(func(t *testing.T, b []byte) {
		tensors, data, err := parseHeader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		total, owner := int64(0), make([]string, len(b)) // of each byte
		for name, e := range tensors {
			if e.Offsets[0] < 0 || data+e.Offsets[1] > int64(len(b)) {
				t.Fatalf("tensor %s lies outside the file: %+v", name, e)
			}
			for i := data + e.Offsets[0]; i < data+e.Offsets[1]; i++ {
				if owner[i] != "" {
					t.Fatalf("tensors %q and %q share byte %d", owner[i], name, i)
				}
				owner[i] = name + "!" // an empty name owns too
			}
			total += e.Offsets[1] - e.Offsets[0]
		}
		if data+total != int64(len(b)) {
			t.Errorf("tensors take %d bytes after %d of a file of %d", total, data, len(b))
		}
	})
}

func FuzzParseIndex(f *testing.F) {
	f.Add([]byte(`{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}`))
	f.Add([]byte(`{"weight_map":{"a":"../../etc/passwd"}}`))
	f.Add([]byte(`{"weight_map":{}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		index, err := parseIndex(b)
		if err == nil && len(index.files()) == 0 {
			t.Error("an index without shards was accepted")
		}
		for _, name := range index.files() {
			if err == nil && !filepath.IsLocal(name) {
				t.Errorf("shard %q lies outside the folder", name)
			}
		}
	})
}
