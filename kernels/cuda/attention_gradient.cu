// What comes before and after attention's backward pass at head widths 64 and
// 128: the sums that it needs for each row, and dQ from float32 to bfloat16.
#include "attention.cuh"

using namespace attention;

namespace {

constexpr int threads = 256;
constexpr int each = 8; // elements of a thread

__device__ __forceinline__ float2 widen(uint32_t v) {
	return __bfloat1622float2(*reinterpret_cast<__nv_bfloat162 *>(&v));
}

__device__ __forceinline__ float dot(uint32_t a, uint32_t b, float sum) {
	float2 x = widen(a), y = widen(b);
	return __fmaf_rn(x.y, y.y, __fmaf_rn(x.x, y.x, sum));
}

// begin sets delta to the sums of dOut·out and copies lse, times log2(e), both
// as (Query, stride), clears dq (N, Query·D), turns (N, Query), and dqkv's keys
// and values, since rows in no segment have none.
template <int D>
__device__ __forceinline__ void begin(float *lse_of_head, float *delta, float *dq, int *turns, __nv_bfloat16 *dqkv,
									  const __nv_bfloat16 *dout, const __nv_bfloat16 *out, const float *lse, int rows,
									  int stride, Heads h) {
	int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
	int of_out = h.query * D / each, of_keys = 2 * h.key * D / each;
	int64_t row = i / (of_out + of_keys);
	int at = i % (of_out + of_keys);
	if (row >= rows) {
		return;
	}
	if (at >= of_out) {
		*reinterpret_cast<uint4 *>(dqkv + row * h.packed() + at * each) = {};
		return;
	}
	int64_t from = row * h.out() + at * each;
	uint4 x = *reinterpret_cast<const uint4 *>(dout + from), y = *reinterpret_cast<const uint4 *>(out + from);
	float sum = dot(x.w, y.w, dot(x.z, y.z, dot(x.y, y.y, dot(x.x, y.x, 0))));
	// of_out and of_keys are multiples of the lanes of a head, so that these
	// are all here.
	constexpr int lanes = D / each;
	unsigned all = (lanes == 32 ? ~0u : (1u << lanes) - 1) << (threadIdx.x % 32 / lanes * lanes);
#pragma unroll
	for (int d = lanes / 2; d > 0; d /= 2) {
		sum = __fadd_rn(sum, __shfl_xor_sync(all, sum, d));
	}
	*reinterpret_cast<float4 *>(dq + from) = {};
	*reinterpret_cast<float4 *>(dq + from + 4) = {};
	if (at % lanes == 0) {
		int head = at / lanes;
		delta[int64_t(head) * stride + row] = sum;
		lse_of_head[int64_t(head) * stride + row] = lse[row * h.query + head] * log2_e;
		turns[row * h.query + head] = 0;
	}
}

} // namespace

#define BEGIN(NAME, D)                                                                                                 \
	extern "C" __global__ void __launch_bounds__(threads)                                                              \
		NAME(float *lse_of_head, float *delta, float *dq, int *turns, __nv_bfloat16 *dqkv, const __nv_bfloat16 *dout,  \
			 const __nv_bfloat16 *out, const float *lse, int rows, int stride, int query, int key) {                   \
		begin<D>(lse_of_head, delta, dq, turns, dqkv, dout, out, lse, rows, stride, Heads{query, key, D});             \
	}

BEGIN(begin64, 64)
BEGIN(begin128, 128)

// end sets dqkv's queries to dq times scale; width is elements a row of dq,
// packed those of dqkv.
extern "C" __global__ void __launch_bounds__(threads)
	end(__nv_bfloat16 *dqkv, const float *dq, int64_t count, int width, int packed, float scale) {
	int64_t i = (int64_t(blockIdx.x) * threads + threadIdx.x) * each;
	if (i >= count) {
		return;
	}
	float4 a = *reinterpret_cast<const float4 *>(dq + i), b = *reinterpret_cast<const float4 *>(dq + i + 4);
	uint4 v = {ptx::pack(a.x * scale, a.y * scale), ptx::pack(a.z * scale, a.w * scale),
			   ptx::pack(b.x * scale, b.y * scale), ptx::pack(b.z * scale, b.w * scale)};
	*reinterpret_cast<uint4 *>(dqkv + i / width * packed + i % width) = v;
}
