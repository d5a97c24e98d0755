//go:build cuda

package cuda

// #include <stdlib.h>
// #include "driver.h"
import "C"

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/octorl/octorl/kernels"
)

// grid is the size of a launch: blocks, of which y and z are 1 when 0, threads
// a block, and bytes of dynamic shared memory a block.
type grid struct{ x, y, z, threads, shared int }

// argumentBytes is the room for one argument of a kernel; the largest is a
// tensorMap.
const (
	argumentBytes = 128
	maxArguments  = 48
	staticShared  = 48 << 10 // dynamic shared memory above this is asked for
)

// arguments is the host memory from which the driver takes a kernel's
// arguments: a slot each, and the pointers to the slots.
type arguments struct {
	pointers *unsafe.Pointer
	slots    unsafe.Pointer
}

func newArguments() *arguments {
	a := &arguments{
		pointers: (*unsafe.Pointer)(C.malloc(C.size_t(maxArguments * unsafe.Sizeof(uintptr(0))))),
		slots:    C.malloc(maxArguments * argumentBytes),
	}
	pointers := unsafe.Slice(a.pointers, maxArguments)
	for i := range pointers {
		pointers[i] = unsafe.Add(a.slots, i*argumentBytes)
	}
	return a
}

func (a *arguments) free() {
	C.free(unsafe.Pointer(a.pointers))
	C.free(a.slots)
}

// put stores argument i and returns its size in bytes.
func (a *arguments) put(i int, arg any) int {
	slot := unsafe.Add(a.slots, i*argumentBytes)
	switch v := arg.(type) {
	case nil:
		*(*uint64)(slot) = 0
	case *buffer:
		*(*uint64)(slot) = 0
		if v != nil {
			*(*uint64)(slot) = uint64(v.at)
		}
	case devicePointer:
		*(*uint64)(slot) = uint64(v)
	case int32:
		*(*int32)(slot) = v
		return 4
	case float32:
		*(*float32)(slot) = v
		return 4
	case int64:
		*(*int64)(slot) = v
	case uint64:
		*(*uint64)(slot) = v
	case tensorMap:
		*(*tensorMap)(slot) = v
		return len(v)
	default:
		panic(fmt.Sprintf("cuda: argument %d of a kernel is a %T", i, arg))
	}
	return 8
}

// launch queues one kernel, "file.symbol", with its arguments: buffers (a nil
// one is address 0), devicePointer, int32, int64, uint64, float32 and tensorMap
// (by value). Only methods between enter and leave call it. After a fault it
// does nothing.
func (d *Device) launch(name string, g grid, args ...any) {
	if d.idle() {
		return
	}
	k := d.kernel(name)
	if g.x == 0 {
		d.check(k, args)
		return
	}
	d.rehearseFault()
	d.check(k, args)
	d.allowShared(k, g.shared)
	d.recent.add(launched{kernel: name, grid: g})
	code := C.octorl_launch(d.context, k.function, C.uint(g.x), C.uint(max(g.y, 1)), C.uint(max(g.z, 1)),
		C.uint(g.threads), C.uint(g.shared), d.cStream(), d.args.pointers)
	if code == 0 && d.eager && d.capture == nil {
		code = C.octorl_drain(d.context, d.cStream())
	}
	if code != 0 {
		d.fail(fmt.Errorf("kernel %s, %s: %w", name, describeLaunch(g, args), driverError(code)))
	}
}

// rehearseFault counts launches down to the one that OCTORL_CUDA_FAULT asks for,
// before which it queues a kernel that reads memory that is not there: what a card
// does that fails or vanishes.
func (d *Device) rehearseFault() {
	if d.faultIn == 0 || d.capture != nil {
		return
	}
	if d.faultIn--; d.faultIn == 0 {
		const nowhere, n = devicePointer(4096), 2048
		d.launch("transfer.round_bf16", d.flat(n, 8), nowhere, nowhere, int64(n))
	}
}

// allowShared lets k have so many bytes of dynamic shared memory a block.
func (d *Device) allowShared(k *kernel, bytes int) {
	if bytes > staticShared && bytes > k.shared {
		d.try(k.name+": shared memory", status(C.octorl_max_shared(d.context, k.function, C.int(bytes))))
		k.shared = bytes
	}
}

