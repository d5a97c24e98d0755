// Element types, accesses of 16 bytes, and sums in a fixed order.
//
// Kernels are templates of the type T of weights and activations: bf16, or
// half. Eight elements are moved together as a Pack; arithmetic is in float.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cstdint>

using bf16 = __nv_bfloat16;

constexpr int packed = 8;             // elements of a Pack
constexpr int warpSize_ = 32;         // as a constant expression
constexpr unsigned everyLane = ~0u;

// Pack is eight elements of two bytes.
using Pack = uint4;

template <class T> struct Element;

template <> struct Element<bf16> {
    static __device__ float widen(bf16 v) { return __bfloat162float(v); }
    static __device__ bf16 narrow(float v) { return __float2bfloat16_rn(v); }
    static __device__ float2 widen2(uint32_t v) {
        return make_float2(__uint_as_float(v << 16), __uint_as_float(v & 0xffff0000u));
    }
    static __device__ uint32_t narrow2(float a, float b) {
        __nv_bfloat162 v = __floats2bfloat162_rn(a, b);
        return *reinterpret_cast<uint32_t *>(&v);
    }
};

template <> struct Element<__half> {
    static __device__ float widen(__half v) { return __half2float(v); }
    static __device__ __half narrow(float v) { return __float2half_rn(v); }
    static __device__ float2 widen2(uint32_t v) { return __half22float2(*reinterpret_cast<__half2 *>(&v)); }
    static __device__ uint32_t narrow2(float a, float b) {
        __half2 v = __floats2half2_rn(a, b);
        return *reinterpret_cast<uint32_t *>(&v);
    }
};

// unpack and pack convert between a Pack and eight floats.
template <class T> __device__ __forceinline__ void unpack(float (&to)[packed], const Pack &from) {
    const uint32_t words[4] = {from.x, from.y, from.z, from.w};
#pragma unroll
    for (int i = 0; i < 4; i++) {
        float2 v = Element<T>::widen2(words[i]);
        to[2 * i] = v.x;
        to[2 * i + 1] = v.y;
    }
}

template <class T> __device__ __forceinline__ Pack pack(const float (&v)[packed]) {
    return make_uint4(Element<T>::narrow2(v[0], v[1]), Element<T>::narrow2(v[2], v[3]),
                      Element<T>::narrow2(v[4], v[5]), Element<T>::narrow2(v[6], v[7]));
}

// load returns elements [first, first+8) of a row of n, zeros beyond its end.
// Aligned rows begin on 16 bytes and have whole packs; others are read one by
// one, so that both give the same sums.
template <bool aligned, class T> __device__ __forceinline__ Pack load(const T *row, int first, int n) {
    if constexpr (aligned) {
        return first < n ? *reinterpret_cast<const Pack *>(row + first) : make_uint4(0, 0, 0, 0);
    } else {
        float v[packed];
#pragma unroll
        for (int i = 0; i < packed; i++) {
            v[i] = first + i < n ? Element<T>::widen(row[first + i]) : 0.f;
        }
        return pack<T>(v);
    }
}

// store writes what load would read.
template <bool aligned, class T> __device__ __forceinline__ void store(T *row, int first, int n, const Pack &v) {
    if constexpr (aligned) {
        if (first < n) {
            *reinterpret_cast<Pack *>(row + first) = v;
        }
    } else {
        float f[packed];
        unpack<T>(f, v);
#pragma unroll
        for (int i = 0; i < packed; i++) {
            if (first + i < n) {
                row[first + i] = Element<T>::narrow(f[i]);
            }
        }
    }
}

// sumLanes returns in each of count neighboring lanes, a power of two, the sum
// over them.
template <class F> __device__ __forceinline__ F sumLanes(F v, int count = warpSize_) {
    for (int offset = count / 2; offset > 0; offset /= 2) {
        v += __shfl_xor_sync(everyLane, v, offset);
    }
    return v;
}

// RowSum sums over the threads that share a row: one warp, or a whole block.
// Calls alternate between two halves of memory, so that one barrier a sum is
// enough.
struct RowSum {
    float (*memory)[warpSize_];
    int warps, turn;

    __device__ RowSum(float (*memory)[warpSize_], int warps) : memory(memory), warps(warps), turn(0) {}

    __device__ __forceinline__ float operator()(float v) {
        v = sumLanes(v);
        if (warps == 1) {
            return v;
        }
        if (threadIdx.x % warpSize_ == 0) {
            memory[turn][threadIdx.x / warpSize_] = v;
        }
        __syncthreads();
        float sum = memory[turn][0];
        for (int w = 1; w < warps; w++) {
            sum += memory[turn][w];
        }
        turn ^= 1;
        return sum;
    }
};
