// The Hopper instructions that the kernels are made of: mbarriers, the copy
// engine (TMA), named barriers, and wgmma.
#pragma once
#include <cstdint>
#include <cuda_bf16.h>

// TensorMap is the driver's CUtensorMap, whose contents only the copy engine
// reads.
struct alignas(64) TensorMap {
	uint8_t opaque[128];
};

namespace ptx {

__device__ __forceinline__ uint32_t shared_address(const void *p) {
	return static_cast<uint32_t>(__cvta_generic_to_shared(p));
}

__device__ __forceinline__ void barrier_init(uint32_t bar, uint32_t arrivals) {
	asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(bar), "r"(arrivals) : "memory");
}

__device__ __forceinline__ void barrier_expect(uint32_t bar, uint32_t bytes) {
	asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(bar), "r"(bytes) : "memory");
}

__device__ __forceinline__ void barrier_arrive(uint32_t bar) {
	asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(bar) : "memory");
}

// barrier_wait returns when the phase of the given parity has completed.
__device__ __forceinline__ void barrier_wait(uint32_t bar, uint32_t parity) {
	uint32_t done;
	do {
		asm volatile("{\n.reg .pred p;\n"
					 "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
					 "selp.u32 %0, 1, 0, p;\n}"
					 : "=r"(done)
					 : "r"(bar), "r"(parity)
					 : "memory");
	} while (!done);
}

// load copies the box of map at (c0, c1) to dst and counts its bytes at bar.
__device__ __forceinline__ void load(uint32_t dst, const TensorMap *map, uint32_t bar, int c0, int c1) {
	asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
				 "[%0], [%1, {%3, %4}], [%2];" ::"r"(dst),
				 "l"(map), "r"(bar), "r"(c0), "r"(c1)
				 : "memory");
}

// load_bytes copies bytes to dst and counts them at bar; all are multiples of 16.
__device__ __forceinline__ void load_bytes(uint32_t dst, const void *src, uint32_t bytes, uint32_t bar) {
	asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(dst),
				 "l"(src), "r"(bytes), "r"(bar)
				 : "memory");
}

// store copies a box to memory.
__device__ __forceinline__ void store(const TensorMap *map, uint32_t src, int c0, int c1) {
	asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%0, {%2, %3}], [%1];" ::"l"(map),
				 "r"(src), "r"(c0), "r"(c1)
				 : "memory");
}

// store_add adds a box of float32 elements to memory.
__device__ __forceinline__ void store_add(const TensorMap *map, uint32_t src, int c0, int c1) {
	asm volatile("cp.reduce.async.bulk.tensor.2d.global.shared::cta.add.tile.bulk_group [%0, {%2, %3}], [%1];" ::"l"(
					 map),
				 "r"(src), "r"(c0), "r"(c1)
				 : "memory");
}

__device__ __forceinline__ void store_commit() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }

// store_drained returns when all but N committed stores have read their source.
template <int N> __device__ __forceinline__ void store_drained() {
	asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(N) : "memory");
}

// store_done returns when all committed stores are in memory.
__device__ __forceinline__ void store_done() { asm volatile("cp.async.bulk.wait_group 0;" ::: "memory"); }

// publish makes this thread's shared-memory writes visible to the copy engine
// and the tensor cores.
__device__ __forceinline__ void publish() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

__device__ __forceinline__ void publish_global() { asm volatile("fence.proxy.async.global;" ::: "memory"); }

// group_sync is __syncthreads for the 128 threads of one warpgroup.
__device__ __forceinline__ void group_sync(int id) { asm volatile("bar.sync %0, 128;" ::"r"(id) : "memory"); }

template <int N> __device__ __forceinline__ void registers_grow() {
	asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N));
}

template <int N> __device__ __forceinline__ void registers_shrink() {
	asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N));
}

// store_matrices writes four 8x8 matrices of 16-bit elements; lane 8i+r gives
// the address of row r of matrix i.
__device__ __forceinline__ void store_matrices(uint32_t at, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
	asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(at), "r"(a), "r"(b), "r"(c),
				 "r"(d)
				 : "memory");
}

__device__ __forceinline__ uint32_t pack(float lo, float hi) {
	__nv_bfloat162 v = __floats2bfloat162_rn(lo, hi);
	return *reinterpret_cast<uint32_t *>(&v);
}

// descriptor describes a shared-memory operand of wgmma in the 128-byte
// swizzle. Where the reduced index is contiguous, rows of 64 elements follow
// each other and panel is unused; where the other index is, rows of 64 elements
// of one reduced index follow each other, and the next 64 elements lie panel
// bytes further. Groups of 8 rows are 1024 bytes apart in both.
__device__ __forceinline__ uint64_t descriptor(uint32_t address, uint32_t panel) {
	return uint64_t((address & 0x3ffff) >> 4) | uint64_t(panel >> 4) << 16 | uint64_t(1024 >> 4) << 32 |
		   uint64_t(1) << 62;
}

