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

// A block of begin has this many rows and heads.
constexpr int block_rows = 8, block_heads = 32;

// begin sets delta to the sums of dOut·out and copies lse, times log2(e), both
// as (Query, stride), and clears turns (N, Query).
template <int D>
__device__ __forceinline__ void begin(float *lse_of_head, float *delta, int *turns, const __nv_bfloat16 *dout,
									  const __nv_bfloat16 *out, const float *lse, int rows, int stride, Heads h) {
	constexpr int lanes = D / each; // of a head
	__shared__ float sums[block_heads][block_rows + 1];
	int first = blockIdx.x * block_rows, first_head = blockIdx.y * block_heads;
	int heads = min(block_heads, h.query - first_head), count = min(block_rows, rows - first);
	for (int i = threadIdx.x / lanes; i < block_rows * block_heads; i += threads / lanes) {
		int row = i / block_heads, head = i % block_heads;
		float sum = 0;
		if (row < count && head < heads) {
			int64_t at = (first + row) * h.out() + (first_head + head) * D + threadIdx.x % lanes * each;
			uint4 x = *reinterpret_cast<const uint4 *>(dout + at), y = *reinterpret_cast<const uint4 *>(out + at);
			sum = dot(x.w, y.w, dot(x.z, y.z, dot(x.y, y.y, dot(x.x, y.x, 0))));
		}
#pragma unroll
		for (int d = lanes / 2; d > 0; d /= 2) {
			sum = __fadd_rn(sum, __shfl_xor_sync(~0u, sum, d));
		}
		if (threadIdx.x % lanes == 0) {
			sums[head][row] = sum;
		}
	}
	__syncthreads();
	for (int i = threadIdx.x; i < block_rows * block_heads; i += threads) {
		int head = i / block_rows, row = i % block_rows;
		if (row < count && head < heads) {
			int64_t from = int64_t(first + row) * h.query + first_head + head;
			int64_t to = int64_t(first_head + head) * stride + first + row;
			delta[to] = sums[head][row];
			lse_of_head[to] = lse[from] * log2_e;
			turns[from] = 0;
		}
	}
}

} // namespace

#define BEGIN(NAME, D)                                                                                                 \
	extern "C" __global__ void __launch_bounds__(threads)                                                              \
		NAME(float *lse_of_head, float *delta, int *turns, const __nv_bfloat16 *dout, const __nv_bfloat16 *out,       \
			 const float *lse, int rows, int stride, int query, int key) {                                             \
		begin<D>(lse_of_head, delta, turns, dout, out, lse, rows, stride, Heads{query, key, D});                      \
	}

BEGIN(begin64, 64)
BEGIN(begin128, 128)

// end sets dqkv's queries to dq times scale, and the whole of rows that no
// segment covers to zero.
extern "C" __global__ void __launch_bounds__(threads)
	end(__nv_bfloat16 *dqkv, const float *dq, const unsigned *covered, int rows, int query, int key, int width,
		float scale) {
	Heads h{query, key, width};
	int of_row = h.packed() / each;
	int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
	int64_t row = i / of_row;
	int at = i % of_row * each;
	if (row >= rows) {
		return;
	}
	uint4 v = {};
	if (covered[row / 32] >> row % 32 & 1) {
		if (at >= h.out()) {
			return;
		}
		const float4 *from = reinterpret_cast<const float4 *>(dq + row * h.out() + at);
		float4 a = from[0], b = from[1];
		// The addition of zero makes negative zeros positive: whether rows of
		// others added theirs before or after a tile's first sum is chance.
		auto f = [scale](float x) { return __fmaf_rn(x, scale, 0.0f); };
		v = {ptx::pack(f(a.x), f(a.y)), ptx::pack(f(a.z), f(a.w)), ptx::pack(f(b.x), f(b.y)), ptx::pack(f(b.z), f(b.w))};
	}
	*reinterpret_cast<uint4 *>(dqkv + row * h.packed() + at) = v;
}
