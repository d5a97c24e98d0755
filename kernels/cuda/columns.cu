// Sums of the columns of chunks of rows, each in a fixed order: the first step of
// the gradient of a bias.
#include <cstdint>
#include <cuda_bf16.h>

constexpr int lanes = 32, strands = 8, unroll = 8;

// sum_chunks sets partial[chunk][col] to the sum of rows of one chunk of x, whose
// rows lie stride apart. Blocks are 64 columns by one chunk of 256 threads.
extern "C" __global__ void __launch_bounds__(lanes *strands)
	sum_chunks(float *partial, const __nv_bfloat16 *x, int64_t stride, int rows, int cols, int chunk) {
	__shared__ float2 sums[strands][lanes];
	int lane = threadIdx.x % lanes, strand = threadIdx.x / lanes;
	int col = blockIdx.x * 64 + lane * 2, end = min(rows, int(blockIdx.y + 1) * chunk);
	bool pairs = stride % 2 == 0 && reinterpret_cast<uintptr_t>(x) % 4 == 0 && col + 1 < cols;
	float2 sum = {0, 0};
	for (int first = blockIdx.y * chunk + strand; first < end; first += strands * unroll) {
		float2 v[unroll];
#pragma unroll
		for (int i = 0; i < unroll; i++) {
			int row = first + i * strands;
			const __nv_bfloat16 *at = x + row * stride + col;
			v[i] = {0, 0};
			if (row < end && pairs) {
				v[i] = __bfloat1622float2(*reinterpret_cast<const __nv_bfloat162 *>(at));
			} else if (row < end && col < cols) {
				v[i].x = __bfloat162float(at[0]);
				v[i].y = col + 1 < cols ? __bfloat162float(at[1]) : 0;
			}
		}
#pragma unroll
		for (int i = 0; i < unroll; i++) {
			sum.x += v[i].x;
			sum.y += v[i].y;
		}
	}
	sums[strand][lane] = sum;
	__syncthreads();
	if (strand == 0 && col < cols) {
		for (int s = 1; s < strands; s++) {
			sum.x += sums[s][lane].x;
			sum.y += sums[s][lane].y;
		}
		float *out = partial + int64_t(blockIdx.y) * cols + col;
		out[0] = sum.x;
		if (col + 1 < cols) {
			out[1] = sum.y;
		}
	}
}
