// One warpgroup's part of attention's forward pass: 64 query rows, keys in
// tiles of 128, online softmax. Packed and cached attention both run exactly
// this, so that a row's result is the same bits in both.
#pragma once
#include "attention_tile.cuh"

namespace attention {

// Rows is the state of online softmax for the two rows of a thread: row
// 16·warp + lane/4 of the warpgroup, and that plus 8. A thread holds columns
// 8i + 2·(lane%4) and the next of each.
template <int D> struct Rows {
	float out[D / 2];
	uint32_t weights[keys_per_tile / 4];
	float top[2], sum[2]; // largest score, and this thread's part of the sum
	float rescale[2];

	__device__ __forceinline__ void reset() {
#pragma unroll
		for (int i = 0; i < D / 2; i++) {
			out[i] = 0;
		}
		top[0] = top[1] = -INFINITY;
		sum[0] = sum[1] = 0;
	}

	// softmax turns scores into weights relative to the new top, in place.
	// Row r sees keys below seen[r]; first is the position of the tile's first
	// key. unit is log2(e)/sqrt(D).
	__device__ __forceinline__ void softmax(float (&scores)[keys_per_tile / 2], int first, const int (&seen)[2],
											 bool masked, float unit) {
		int column = first + 2 * (threadIdx.x % 4);
		if (masked) {
#pragma unroll
			for (int i = 0; i < keys_per_tile / 8; i++) {
#pragma unroll
				for (int j = 0; j < 4; j++) {
					if (column + 8 * i + (j & 1) >= seen[j / 2]) {
						scores[4 * i + j] = -INFINITY;
					}
				}
			}
		}
#pragma unroll
		for (int r = 0; r < 2; r++) {
			float best = top[r];
#pragma unroll
			for (int i = 0; i < keys_per_tile / 8; i++) {
				best = fmaxf(best, fmaxf(scores[4 * i + 2 * r], scores[4 * i + 2 * r + 1]));
			}
			best = fmaxf(best, __shfl_xor_sync(~0u, best, 1));
			best = fmaxf(best, __shfl_xor_sync(~0u, best, 2));
			rescale[r] = ptx::exp2(__fmul_rn(__fsub_rn(top[r], best), unit));
			top[r] = best;
			float shift = -__fmul_rn(best, unit);
			float part[2] = {0, 0};
#pragma unroll
			for (int i = 0; i < keys_per_tile / 8; i++) {
#pragma unroll
				for (int j = 0; j < 2; j++) {
					float w = ptx::exp2(__fmaf_rn(scores[4 * i + 2 * r + j], unit, shift));
					scores[4 * i + 2 * r + j] = w;
					part[j] = __fadd_rn(part[j], w);
				}
			}
			sum[r] = __fmaf_rn(sum[r], rescale[r], __fadd_rn(part[0], part[1]));
		}
	}

	// round keeps the weights as the left operand of the product with values.
	__device__ __forceinline__ void round(const float (&scores)[keys_per_tile / 2]) {
#pragma unroll
		for (int i = 0; i < keys_per_tile / 4; i++) {
			weights[i] = ptx::pack(scores[2 * i], scores[2 * i + 1]);
		}
	}

	__device__ __forceinline__ void scale_out() {
#pragma unroll
		for (int i = 0; i < D / 2; i++) {
			out[i] = __fmul_rn(out[i], rescale[i / 2 % 2]);
		}
	}

	// finish divides by the sums, and returns the log-sum-exp of the scores
	// times scale in lse.
	__device__ __forceinline__ void finish(float scale, float (&lse)[2]) {
		float inverse[2];
#pragma unroll
		for (int r = 0; r < 2; r++) {
			sum[r] = __fadd_rn(sum[r], __shfl_xor_sync(~0u, sum[r], 1));
			sum[r] = __fadd_rn(sum[r], __shfl_xor_sync(~0u, sum[r], 2));
			inverse[r] = __frcp_rn(sum[r]);
			lse[r] = __fmaf_rn(top[r], scale, logf(sum[r]));
		}
#pragma unroll
		for (int i = 0; i < D / 2; i++) {
			out[i] = __fmul_rn(out[i], inverse[i / 2 % 2]);
		}
	}
};

// score starts scores = queries·keysᵀ; queries has 64 rows.
template <int D>
__device__ __forceinline__ void score(float (&scores)[keys_per_tile / 2], uint32_t queries, uint32_t keys) {
#pragma unroll
	for (int i = 0; i < D / 16; i++) {
		uint64_t a = ptx::descriptor(queries + i / 4 * panel_bytes(64), 0) + i % 4 * 2;
		uint64_t b = ptx::descriptor(keys + i / 4 * panel_bytes(keys_per_tile), 0) + i % 4 * 2;
		ptx::Mma<keys_per_tile>::run<0, 0>(scores, a, b, i > 0);
	}
	ptx::mma_commit();
}

// weigh starts out += weights·values.
template <int D> __device__ __forceinline__ void weigh(Rows<D> &rows, uint32_t values) {
#pragma unroll
	for (int i = 0; i < keys_per_tile / 16; i++) {
		uint64_t b = ptx::descriptor(values + i * 16 * panel_rows_bytes, panel_bytes(keys_per_tile));
		ptx::MmaRegister<D>::template run<1>(rows.out, &rows.weights[4 * i], b);
	}
	ptx::mma_commit();
}

} // namespace attention
