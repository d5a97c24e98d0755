// RMSNorm of each query and key head by itself, and its gradient.
//
// A head of at most 256 elements is shared by as many neighboring lanes as it
// has packs, rounded up to a power of two; several heads are in flight a thread.
#include "element.cuh"

// Heads a thread loads before it uses the first.
constexpr int flight = 4, gradFlight = 2;

struct HeadShape {
    int query, key, width; // heads of queries, heads of keys, elements of a head
    int lanes;             // threads of a head
};

// headNorm writes the norm of each head of queries and keys, and copies values
// where out is not qkv.
template <class T, bool aligned>
__device__ __forceinline__ void headNorm(T *out, float *rstd, const T *qkv, const T *gain, int rows, HeadShape h,
                                         float eps) {
    const int heads = h.query + 2 * h.key, normed = h.query + h.key;
    const int perRow = out == qkv ? normed : heads, items = rows * perRow;
    const int groups = blockDim.x / h.lanes, lane = threadIdx.x % h.lanes;
    const int step = gridDim.x * groups;
    for (int from = blockIdx.x * groups; from < items; from += step * flight) {
        const int first = from + threadIdx.x / h.lanes;
        Pack x[flight];
#pragma unroll
        for (int f = 0; f < flight; f++) {
            const int item = first + f * step, row = item / perRow, head = item % perRow;
            x[f] = load<aligned>(qkv + (int64_t(row) * heads + head) * h.width, lane * packed, item < items ? h.width : 0);
        }
#pragma unroll
        for (int f = 0; f < flight; f++) {
            const int item = first + f * step, row = item / perRow, head = item % perRow;
            float a[packed], g[packed], square = 0;
            unpack<T>(a, x[f]);
#pragma unroll
            for (int i = 0; i < packed; i++) {
                square = __fmaf_rn(a[i], a[i], square);
            }
            square = sumLanes(square, h.lanes);
            if (item >= items) {
                continue;
            }
            if (head < normed) {
                const float factor = __frsqrt_rn(square / h.width + eps);
                if (lane == 0) {
                    rstd[int64_t(row) * normed + head] = factor;
                }
                unpack<T>(g, load<aligned>(gain + (head < h.query ? 0 : h.width), lane * packed, h.width));
#pragma unroll
                for (int i = 0; i < packed; i++) {
                    a[i] = __fmul_rn(__fmul_rn(a[i], factor), g[i]);
                }
                x[f] = pack<T>(a);
            }
            store<aligned>(out + (int64_t(row) * heads + head) * h.width, lane * packed, h.width, x[f]);
        }
    }
}

// headNormGrad turns dqkv back in place, and sets row b of partials, queries
// and then keys, to the gradient of gain from the heads of block b.
template <class T, bool aligned>
__device__ __forceinline__ void headNormGrad(T *dqkv, float *partials, const float *rstd, const T *qkv, const T *gain,
                                             int rows, HeadShape h) {
    const int heads = h.query + 2 * h.key, normed = h.query + h.key;
    const int items = rows * normed;
    const int groups = blockDim.x / h.lanes, lane = threadIdx.x % h.lanes;
    const int step = gridDim.x * groups;
    float dGain[2][packed] = {};
    for (int from = blockIdx.x * groups; from < items; from += step * gradFlight) {
        const int first = from + threadIdx.x / h.lanes;
        Pack x[gradFlight], d[gradFlight];
#pragma unroll
        for (int f = 0; f < gradFlight; f++) {
            const int item = first + f * step, row = item / normed, head = item % normed;
            const int64_t at = (int64_t(row) * heads + head) * h.width;
            x[f] = load<aligned>(qkv + at, lane * packed, item < items ? h.width : 0);
            d[f] = load<aligned>(dqkv + at, lane * packed, item < items ? h.width : 0);
        }
#pragma unroll
        for (int f = 0; f < gradFlight; f++) {
            const int item = first + f * step, row = item / normed, head = item % normed;
            const bool query = head < h.query;
            float a[packed], b[packed], g[packed], product = 0;
            unpack<T>(a, d[f]);
            unpack<T>(b, x[f]);
            unpack<T>(g, load<aligned>(gain + (query ? 0 : h.width), lane * packed, h.width));
            const float factor = item < items ? rstd[item] : 0;
#pragma unroll
            for (int i = 0; i < packed; i++) {
                product = __fmaf_rn(__fmul_rn(a[i], g[i]), b[i], product);
                const float term = __fmul_rn(__fmul_rn(a[i], factor), b[i]);
                dGain[0][i] += query ? term : 0;
                dGain[1][i] += query ? 0 : term;
            }
            product = sumLanes(product, h.lanes);
            const float shared = -factor * factor * factor * product / h.width;
#pragma unroll
            for (int i = 0; i < packed; i++) {
                a[i] = __fmaf_rn(b[i], shared, __fmul_rn(__fmul_rn(a[i], factor), g[i]));
            }
            if (item < items) {
                store<aligned>(dqkv + (int64_t(row) * heads + head) * h.width, lane * packed, h.width, pack<T>(a));
            }
        }
    }
    // Over the groups of a warp, then over the warps of the block.
    __shared__ float sums[2][packed * warpSize_][8];
#pragma unroll
    for (int kind = 0; kind < 2; kind++) {
#pragma unroll
        for (int i = 0; i < packed; i++) {
            float sum = dGain[kind][i];
            for (int offset = warpSize_ / 2; offset >= h.lanes; offset /= 2) {
                sum += __shfl_xor_sync(everyLane, sum, offset);
            }
            if (threadIdx.x % warpSize_ < h.lanes) {
                sums[kind][lane * packed + i][threadIdx.x / warpSize_] = sum;
            }
        }
    }
    __syncthreads();
    for (int j = threadIdx.x; j < 2 * h.width; j += blockDim.x) {
        const float *of = sums[j / h.width][j % h.width];
        float sum = of[0];
        for (int w = 1; w < blockDim.x / warpSize_; w++) {
            sum += of[w];
        }
        partials[int64_t(blockIdx.x) * 2 * h.width + j] = sum;
    }
}

#define HEAD_NORM_KERNELS(T, type, aligned, suffix)                                                                    \
    extern "C" __global__ void __launch_bounds__(256)                                                                  \
        head_norm_##type##suffix(T *out, float *rstd, const T *qkv, const T *gain, int rows, int query, int key,       \
                                 int width, int lanes, float eps) {                                                    \
        headNorm<T, aligned>(out, rstd, qkv, gain, rows, HeadShape{query, key, width, lanes}, eps);                    \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(256)                                                                  \
        head_norm_grad_##type##suffix(T *dqkv, float *partials, const float *rstd, const T *qkv, const T *gain,        \
                                      int rows, int query, int key, int width, int lanes) {                            \
        headNormGrad<T, aligned>(dqkv, partials, rstd, qkv, gain, rows, HeadShape{query, key, width, lanes});          \
    }

HEAD_NORM_KERNELS(bf16, bf16, true, )
HEAD_NORM_KERNELS(bf16, bf16, false, _odd)
