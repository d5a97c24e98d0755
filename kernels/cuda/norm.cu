// RMSNorm of a sum, and its gradient.
//
// The threads of a group share a row: one warp, several groups to a block, or
// one block. How many, and so the order of every sum over a row, follows from
// the width alone. Thread t of a group holds packs t, t+lanes, …: all of a row
// is in registers, and each operand is read once.
#include "element.cuh"

struct Group {
    int lanes, lane, first, step; // threads of a row, this one; rows first, first+step, …

    __device__ Group(int lanes) : lanes(lanes) {
        int groups = blockDim.x / lanes;
        lane = threadIdx.x % lanes;
        first = blockIdx.x * groups + threadIdx.x / lanes;
        step = gridDim.x * groups;
    }
};

// addNorm sets sum to x + y, out to RMSNorm(sum)·gain and rstd to its factor. y
// may be null: then sum is x and not written.
template <class T, int packs, bool aligned>
__device__ __forceinline__ void addNorm(T *sum, T *out, float *rstd, const T *x, const T *y, const T *gain, int rows,
                                        int width, int lanes, float eps) {
    __shared__ float memory[2][warpSize_];
    Group group(lanes);
    RowSum total(memory, lanes / warpSize_);
    for (int row = group.first; row < rows; row += group.step) {
        const int64_t at = int64_t(row) * width;
        Pack held[packs], other[packs];
#pragma unroll
        for (int k = 0; k < packs; k++) {
            held[k] = load<aligned>(x + at, (k * lanes + group.lane) * packed, width);
        }
        if (y) {
#pragma unroll
            for (int k = 0; k < packs; k++) {
                other[k] = load<aligned>(y + at, (k * lanes + group.lane) * packed, width);
            }
#pragma unroll
            for (int k = 0; k < packs; k++) {
                float a[packed], b[packed];
                unpack<T>(a, held[k]);
                unpack<T>(b, other[k]);
#pragma unroll
                for (int i = 0; i < packed; i++) {
                    a[i] += b[i];
                }
                held[k] = pack<T>(a);
                store<aligned>(sum + at, (k * lanes + group.lane) * packed, width, held[k]);
            }
        }
        float square = 0;
#pragma unroll
        for (int k = 0; k < packs; k++) {
            float a[packed];
            unpack<T>(a, held[k]);
#pragma unroll
            for (int i = 0; i < packed; i++) {
                square = __fmaf_rn(a[i], a[i], square);
            }
        }
        const float factor = __frsqrt_rn(total(square) / width + eps);
        if (group.lane == 0) {
            rstd[row] = factor;
        }
#pragma unroll
        for (int k = 0; k < packs; k++) {
            float a[packed], g[packed];
            unpack<T>(a, held[k]);
            unpack<T>(g, load<aligned>(gain, (k * lanes + group.lane) * packed, width));
#pragma unroll
            for (int i = 0; i < packed; i++) {
                a[i] = __fmul_rn(__fmul_rn(a[i], factor), g[i]);
            }
            store<aligned>(out + at, (k * lanes + group.lane) * packed, width, pack<T>(a));
        }
    }
}

