// The critic's head: values of predictions, and the gradients of their
// coefficients.
//
// A value is summed by one warp in an order that follows from the width alone.
// The gradient by a hidden row is the sum of the coefficients of the
// predictions that read it, ascending, times the weight; that of the weight is
// summed over strands of chunks of rows, and these sums are added up in order.
#include "element.cuh"

constexpr int strands = 8; // warps of a block of value_grad, each of which takes every so manyth row

// value sets value[p] to weight·hidden[rows[p]]; a row that is not there gives
// NaN.
template <class T, bool aligned>
__device__ __forceinline__ void value(float *value, const T *hidden, const T *weight, const int *rows, int predictions,
                                      int hiddenRows, int width) {
    const int p = blockIdx.x * (blockDim.x / warpSize_) + threadIdx.x / warpSize_, lane = threadIdx.x % warpSize_;
    if (p >= predictions) {
        return;
    }
    const int row = rows[p];
    float sum = __int_as_float(0x7fc00000);
    if (row >= 0 && row < hiddenRows) {
        sum = 0;
        for (int first = lane * packed; first < width; first += warpSize_ * packed) {
            float x[packed], w[packed];
            unpack<T>(x, load<aligned>(hidden + int64_t(row) * width, first, width));
            unpack<T>(w, load<aligned>(weight, first, width));
#pragma unroll
            for (int i = 0; i < packed; i++) {
                sum = __fmaf_rn(x[i], w[i], sum);
            }
        }
        sum = sumLanes(sum);
    }
    if (lane == 0) {
        value[p] = sum;
    }
}

// row_coefs sets rowCoef[r] to the sum of coef over the predictions of row r.
// ids are the rows of all predictions, sorted, and places their numbers.
extern "C" __global__ void __launch_bounds__(256)
    row_coefs(float *rowCoef, const float *coef, const int *ids, const int *places, int predictions, int hiddenRows) {
    const int row = blockIdx.x * blockDim.x + threadIdx.x;
    if (row >= hiddenRows) {
        return;
    }
    int from = 0;
    for (int to = predictions; from < to;) {
        const int middle = (from + to) / 2;
        if (ids[middle] < row) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    float sum = 0;
    for (; from < predictions && ids[from] == row; from++) {
        sum += coef[places[from]];
    }
    rowCoef[row] = sum;
}

// valueGrad sets dHidden to rowCoef·weight, and row y of partials to the sum of
// rowCoef·hidden over chunk y of the rows. A block has 32 packs of columns.
template <class T, bool aligned>
__device__ __forceinline__ void valueGrad(T *dHidden, float *partials, const T *hidden, const T *weight,
                                          const float *rowCoef, int hiddenRows, int width, int chunk) {
    __shared__ float sums[strands][warpSize_][packed];
    const int lane = threadIdx.x % warpSize_, strand = threadIdx.x / warpSize_;
    const int first = (blockIdx.x * warpSize_ + lane) * packed, end = min(hiddenRows, int(blockIdx.y + 1) * chunk);
    float w[packed], sum[packed] = {};
    unpack<T>(w, load<aligned>(weight, first, width));
    for (int row = blockIdx.y * chunk + strand; row < end; row += strands) {
        const float coef = rowCoef[row];
        float d[packed];
#pragma unroll
        for (int i = 0; i < packed; i++) {
            d[i] = __fmul_rn(coef, w[i]);
        }
        store<aligned>(dHidden + int64_t(row) * width, first, width, pack<T>(d));
        if (coef == 0) {
            continue; // as most rows of prompts, which nothing reads
        }
        float x[packed];
        unpack<T>(x, load<aligned>(hidden + int64_t(row) * width, first, width));
#pragma unroll
        for (int i = 0; i < packed; i++) {
            sum[i] = __fmaf_rn(coef, x[i], sum[i]);
        }
    }
#pragma unroll
    for (int i = 0; i < packed; i++) {
        sums[strand][lane][i] = sum[i];
    }
    __syncthreads();
    // Thread t has column t of the block's 256.
    const int column = blockIdx.x * warpSize_ * packed + threadIdx.x;
    if (column < width) {
        float total = 0;
        for (int s = 0; s < strands; s++) {
            total += sums[s][threadIdx.x / packed][threadIdx.x % packed];
        }
        partials[int64_t(blockIdx.y) * width + column] = total;
    }
}

#define VALUE_KERNELS(T, type, aligned, suffix)                                                                        \
    extern "C" __global__ void __launch_bounds__(256)                                                                  \
        value_##type##suffix(float *values, const T *hidden, const T *weight, const int *rows, int predictions,        \
                             int hiddenRows, int width) {                                                              \
        value<T, aligned>(values, hidden, weight, rows, predictions, hiddenRows, width);                               \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(strands *warpSize_)                                                   \
        value_grad_##type##suffix(T *dHidden, float *partials, const T *hidden, const T *weight,                       \
                                  const float *rowCoef, int hiddenRows, int width, int chunk) {                        \
        valueGrad<T, aligned>(dHidden, partials, hidden, weight, rowCoef, hiddenRows, width, chunk);                   \
    }

VALUE_KERNELS(bf16, bf16, true, )
VALUE_KERNELS(bf16, bf16, false, _odd)