__device__ __forceinline__ void mma_begin() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void mma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int N> __device__ __forceinline__ void mma_wait() {
	asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
}

// Mma<N>::run adds to d the product of a 64x16 and a 16xN tile of shared
// memory, or sets d when add is 0. MmaRegister<N>::run adds that of the 64x16
// tile that the warpgroup holds in a. MajorA and MajorB are 1 where the reduced
// index is not contiguous.
template <int N> struct Mma;
template <int N> struct MmaRegister;

#define L8(a, b, c, d, e, f, g, h) "%" #a ",%" #b ",%" #c ",%" #d ",%" #e ",%" #f ",%" #g ",%" #h
#define L32                                                                                                            \
	L8(0, 1, 2, 3, 4, 5, 6, 7)                                                                                         \
	"," L8(8, 9, 10, 11, 12, 13, 14, 15) "," L8(16, 17, 18, 19, 20, 21, 22, 23) "," L8(24, 25, 26, 27, 28, 29, 30, 31)
#define L64                                                                                                            \
	L32 "," L8(32, 33, 34, 35, 36, 37, 38, 39) "," L8(40, 41, 42, 43, 44, 45, 46, 47) "," L8(                           \
		48, 49, 50, 51, 52, 53, 54, 55) "," L8(56, 57, 58, 59, 60, 61, 62, 63)
#define O4(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define O8(i) O4(i), O4(i + 4)
#define O32(i) O8(i), O8(i + 8), O8(i + 16), O8(i + 24)

#define MMA(N, LIST, A, B, ADD, TA, TB, ...)                                                                          \
	template <> struct Mma<N> {                                                                                        \
		template <int MajorA, int MajorB>                                                                              \
		static __device__ __forceinline__ void run(float (&d)[N / 2], uint64_t a, uint64_t b, int add) {               \
			asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #ADD ", 0;\n"                                            \
						 "wgmma.mma_async.sync.aligned.m64n" #N "k16.f32.bf16.bf16 {" LIST "}, %" #A ", %" #B          \
						 ", p, 1, 1, %" #TA ", %" #TB ";\n}"                                                           \
						 : __VA_ARGS__                                                                                 \
						 : "l"(a), "l"(b), "r"(add), "n"(MajorA), "n"(MajorB));                                        \
		}                                                                                                              \
	};

MMA(64, L32, 32, 33, 34, 35, 36, O32(0))
MMA(128, L64, 64, 65, 66, 67, 68, O32(0), O32(32))
#undef MMA

#define MMA(N, LIST, A, B, MAJOR, ...)                                                                                \
	template <> struct MmaRegister<N> {                                                                                \
		template <int MajorB>                                                                                          \
		static __device__ __forceinline__ void run(float (&d)[N / 2], const uint32_t *a, uint64_t b) {                 \
			asm volatile("wgmma.mma_async.sync.aligned.m64n" #N "k16.f32.bf16.bf16 {" LIST "}, {" A "}, %" #B          \
						 ", 1, 1, 1, %" #MAJOR ";"                                                                     \
						 : __VA_ARGS__                                                                                 \
						 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "n"(MajorB));                           \
		}                                                                                                              \
	};

MMA(64, L32, "%32,%33,%34,%35", 36, 37, O32(0))
MMA(128, L64, "%64,%65,%66,%67", 68, 69, O32(0), O32(32))


#undef MMA
#undef L8
#undef L32
#undef L64
#undef O4
#undef O8
#undef O32

// hold keeps the compiler from moving uses of registers across a wait.
template <int N> __device__ __forceinline__ void hold(float (&d)[N]) {
#pragma unroll
	for (int i = 0; i < N; i++) {
		asm volatile("" : "+f"(d[i])::"memory");
	}
}

// uniform tells the compiler that a value is the same in the whole warp.
__device__ __forceinline__ int uniform(int v) { return __shfl_sync(~0u, v, 0); }

// named_sync waits at named barrier id until count threads have come to it.
__device__ __forceinline__ void named_sync(int id, int count) {
	asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(count) : "memory");
}

// named_arrive counts at named barrier id without waiting.
__device__ __forceinline__ void named_arrive(int id, int count) {
	asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(count) : "memory");
}

// copy16 starts the copy of 16 bytes, or writes zeros where present is false.
__device__ __forceinline__ void copy16(uint32_t dst, const void *src, bool present) {
	int bytes = present ? 16 : 0;
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(dst), "l"(src), "r"(bytes) : "memory");
}

__device__ __forceinline__ void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// copy_wait returns when all but N of this thread's committed copies are done.
template <int N> __device__ __forceinline__ void copy_wait() {
	asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

__device__ __forceinline__ float exp2(float x) {
	float y;
	asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
	return y;
}

} // namespace ptx
