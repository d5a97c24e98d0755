// The sum of squares of a gradient, and AdamW.
#include "element.cuh"

constexpr int quad = 4; // floats of 16 bytes

// squares returns the sum of squares of elements [first, first+4) of n.
__device__ __forceinline__ float squares(const float *x, int64_t first, int64_t n, bool aligned) {
    float4 v = make_float4(0, 0, 0, 0);
    if (aligned && first + quad <= n) {
        v = *reinterpret_cast<const float4 *>(x + first);
    } else {
        v.x = first < n ? x[first] : 0;
        v.y = first + 1 < n ? x[first + 1] : 0;
        v.z = first + 2 < n ? x[first + 2] : 0;
        v.w = first + 3 < n ? x[first + 3] : 0;
    }
    return __fadd_rn(__fmaf_rn(v.x, v.x, __fmul_rn(v.y, v.y)), __fmaf_rn(v.z, v.z, __fmul_rn(v.w, v.w)));
}

// sum_squares sets partials[b] to the sum of squares of block b's share of x:
// every gridDim-th stretch of 8·blockDim quads. A thread adds up eight quads in
// float, and these sums in double.
extern "C" __global__ void __launch_bounds__(256) sum_squares(double *partials, const float *x, int64_t n) {
    constexpr int flight = 8;
    __shared__ double sums[8];
    const bool aligned = reinterpret_cast<uintptr_t>(x) % 16 == 0;
    const int64_t stretch = int64_t(blockDim.x) * quad;
    double total = 0;
    for (int64_t at = blockIdx.x * stretch * flight; at < n; at += gridDim.x * stretch * flight) {
        float s[flight];
#pragma unroll
        for (int f = 0; f < flight; f++) {
            s[f] = squares(x, at + f * stretch + threadIdx.x * quad, n, aligned);
        }
        total += ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
    }
    total = sumLanes(total);
    if (threadIdx.x % warpSize_ == 0) {
        sums[threadIdx.x / warpSize_] = total;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        for (int w = 1; w < blockDim.x / warpSize_; w++) {
            total += sums[w];
        }
        partials[blockIdx.x] = total;
    }
}

// sum_partials sets out to the sum of count partial sums. One warp runs it.
extern "C" __global__ void __launch_bounds__(32) sum_partials(float *out, const double *partials, int count) {
    double total = 0;
    for (int i = threadIdx.x; i < count; i += warpSize_) {
        total += partials[i];
    }
    total = sumLanes(total);
    if (threadIdx.x == 0) {
        out[0] = float(total);
    }
}

struct Adam {
    float clip, beta1, beta2, rest1, rest2, rate, c1, c2, eps, decay;

    __device__ __forceinline__ void step(float &w, float g, float &m, float &v) const {
        g = __fmul_rn(g, clip);
        m = __fmaf_rn(beta1, m, __fmul_rn(rest1, g));
        v = __fmaf_rn(beta2, v, __fmul_rn(rest2, __fmul_rn(g, g)));
        const float root = __fadd_rn(__fsqrt_rn(__fmul_rn(v, c2)), eps);
        const float move = __fmaf_rn(decay, w, __fdiv_rn(__fmul_rn(m, c1), root));
        w = __fmaf_rn(-rate, move, w);
    }
};

struct AdamArrays {
    float *master, *m, *v;
    const float *grads;
};

template <class T> __device__ __forceinline__ void adamOne(const Adam &s, const AdamArrays &a, T *weights, int64_t i) {
    float w = a.master[i], m = a.m[i], v = a.v[i];
    s.step(w, a.grads[i], m, v);
    a.master[i] = w;
    a.m[i] = m;
    a.v[i] = v;
    weights[i] = Element<T>::narrow(w);
}

template <class T>
__device__ __forceinline__ void adamw(T *weights, AdamArrays a, const float *norm, const float *before,
                                      const float *hyper, int64_t n, int pending, bool aligned, float maxNorm,
                                      float beta1, float beta2, float eps, float decay) {
    const float root = __fsqrt_rn(norm[0]);
    if (!isfinite(root)) {
        return; // nothing may be written
    }
    const float clip = maxNorm > 0 && root > maxNorm ? __fdiv_rn(maxNorm, root) : 1.f;
    const float *corrections = hyper + 1; // for as many earlier updates as were made
    for (int i = 0; i < pending; i++) {
        corrections += isfinite(__fsqrt_rn(before[i])) ? 2 : 0;
    }
    const Adam s = {clip, beta1, beta2, 1 - beta1, 1 - beta2, hyper[0], corrections[0], corrections[1], eps, decay};
    const int64_t first = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) * quad;
    if (!aligned || first + quad > n) {
        for (int64_t i = first; i < min(first + quad, n); i++) {
            adamOne(s, a, weights, i);
        }
        return;
    }
    float4 w = *reinterpret_cast<float4 *>(a.master + first), m = *reinterpret_cast<float4 *>(a.m + first);
    float4 v = *reinterpret_cast<float4 *>(a.v + first);
    const float4 g = *reinterpret_cast<const float4 *>(a.grads + first);
    s.step(w.x, g.x, m.x, v.x);
    s.step(w.y, g.y, m.y, v.y);
    s.step(w.z, g.z, m.z, v.z);
    s.step(w.w, g.w, m.w, v.w);
    *reinterpret_cast<float4 *>(a.master + first) = w;
    *reinterpret_cast<float4 *>(a.m + first) = m;
    *reinterpret_cast<float4 *>(a.v + first) = v;
    *reinterpret_cast<uint2 *>(weights + first) =
        make_uint2(Element<T>::narrow2(w.x, w.y), Element<T>::narrow2(w.z, w.w));
}

#define ADAMW_KERNEL(T, type)                                                                                          \
    extern "C" __global__ void __launch_bounds__(256)                                                                  \
        adamw_##type(T *weights, float *master, const float *grads, float *m, float *v, const float *norm,             \
                     const float *before, const float *hyper, int64_t n, int pending, int aligned, float maxNorm,      \
                     float beta1, float beta2, float eps, float decay) {                                               \
        adamw<T>(weights, AdamArrays{master, m, v, grads}, norm, before, hyper, n, pending, aligned, maxNorm, beta1,   \
                 beta2, eps, decay);                                                                                   \
    }

ADAMW_KERNEL(bf16, bf16)
