// The Hopper instructions that the matrix products are made of: mbarriers, the
// copy engine (TMA), and wgmma with shared-memory operands.
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

// barrier_arrive_at arrives at the barrier of the same offset in another block
// of the cluster. It orders no ordinary accesses of memory.
__device__ __forceinline__ void barrier_arrive_at(uint32_t bar, uint32_t rank) {
	asm volatile("{\n.reg .b32 remote;\n"
				 "mapa.shared::cluster.u32 remote, %0, %1;\n"
				 "mbarrier.arrive.shared::cluster.b64 _, [remote];\n}" ::"r"(bar),
				 "r"(rank)
				 : "memory");
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

// load_all is load into the blocks of the cluster named by mask, at the same
// offset, each counting at its own barrier.
__device__ __forceinline__ void load_all(uint32_t dst, const TensorMap *map, uint32_t bar, int c0, int c1,
										 uint16_t mask) {
	asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
				 ".multicast::cluster [%0], [%1, {%3, %4}], [%2], %5;" ::"r"(dst),
				 "l"(map), "r"(bar), "r"(c0), "r"(c1), "h"(mask)
				 : "memory");
}

__device__ __forceinline__ void store(const TensorMap *map, uint32_t src, int c0, int c1) {
	asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%0, {%2, %3}], [%1];" ::"l"(map),
				 "r"(src), "r"(c0), "r"(c1)
				 : "memory");
}

// store_add adds float32 elements to memory.
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

__device__ __forceinline__ void prefetch_map(const TensorMap *map) {
	asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory");
}

// group_sync is __syncthreads for the 128 threads of one warpgroup.
__device__ __forceinline__ void group_sync(int id) { asm volatile("bar.sync %0, 128;" ::"r"(id) : "memory"); }

__device__ __forceinline__ uint32_t cluster_rank() {
	uint32_t r;
	asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(r));
	return r;
}

__device__ __forceinline__ void cluster_sync() {
	asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}

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

// Mma<N>::run adds the product of a 64x16 and a 16xN tile to d, or sets d when
// add is 0. MajorA and MajorB are 1 where the reduced index is not contiguous.
template <int N> struct Mma;

#define L8(a, b, c, d, e, f, g, h) "%" #a ",%" #b ",%" #c ",%" #d ",%" #e ",%" #f ",%" #g ",%" #h
#define O4(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define O8(i) O4(i), O4(i + 4)
#define O32(i) O8(i), O8(i + 8), O8(i + 16), O8(i + 24)

#define L0 L8(0, 1, 2, 3, 4, 5, 6, 7)
#define L1 L0 "," L8(8, 9, 10, 11, 12, 13, 14, 15)
#define L2 L1 "," L8(16, 17, 18, 19, 20, 21, 22, 23) "," L8(24, 25, 26, 27, 28, 29, 30, 31)
#define L3                                                                                                            \
	L2 "," L8(32, 33, 34, 35, 36, 37, 38, 39) "," L8(40, 41, 42, 43, 44, 45, 46, 47) "," L8(                            \
		48, 49, 50, 51, 52, 53, 54, 55) "," L8(56, 57, 58, 59, 60, 61, 62, 63)
#define L160 L3 "," L8(64, 65, 66, 67, 68, 69, 70, 71) "," L8(72, 73, 74, 75, 76, 77, 78, 79)
#define L4                                                                                                            \
	L3 "," L8(64, 65, 66, 67, 68, 69, 70, 71) "," L8(72, 73, 74, 75, 76, 77, 78, 79) "," L8(                            \
		80, 81, 82, 83, 84, 85, 86, 87) "," L8(88, 89, 90, 91, 92, 93, 94, 95)
#define L5                                                                                                            \
	L4 "," L8(96, 97, 98, 99, 100, 101, 102, 103) "," L8(104, 105, 106, 107, 108, 109, 110, 111) "," L8(                \
		112, 113, 114, 115, 116, 117, 118, 119) "," L8(120, 121, 122, 123, 124, 125, 126, 127)

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

MMA(16, L0, 8, 9, 10, 11, 12, O8(0))
MMA(32, L1, 16, 17, 18, 19, 20, O8(0), O8(8))
MMA(64, L2, 32, 33, 34, 35, 36, O32(0))
MMA(128, L3, 64, 65, 66, 67, 68, O32(0), O32(32))
MMA(160, L160, 80, 81, 82, 83, 84, O32(0), O32(32), O8(64), O8(72))
MMA(192, L4, 96, 97, 98, 99, 100, O32(0), O32(32), O32(64))
MMA(256, L5, 128, 129, 130, 131, 132, O32(0), O32(32), O32(64), O32(96))

// Wider than an instruction: columns 192 and up lie 192 rows of 128 bytes further,
// whichever index is contiguous.
template <> struct Mma<320> {
	template <int MajorA, int MajorB>
	static __device__ __forceinline__ void run(float (&d)[160], uint64_t a, uint64_t b, int add) {
		Mma<192>::run<MajorA, MajorB>(reinterpret_cast<float(&)[96]>(d[0]), a, b, add);
		Mma<128>::run<MajorA, MajorB>(reinterpret_cast<float(&)[64]>(d[96]), a, b + (192 * 128 >> 4), add);
	}
};

#undef MMA
#undef L8
#undef O4
#undef O8
#undef O32
#undef L0
#undef L1
#undef L2
#undef L3
#undef L4
#undef L5
#undef L160

} // namespace ptx
