// Gradients of inputs.
#include "gemm.cuh"

GEMM(t128x256_c2_bf16, NN, 128, 256, 4, 1, 2, __nv_bfloat16, true)
GEMM(t128x192_c2_bf16, NN, 128, 192, 4, 1, 2, __nv_bfloat16, true)
GEMM(t128x160_c2_bf16, NN, 128, 160, 4, 1, 2, __nv_bfloat16, true)
GEMM(t128x128_c2_bf16, NN, 128, 128, 6, 1, 2, __nv_bfloat16, true)
GEMM(t64x64_c1_bf16, NN, 64, 64, 3, 4, 1, __nv_bfloat16, true)
GEMM(any_bf16, NN, 64, 64, 4, 1, 1, __nv_bfloat16, false)
