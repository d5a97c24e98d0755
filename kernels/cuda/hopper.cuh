// The Hopper instructions that the kernels are made of, beside wgmma: mbarriers,
// the copy engine (TMA), clusters and named barriers.
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
