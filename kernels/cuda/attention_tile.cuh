// Tiles of rows in shared memory: panels in the 128-byte swizzle that wgmma
// reads, rings of them, and the ways in and out.
#pragma once
#include "attention.cuh"
#include "wgmma.cuh"

namespace attention {

constexpr int panel_rows_bytes = 128; // a row of 64 elements in the 128-byte swizzle

// panel_bytes returns the size of rows rows of 64 elements.
__host__ __device__ constexpr int panel_bytes(int rows) { return rows * panel_rows_bytes; }

// swizzled returns the byte offset of the 16-byte chunk of a row in a panel.
__device__ __forceinline__ uint32_t swizzled(int row, int chunk) {
	return row * panel_rows_bytes + ((chunk ^ (row & 7)) << 4);
}

// Ring is a number of shared-memory stages, their barriers, and the place of
// the next use: a use of stage i is full, then empty.
template <int Stages, int Bytes> struct Ring {
	uint32_t data, full, empty; // shared addresses
	int use;

	__device__ __forceinline__ uint32_t stage() const { return data + use % Stages * Bytes; }
	__device__ __forceinline__ uint32_t full_barrier() const { return full + use % Stages * 8; }
	__device__ __forceinline__ void wait_full() const {
		ptx::barrier_wait(full_barrier(), use / Stages & 1);
	}
	// wait_empty is for the producer: the first round finds all stages empty.
	__device__ __forceinline__ void wait_empty() const {
		ptx::barrier_wait(empty + use % Stages * 8, (use / Stages & 1) ^ 1);
	}
	// release is for whole warps, each of which counts once.
	__device__ __forceinline__ void release() {
		if (threadIdx.x % 32 == 0) {
			ptx::barrier_arrive(empty + use % Stages * 8);
		}
		use++;
	}
};

// gather copies keys_per_tile rows of D elements to panels at dst: row i from
// source(i), or zeros where that is null. warps warps share the rows; all
// lanes call it. The caller waits for the copies.
template <int D, class Source>
__device__ __forceinline__ void gather(uint32_t dst, int rows, int warp, int warps, Source source) {
	constexpr int chunks = D / 8;
	int lane = threadIdx.x % 32;
	for (int i = warp * 32 + lane; i < rows * chunks; i += warps * 32) {
		int row = i / chunks, chunk = i % chunks;
		const __nv_bfloat16 *from = source(row);
		uint32_t to = dst + chunk / 8 * panel_bytes(rows) + swizzled(row, chunk % 8);
		ptx::copy16(to, from + (from ? chunk * 8 : 0), from != nullptr);
	}
}

// store_rows puts a warpgroup's 64 rows of D columns, rounded, into panels of
// Rows rows at stage, from where write_rows takes them.
template <int D, int Rows = 64>
__device__ __forceinline__ void store_rows(const float (&out)[D / 2], uint32_t stage) {
	int lane = threadIdx.x % 32, warp = threadIdx.x % 128 / 32;
	int row = 16 * warp + lane % 16;
#pragma unroll
	for (int i = 0; i < D / 16; i++) {
		int chunk = 2 * i + lane / 16;
		ptx::store_matrices(stage + chunk / 8 * panel_bytes(Rows) + swizzled(row, chunk % 8),
							ptx::pack(out[8 * i], out[8 * i + 1]), ptx::pack(out[8 * i + 2], out[8 * i + 3]),
							ptx::pack(out[8 * i + 4], out[8 * i + 5]), ptx::pack(out[8 * i + 6], out[8 * i + 7]));
	}
}

// write_rows writes the rows below count of panels at stage; row r goes to
// dst + r·stride.
template <int D, int Rows = 64>
__device__ __forceinline__ void write_rows(__nv_bfloat16 *dst, int64_t stride, uint32_t stage, int count) {
	constexpr int chunks = D / 8;
	for (int i = threadIdx.x % 128; i < count * chunks; i += 128) {
		int row = i / chunks, chunk = i % chunks;
		uint4 v;
		asm volatile("ld.shared.v4.b32 {%0, %1, %2, %3}, [%4];"
					 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
					 : "r"(stage + chunk / 8 * panel_bytes(Rows) + swizzled(row, chunk % 8)));
		*reinterpret_cast<uint4 *>(dst + row * stride + chunk * 8) = v;
	}
}

} // namespace attention