// addNormGrad adds to dx the gradient of the norm's input, and sets row g of
// partials to the gradient of gain from the rows of group g.
template <class T, int packs, bool aligned>
__device__ __forceinline__ void addNormGrad(T *dx, float *partials, const T *dOut, const T *sum, const T *gain,
                                            const float *rstd, int rows, int width, int lanes) {
    __shared__ float memory[2][warpSize_];
    Group group(lanes);
    RowSum total(memory, lanes / warpSize_);
    Pack gains[packs];
    float dGain[packs][packed] = {};
#pragma unroll
    for (int k = 0; k < packs; k++) {
        gains[k] = load<aligned>(gain, (k * lanes + group.lane) * packed, width);
    }
    for (int row = group.first; row < rows; row += group.step) {
        const int64_t at = int64_t(row) * width;
        Pack d[packs], x[packs], residual[packs];
#pragma unroll
        for (int k = 0; k < packs; k++) {
            d[k] = load<aligned>(dOut + at, (k * lanes + group.lane) * packed, width);
            x[k] = load<aligned>(sum + at, (k * lanes + group.lane) * packed, width);
            residual[k] = load<aligned>(dx + at, (k * lanes + group.lane) * packed, width);
        }
        const float factor = rstd[row];
        float product = 0;
#pragma unroll
        for (int k = 0; k < packs; k++) {
            float a[packed], b[packed], g[packed];
            unpack<T>(a, d[k]);
            unpack<T>(b, x[k]);
            unpack<T>(g, gains[k]);
#pragma unroll
            for (int i = 0; i < packed; i++) {
                product = __fmaf_rn(__fmul_rn(a[i], g[i]), b[i], product);
                dGain[k][i] = __fmaf_rn(__fmul_rn(a[i], factor), b[i], dGain[k][i]);
            }
        }
        const float shared = -factor * factor * factor * total(product) / width;
#pragma unroll
        for (int k = 0; k < packs; k++) {
            float a[packed], b[packed], g[packed], r[packed];
            unpack<T>(a, d[k]);
            unpack<T>(b, x[k]);
            unpack<T>(g, gains[k]);
            unpack<T>(r, residual[k]);
#pragma unroll
            for (int i = 0; i < packed; i++) {
                r[i] = __fmaf_rn(b[i], shared, __fmaf_rn(__fmul_rn(a[i], factor), g[i], r[i]));
            }
            store<aligned>(dx + at, (k * lanes + group.lane) * packed, width, pack<T>(r));
        }
    }
    if (group.first >= rows) {
        return;
    }
    float *to = partials + int64_t(group.first) * width;
#pragma unroll
    for (int k = 0; k < packs; k++) {
#pragma unroll
        for (int i = 0; i < packed; i++) {
            int column = (k * lanes + group.lane) * packed + i;
            if (column < width) {
                to[column] = dGain[k][i];
            }
        }
    }
}

// addColumns adds to to[c] the sum of column c of rows partial rows. A block
// has 32 columns and 16 shares of rows, each summed in ascending order.
extern "C" __global__ void __launch_bounds__(512)
    add_columns(float *to, const float *partials, int rows, int width) {
    constexpr int shares = 16;
    __shared__ float sums[shares][warpSize_];
    const int share = threadIdx.x / warpSize_, lane = threadIdx.x % warpSize_;
    const int column = blockIdx.x * warpSize_ + lane;
    float sum = 0;
    if (column < width) {
#pragma unroll 8
        for (int row = share; row < rows; row += shares) {
            sum += partials[int64_t(row) * width + column];
        }
    }
    sums[share][lane] = sum;
    __syncthreads();
    if (share == 0 && column < width) {
        for (int s = 1; s < shares; s++) {
            sum += sums[s][lane];
        }
        to[column] += sum;
    }
}

// maxThreads is the largest group for a number of packs a thread: what the
// registers allow.
constexpr int maxThreads(int packs) { return packs == 1 ? 1024 : 512; }

#define NORM_KERNELS(T, type, packs, aligned, suffix)                                                                  \
    extern "C" __global__ void __launch_bounds__(maxThreads(packs))                                                    \
        add_norm_##type##_##packs##suffix(T *sum, T *out, float *rstd, const T *x, const T *y, const T *gain,          \
                                          int rows, int width, int lanes, float eps) {                                 \
        addNorm<T, packs, aligned>(sum, out, rstd, x, y, gain, rows, width, lanes, eps);                               \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(maxThreads(packs))                                                    \
        add_norm_grad_##type##_##packs##suffix(T *dx, float *partials, const T *dOut, const T *sum, const T *gain,     \
                                               const float *rstd, int rows, int width, int lanes) {                    \
        addNormGrad<T, packs, aligned>(dx, partials, dOut, sum, gain, rstd, rows, width, lanes);                       \
    }

#define NORM_WIDTHS(T, type, aligned, suffix)                                                                          \
    NORM_KERNELS(T, type, 1, aligned, suffix)                                                                          \
    NORM_KERNELS(T, type, 2, aligned, suffix)                                                                          \
    NORM_KERNELS(T, type, 3, aligned, suffix)                                                                          \
    NORM_KERNELS(T, type, 4, aligned, suffix)

NORM_WIDTHS(bf16, bf16, true, )
NORM_WIDTHS(bf16, bf16, false, _odd)
