// Forward products.
#include "gemm.cuh"

GEMM(t128x256_c2_bf16, NT, 128, 256, 4, 1, 2, __nv_bfloat16, true)
GEMM(t128x192_c2_bf16, NT, 128, 192, 4, 1, 2, __nv_bfloat16, true)
GEMM(t128x160_c2_bf16, NT, 128, 160, 4, 1, 2, __nv_bfloat16, true)
GEMM(t128x128_c2_bf16, NT, 128, 128, 6, 1, 2, __nv_bfloat16, true)
GEMM(t128x128_c1_bf16, NT, 128, 128, 6, 1, 1, __nv_bfloat16, true)
GEMM(t128x64_c1_bf16, NT, 128, 64, 8, 1, 1, __nv_bfloat16, true)
GEMM(t64x64_c1_bf16, NT, 64, 64, 3, 4, 1, __nv_bfloat16, true)
GEMM(t64x32_c1_bf16, NT, 64, 32, 4, 4, 1, __nv_bfloat16, true)
GEMM(t64x16_c1_bf16, NT, 64, 16, 5, 4, 1, __nv_bfloat16, true)
GEMM(any_bf16, NT, 64, 64, 4, 1, 1, __nv_bfloat16, false)

GEMM(t128x256_c2_f32, NT, 128, 256, 4, 1, 2, float, true)
GEMM(t128x192_c2_f32, NT, 128, 192, 4, 1, 2, float, true)
GEMM(t128x160_c2_f32, NT, 128, 160, 4, 1, 2, float, true)
GEMM(t128x128_c2_f32, NT, 128, 128, 6, 1, 2, float, true)
GEMM(t128x128_c1_f32, NT, 128, 128, 6, 1, 1, float, true)
GEMM(t128x64_c1_f32, NT, 128, 64, 8, 1, 1, float, true)
GEMM(t64x64_c1_f32, NT, 64, 64, 3, 4, 1, float, true)
GEMM(t64x32_c1_f32, NT, 64, 32, 4, 4, 1, float, true)
GEMM(t64x16_c1_f32, NT, 64, 16, 5, 4, 1, float, true)
GEMM(any_f32, NT, 64, 64, 4, 1, 1, float, false)
