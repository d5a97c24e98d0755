// Gradients of weights.
#include "gemm.cuh"

GEMM(t128x256_c2_f32, TN, 128, 256, 4, 1, 2, float, true)
GEMM(t128x192_c2_f32, TN, 128, 192, 4, 1, 2, float, true)
GEMM(t128x320_c2_f32, TN, 128, 320, 3, 1, 2, float, true)
GEMM(t128x320_c1_f32, TN, 128, 320, 3, 1, 1, float, true)
GEMM(t128x128_c2_f32, TN, 128, 128, 6, 1, 2, float, true)
GEMM(t64x64_c1_f32, TN, 64, 64, 3, 4, 1, float, true)
GEMM(any_f32, TN, 64, 64, 4, 1, 1, float, false)

// add_parts sets out to the sum of the parts in ascending order, added to out where
// accumulate is not 0. Blocks are 1024 columns of one row.
extern "C" __global__ void __launch_bounds__(256)
	add_parts(float *out, const float *parts, int64_t strideOut, int cols, int partRows, int splits, int accumulate) {
	int col = (blockIdx.x * 256 + threadIdx.x) * 4;
	if (col >= cols) {
		return;
	}
	const float *at = parts + int64_t(blockIdx.y) * cols + col;
	float4 sum = *reinterpret_cast<const float4 *>(at);
	for (int s = 1; s < splits; s++) {
		float4 v = *reinterpret_cast<const float4 *>(at + int64_t(s) * partRows * cols);
		sum = {sum.x + v.x, sum.y + v.y, sum.z + v.z, sum.w + v.w};
	}
	float4 *to = reinterpret_cast<float4 *>(out + blockIdx.y * strideOut + col);
	if (accumulate) {
		float4 v = *to;
		sum = {sum.x + v.x, sum.y + v.y, sum.z + v.z, sum.w + v.w};
	}
	*to = sum;
}
