// Rotary positions: element i of a head is turned with element i + D/2.
//
// A block turns a few rows. It works out their cosines and sines once, for all
// heads: the angle is position·frequency, exact in double, reduced to a turn
// there.
#include "element.cuh"

constexpr int ropeRows = 8; // rows of a block

template <class T, bool aligned>
__device__ __forceinline__ void rope(T *qkv, const int *positions, const float *frequencies, int rows, int stride,
                                     int heads, int half, float sign) {
    extern __shared__ float2 turns[]; // (ropeRows, half): cosine, sine
    const int first = blockIdx.x * ropeRows, count = min(ropeRows, rows - first);
    for (int i = threadIdx.x; i < count * half; i += blockDim.x) {
        const double turn = double(positions[first + i / half]) * double(frequencies[i % half]) * 0.15915494309189535;
        float sine, cosine;
        sincospif(2 * float(turn - rint(turn)), &sine, &cosine);
        turns[i] = make_float2(cosine, sign * sine);
    }
    __syncthreads();
    constexpr int wide = aligned ? packed : 1; // pairs of an item
    const int perHead = half / wide, items = count * heads * perHead;
    for (int item = threadIdx.x; item < items; item += blockDim.x) {
        const int row = item / (heads * perHead), head = item / perHead % heads, i = item % perHead * wide;
        T *at = qkv + int64_t(first + row) * stride + head * 2 * half + i;
        const float2 *turn = turns + row * half + i;
        if constexpr (aligned) {
            float a[packed], b[packed];
            unpack<T>(a, *reinterpret_cast<const Pack *>(at));
            unpack<T>(b, *reinterpret_cast<const Pack *>(at + half));
#pragma unroll
            for (int j = 0; j < packed; j++) {
                const float x = a[j], y = b[j];
                a[j] = __fmaf_rn(x, turn[j].x, -__fmul_rn(y, turn[j].y));
                b[j] = __fmaf_rn(x, turn[j].y, __fmul_rn(y, turn[j].x));
            }
            *reinterpret_cast<Pack *>(at) = pack<T>(a);
            *reinterpret_cast<Pack *>(at + half) = pack<T>(b);
        } else {
            const float x = Element<T>::widen(at[0]), y = Element<T>::widen(at[half]);
            at[0] = Element<T>::narrow(__fmaf_rn(x, turn->x, -__fmul_rn(y, turn->y)));
            at[half] = Element<T>::narrow(__fmaf_rn(x, turn->y, __fmul_rn(y, turn->x)));
        }
    }
}

#define ROPE_KERNEL(T, type, aligned, suffix)                                                                          \
    extern "C" __global__ void __launch_bounds__(256)                                                                  \
        rope_##type##suffix(T *qkv, const int *positions, const float *frequencies, int rows, int stride, int heads,   \
                            int half, float sign) {                                                                    \
        rope<T, aligned>(qkv, positions, frequencies, rows, stride, heads, half, sign);                                \
    }

ROPE_KERNEL(bf16, bf16, true, )
ROPE_KERNEL(bf16, bf16, false, _odd)
