// How operands come to shared memory: by the copy engine, or by threads where row
// strides or addresses are not multiples of 16 bytes. Both leave the same bytes.
#pragma once
#include "gemm_problem.cuh"

namespace gemm {

// copy_tile writes rows of 64 elements to shared memory as the copy engine would,
// zeros outside rowEnd and colEnd.
__device__ inline void copy_tile(uint8_t *dst, const __nv_bfloat16 *src, int64_t stride, int row, int rowEnd, int col,
								 int colEnd, int rows) {
	for (int i = threadIdx.x % 128; i < rows * 8; i += 128) {
		int r = i / 8, chunk = i % 8;
		alignas(16) __nv_bfloat16 v[8];
#pragma unroll
		for (int e = 0; e < 8; e++) {
			int c = col + chunk * 8 + e;
			v[e] = row + r < rowEnd && c < colEnd ? src[(row + r) * stride + c] : __nv_bfloat16(0.f);
		}
		*reinterpret_cast<uint4 *>(dst + r * 128 + ((chunk ^ (r & 7)) << 4)) = *reinterpret_cast<uint4 *>(v);
	}
}

// copy_operand copies an operand's tile of size rows of the output index and depth
// of the reduced one.
template <int Major>
__device__ inline void copy_operand(uint8_t *dst, const __nv_bfloat16 *src, int64_t stride, int at, int end, int k,
									int kEnd, int size) {
	if constexpr (Major == 0) {
		copy_tile(dst, src, stride, at, end, k, kEnd, size);
	} else {
		for (int panel = 0; panel < size / 64; panel++) {
			copy_tile(dst + panel * panelBytes, src, stride, k, kEnd, at + panel * 64, end, depth);
		}
	}
}

// load_a has the copy engine load a's tile for one stage. Rows after the last of
// boxRows keep what was in shared memory, and are of no output.
template <class K, Form F, int BM>
__device__ __forceinline__ void load_a(const TensorMap *map, uint32_t dst, uint32_t full, const Unit &u, int k) {
	if constexpr (K::majorA == 0) {
		ptx::load(dst, map, full, k, u.row);
	} else {
#pragma unroll
		for (int p = 0; p < BM / 64; p++) {
			ptx::load(dst + p * panelBytes, map, full, u.row + p * 64, k);
		}
	}
}

// load_b has the copy engine load b's tile for one stage. A cluster's blocks share
// it: each loads its part for all.
template <class K, int BN, int Cluster>
__device__ __forceinline__ void load_b(const TensorMap *map, uint32_t dst, uint32_t full, const Unit &u, int k,
									   uint32_t rank) {
	constexpr uint16_t all = (1 << Cluster) - 1;
	if constexpr (K::majorB == 0 && Cluster == 1) {
		ptx::load(dst, map, full, k, u.col);
	} else if constexpr (K::majorB == 0) {
		constexpr int part = BN / Cluster;
		ptx::load_all(dst + rank * part * 128, map, full, k, u.col + rank * part, all);
	} else if constexpr (Cluster == 1) {
#pragma unroll
		for (int p = 0; p < K::panelsB; p++) {
			ptx::load(dst + p * panelBytes, map, full, u.col + p * 64, k);
		}
	} else if constexpr (K::panelsB % Cluster == 0) {
		constexpr int part = K::panelsB / Cluster;
#pragma unroll
		for (int p = 0; p < part; p++) {
			int panel = rank * part + p;
			ptx::load_all(dst + panel * panelBytes, map, full, u.col + panel * 64, k, all);
		}
	} else {
		constexpr int part = depth / Cluster;
#pragma unroll
		for (int p = 0; p < K::panelsB; p++) {
			ptx::load_all(dst + p * panelBytes + rank * part * 128, map, full, u.col + p * 64, k + rank * part, all);
		}
	}
}

} // namespace gemm
