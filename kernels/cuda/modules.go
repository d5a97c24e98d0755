//go:build cuda

package cuda

// #include "driver.h"
import "C"

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"path"
	"strings"

	"gorgonia.org/cu"
)

// nativeCapability is the compute capability that the cubins are for, and
// leastCapability the major one that the PTX is for, which the driver compiles
// for that and every later card.
const (
	nativeCapability = "9.0"
	leastCapability  = 8
)

// embedded are the compiled kernels, made by scripts/cuda/build.sh: in cubin those
// for Hopper, in ptx those for any card, compressed.
//
//go:embed cubin ptx
var embedded embed.FS

// module is one loaded file of kernels.
type module struct{ loaded cu.Module }

// kernel is a function of a module.
type kernel struct {
	name     string
	function C.CUfunction
	params   []int // bytes of each parameter
	resident int   // clusters of it that run at once, once asked for
	shared   int   // dynamic shared memory that it may use, where above staticShared
}

// loadModules loads every file of the set of kernels for the card, so that nothing
// is loaded while a graph is recorded.
func (d *Device) loadModules() error {
	d.modules = make(map[string]*module)
	d.kernels = make(map[string]*kernel)
	folder, suffix := "cubin", ".cubin"
	if d.portable {
		folder, suffix = "ptx", ".ptx.gz"
	}
	files, err := embedded.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), suffix)
		if !ok {
			continue
		}
		image, err := readImage(path.Join(folder, f.Name()))
		if err != nil {
			return fmt.Errorf("read kernels %s: %w", f.Name(), err)
		}
		m, err := cu.LoadData(string(image))
		if err != nil {
			return fmt.Errorf("load kernels %s (they need the driver of CUDA 13, 580 or later): %w", f.Name(), err)
		}
		d.modules[name] = &module{m}
	}
	return nil
}

// readImage returns what an embedded file holds, decompressed.
func readImage(name string) ([]byte, error) {
	image, err := embedded.ReadFile(name)
	if err != nil || !strings.HasSuffix(name, ".gz") {
		return image, err
	}
	r, err := gzip.NewReader(bytes.NewReader(image))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// kernel returns the kernel named "file.symbol".
func (d *Device) kernel(name string) *kernel {
	if k, ok := d.kernels[name]; ok {
		return k
	}
	file, symbol, _ := strings.Cut(name, ".")
	m := d.modules[file]
	if m == nil {
		panic(fmt.Sprintf("cuda: kernel %s: no file %s is embedded; make cubins builds it", name, file))
	}
	unbind := d.bind()
	defer unbind()
	f, err := m.loaded.Function(symbol)
	if err != nil {
		panic(fmt.Sprintf("cuda: kernel %s: file %s has no function %s: %v", name, file, symbol, err))
	}
	k := &kernel{name: name, function: handle[C.CUfunction](f)}
	for i := range maxArguments {
		var n C.size_t
		if C.octorl_param(d.context, k.function, C.size_t(i), &n) != 0 {
			break
		}
		k.params = append(k.params, int(n))
	}
	d.kernels[name] = k
	return k
}
