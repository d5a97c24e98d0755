// One row of attention by one warp, and how the cache's memory is laid out.
#pragma once
#include "attention.cuh"

namespace attention {

constexpr int max_width = 256;

// page_offset returns where the tokens of a page begin in a layer of the
// cache, which holds for each page its keys of head 0, 1, …, then its values:
// (Pages, 2, KeyValue, PageTokens, Width). head counts values' heads on.
__device__ __forceinline__ int64_t page_offset(const Heads &h, int page_tokens, int page, int head) {
	return (int64_t(page) * 2 * h.key + head) * page_tokens * h.width;
}

// Pages finds a row's keys in the cache by its table, kernels.CacheTable.
struct Pages {
	const __nv_bfloat16 *layer;
	const int *table;
	Heads heads;
	int page_tokens, head;

	// slot returns where a position's elements of a head begin.
	__device__ __forceinline__ const __nv_bfloat16 *slot(int position, int head) const {
		int prefix = table[0], shared = (prefix + page_tokens - 1) / page_tokens;
		int offset = position < prefix ? position : position - prefix;
		int page = table[2 + (position < prefix ? 0 : shared) + offset / page_tokens];
		return layer + page_offset(heads, page_tokens, page, head) + int64_t(offset % page_tokens) * heads.width;
	}
	__device__ __forceinline__ const __nv_bfloat16 *key(int p) const { return slot(p, head); }
	__device__ __forceinline__ const __nv_bfloat16 *value(int p) const { return slot(p, heads.key + head); }
};

__device__ __forceinline__ float warp_max(float v) {
	for (int d = 16; d > 0; d /= 2) {
		v = fmaxf(v, __shfl_xor_sync(~0u, v, d));
	}
	return v;
}

__device__ __forceinline__ float warp_sum(float v) {
	for (int d = 16; d > 0; d /= 2) {
		v = __fadd_rn(v, __shfl_xor_sync(~0u, v, d));
	}
	return v;
}

// add_scaled adds by·row to sums, of which a lane has elements lane + 32·i.
__device__ __forceinline__ void add_scaled(float (&sums)[max_width / 32], const __nv_bfloat16 *row, float by,
										   int width) {
#pragma unroll
	for (int i = 0; i < max_width / 32; i++) {
		int at = threadIdx.x % 32 + 32 * i;
		if (at < width) {
			sums[i] = __fmaf_rn(by, __bfloat162float(row[at]), sums[i]);
		}
	}
}

__device__ __forceinline__ void write_row(__nv_bfloat16 *to, const float (&sums)[max_width / 32], float by, int width) {
#pragma unroll
	for (int i = 0; i < max_width / 32; i++) {
		int at = threadIdx.x % 32 + 32 * i;
		if (at < width) {
			to[at] = __float2bfloat16_rn(__fmul_rn(sums[i], by));
		}
	}
}

// attend_row sets out to the attention of one query over the first seen keys,
// 32 at a time, and returns the log-sum-exp. All lanes of a warp call it, with
// room for a row.
template <class Keys>
__device__ float attend_row(__nv_bfloat16 *out, const __nv_bfloat16 *query, const Keys &keys, int seen, int width,
							float scale, float *room) {
	int lane = threadIdx.x % 32;
	for (int i = lane; i < width; i += 32) {
		room[i] = __bfloat162float(query[i]);
	}
	__syncwarp();
	float sums[max_width / 32] = {}, top = -INFINITY, sum = 0;
	for (int first = 0; first < seen; first += 32) {
		float score = -INFINITY;
		if (first + lane < seen) {
			const __nv_bfloat16 *k = keys.key(first + lane);
			score = 0;
			for (int i = 0; i < width; i++) {
				score = __fmaf_rn(room[i], __bfloat162float(k[i]), score);
			}
			score = __fmul_rn(score, scale);
		}
		float best = fmaxf(top, warp_max(score));
		float rescale = expf(__fsub_rn(top, best)), weight = expf(__fsub_rn(score, best));
		top = best;
		sum = __fmaf_rn(sum, rescale, weight);
#pragma unroll
		for (int i = 0; i < max_width / 32; i++) {
			sums[i] = __fmul_rn(sums[i], rescale);
		}
		for (int j = 0; j < min(32, seen - first); j++) {
			add_scaled(sums, keys.value(first + j), __shfl_sync(~0u, weight, j), width);
		}
	}
	sum = warp_sum(sum);
	write_row(out, sums, __frcp_rn(sum), width);
	return __fadd_rn(top, logf(sum));
}

} // namespace attention
