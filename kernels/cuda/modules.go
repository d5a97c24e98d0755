//go:build cuda

package cuda

// #include "driver.h"
import "C"

import (
	"embed"
	"fmt"
	"path"
	"strings"

	"gorgonia.org/cu"
)

// capability is the compute capability that the embedded cubins are for.
const capability = "9.0"

// cubins are the compiled kernels, a file for each .cu beside this one, made by
// scripts/cuda/build.sh.
//
//go:embed cubin
var cubins embed.FS

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

// loadModules loads every embedded file, so that nothing is loaded while a
// graph is recorded.
func (d *Device) loadModules() error {
	d.modules = make(map[string]*module)
	d.kernels = make(map[string]*kernel)
	files, err := cubins.ReadDir("cubin")
	if err != nil {
		return err
	}
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), ".cubin")
		if !ok {
			continue
		}
		image, err := cubins.ReadFile(path.Join("cubin", f.Name()))
		if err != nil {
			return err
		}
		m, err := cu.LoadData(string(image))
		if err != nil {
			return fmt.Errorf("load kernels %s (they need the driver of CUDA 13, 580 or later): %w", f.Name(), err)
		}
		d.modules[name] = &module{m}
	}
	return nil
}

// kernel returns the kernel named "file.symbol".
func (d *Device) kernel(name string) *kernel {
	if k, ok := d.kernels[name]; ok {
		return k
	}
	file, symbol, _ := strings.Cut(name, ".")
	m := d.modules[file]
	if m == nil {
		panic(fmt.Sprintf("cuda: kernel %s: no embedded cubin/%s.cubin; make cubins builds it", name, file))
	}
	unbind := d.bind()
	defer unbind()
	f, err := m.loaded.Function(symbol)
	if err != nil {
		panic(fmt.Sprintf("cuda: kernel %s: no function %s in cubin/%s.cubin: %v", name, symbol, file, err))
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