// resident returns how many clusters of so many blocks of a kernel run at once,
// g telling the threads and shared memory of a block.
func (d *Device) resident(name string, cluster int, g grid) int {
	if d.idle() {
		return 1
	}
	k := d.kernel(name)
	if k.resident > 0 {
		return k.resident
	}
	if d.portable { // which has no clusters
		return d.sms * max(1, 1024/g.threads)
	}
	d.allowShared(k, g.shared)
	var n C.int
	d.try(name+": occupancy", status(C.octorl_clusters(d.context, k.function, C.uint(cluster), C.uint(g.threads), C.uint(g.shared), &n)))
	k.resident = max(1, int(n))
	return k.resident
}

// check stores the arguments and compares their sizes with the kernel's.
func (d *Device) check(k *kernel, args []any) {
	if len(args) != len(k.params) {
		panic(fmt.Sprintf("cuda: kernel %s has %d parameters, not %d", k.name, len(k.params), len(args)))
	}
	for i, arg := range args {
		if n := d.args.put(i, arg); n != k.params[i] {
			panic(fmt.Sprintf("cuda: parameter %d of kernel %s has %d bytes, and a %T has %d", i, k.name, k.params[i], arg, n))
		}
	}
}

// describeLaunch names the shape of a launch and of its buffers.
func describeLaunch(g grid, args []any) string {
	var s strings.Builder
	fmt.Fprintf(&s, "grid %d×%d×%d of %d threads, %d bytes shared, arguments", g.x, max(g.y, 1), max(g.z, 1), g.threads, g.shared)
	for _, arg := range args {
		switch v := arg.(type) {
		case *buffer:
			if v != nil {
				fmt.Fprintf(&s, " %s[%d]", v.kind, v.n)
				continue
			}
			s.WriteString(" nil")
		case tensorMap:
			s.WriteString(" map")
		case devicePointer:
			fmt.Fprintf(&s, " %#x", uint64(v))
		default:
			fmt.Fprintf(&s, " %v", v)
		}
	}
	return s.String()
}

// launched is a kernel as it was queued.
type launched struct {
	kernel string
	grid   grid
}

// trail remembers the last launches.
type trail struct {
	last [24]launched
	next int
}

func (t *trail) add(l launched) {
	t.last[t.next%len(t.last)] = l
	t.next++
}

// String lists the launches, the latest last.
func (t *trail) String() string {
	var names []string
	for i := max(0, t.next-len(t.last)); i < t.next; i++ {
		l := t.last[i%len(t.last)]
		names = append(names, fmt.Sprintf("%s(%d×%d×%d)", l.kernel, l.grid.x, max(l.grid.y, 1), max(l.grid.z, 1)))
	}
	return strings.Join(names, " ")
}

// tensorMap describes a tiled range of memory to the copy engine; kernels take
// it by value (const __grid_constant__ CUtensorMap).
type tensorMap [argumentBytes]byte

// mapKey is what a tensorMap depends on.
type mapKey struct {
	at      devicePointer
	kind    kernels.Type
	rank    int
	dims    [5]uint64
	strides [4]uint64
	box     [5]uint32
	swizzle int
}

// maxMaps bounds the tensor maps that are kept.
const maxMaps = 1 << 14

// tensorMap returns the map of the array of dims elements of type t at p, read
// in boxes; dims and box have the fastest dimension first, strides are those of
// the other dimensions, in bytes, multiples of 16. swizzle is 0, 32, 64 or 128
// bytes. What lies outside reads as zeros and is not written.
func (d *Device) tensorMap(p devicePointer, t kernels.Type, dims, strides []uint64, box []uint32, swizzle int) tensorMap {
	k := mapKey{at: p, kind: t, rank: len(dims), swizzle: swizzle}
	copy(k.dims[:], dims)
	copy(k.strides[:], strides)
	copy(k.box[:], box)
	if m, ok := d.maps[k]; ok {
		return m
	}
	if len(strides) != len(dims)-1 || len(box) != len(dims) {
		panic(fmt.Sprintf("cuda: tensor map of %d dimensions, %d strides, a box of %d", len(dims), len(strides), len(box)))
	}
	var m tensorMap
	if d.plan != nil {
		return m
	}
	code := C.octorl_tensor_map(unsafe.Pointer(&m), C.int(t), C.uint(len(dims)), C.uint64_t(p),
		(*C.uint64_t)(&k.dims[0]), (*C.uint64_t)(&k.strides[0]), (*C.uint32_t)(&k.box[0]), C.int(swizzle))
	if code != 0 {
		d.fail(fmt.Errorf("tensor map at %#x of %s, dims %v, strides %v, box %v, swizzle %d: %w",
			uint64(p), t, dims, strides, box, swizzle, driverError(code)))
		return m
	}
	if len(d.maps) >= maxMaps {
		clear(d.maps)
	}
	d.maps[k] = m
	return m
}
