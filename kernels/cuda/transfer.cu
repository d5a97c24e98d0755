// Conversions between Float32 and BFloat16. Limit: memory bandwidth, 6 bytes an
// element.
#include <cstdint>
#include <cuda_bf16.h>

namespace {

constexpr int kPerThread = 8;

}  // namespace

// round_bf16 sets to[i] to from[i], rounded to nearest even.
extern "C" __global__ void round_bf16(__nv_bfloat16* __restrict__ to, const float* __restrict__ from, int64_t n) {
  const int64_t stride = int64_t(gridDim.x) * blockDim.x * kPerThread;
  const bool aligned = (reinterpret_cast<uintptr_t>(to) | reinterpret_cast<uintptr_t>(from)) % 16 == 0;
  for (int64_t i = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) * kPerThread; i < n; i += stride) {
    if (aligned && i + kPerThread <= n) {
      const float4 a = *reinterpret_cast<const float4*>(from + i);
      const float4 b = *reinterpret_cast<const float4*>(from + i + 4);
      __nv_bfloat162 out[4] = {__floats2bfloat162_rn(a.x, a.y), __floats2bfloat162_rn(a.z, a.w),
                               __floats2bfloat162_rn(b.x, b.y), __floats2bfloat162_rn(b.z, b.w)};
      *reinterpret_cast<uint4*>(to + i) = *reinterpret_cast<uint4*>(out);
    } else {
      for (int64_t j = i; j < n && j < i + kPerThread; j++) to[j] = __float2bfloat16_rn(from[j]);
    }
  }
}

// widen_bf16 sets to[i] to from[i], exactly.
extern "C" __global__ void widen_bf16(float* __restrict__ to, const __nv_bfloat16* __restrict__ from, int64_t n) {
  const int64_t stride = int64_t(gridDim.x) * blockDim.x * kPerThread;
  const bool aligned = (reinterpret_cast<uintptr_t>(to) | reinterpret_cast<uintptr_t>(from)) % 16 == 0;
  for (int64_t i = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) * kPerThread; i < n; i += stride) {
    if (aligned && i + kPerThread <= n) {
      const uint4 raw = *reinterpret_cast<const uint4*>(from + i);
      const __nv_bfloat162* in = reinterpret_cast<const __nv_bfloat162*>(&raw);
      const float2 a = __bfloat1622float2(in[0]), b = __bfloat1622float2(in[1]);
      const float2 c = __bfloat1622float2(in[2]), e = __bfloat1622float2(in[3]);
      *reinterpret_cast<float4*>(to + i) = make_float4(a.x, a.y, b.x, b.y);
      *reinterpret_cast<float4*>(to + i + 4) = make_float4(c.x, c.y, e.x, e.y);
    } else {
      for (int64_t j = i; j < n && j < i + kPerThread; j++) to[j] = __bfloat162float(from[j]);
    }
  }
}
