// Generalized advantage estimation, whitening, and the loss of values.
//
// Terms are computed and summed in double. A fixed number of blocks share the
// tokens of a sum; their totals are then added in order.
#include "element.cuh"

// maxBlocks is the most blocks that share a sum.
constexpr int maxBlocks = 132, threads = 256;

// advantages goes through one completion a warp, from its end, 32 tokens at a
// time: each lane has the δ of one token, and all lanes go through the 32 in
// turn. Products and sums are rounded one by one, as on the CPU.
extern "C" __global__ void __launch_bounds__(threads)
    advantages(float *advantage, float *returns, const int *starts, const float *reward, const float *value,
               const float *behavior, const float *reference, int completions, float gamma, float lambda, float kl) {
    const int s = blockIdx.x * (threads / warpSize_) + threadIdx.x / warpSize_, lane = threadIdx.x % warpSize_;
    if (s >= completions) {
        return;
    }
    const int from = starts[s], last = starts[s + 1] - 1;
    const double discount = gamma, decay = __dmul_rn(gamma, lambda);
    double carried = 0;
    for (int end = last; end >= from; end -= warpSize_) {
        const int p = end - lane;
        double v = 0, delta = 0, own = 0;
        if (p >= from) {
            v = value[p];
            const double earned = p == last ? reward[s] : 0, next = p == last ? 0 : value[p + 1];
            const double penalty = kl != 0 ? __dmul_rn(kl, __fsub_rn(behavior[p], reference[p])) : 0;
            delta = __dsub_rn(__dadd_rn(__dsub_rn(earned, penalty), __dmul_rn(discount, next)), v);
        }
        for (int turn = 0; turn < warpSize_; turn++) {
            carried = __dadd_rn(__shfl_sync(everyLane, delta, turn), __dmul_rn(decay, carried));
            own = turn == lane ? carried : own;
        }
        if (p >= from) {
            advantage[p] = float(own);
            returns[p] = float(__dadd_rn(own, v));
        }
    }
}

// total returns the sum of v over a block, by halving.
__device__ double total(double v) {
    __shared__ double memory[threads];
    memory[threadIdx.x] = v;
    for (int half = threads / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) {
            memory[threadIdx.x] += memory[threadIdx.x + half];
        }
    }
    __syncthreads();
    const double sum = memory[0];
    __syncthreads(); // before the next call writes
    return sum;
}

// moments sets partials to the blocks' sums of x, or where mean is given of
// (x − mean)².
extern "C" __global__ void __launch_bounds__(threads)
    moments(double *partials, const float *x, const double *mean, int64_t n) {
    double sum = 0;
    for (int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x; i < n; i += int64_t(gridDim.x) * threads) {
        const double v = mean ? x[i] - mean[0] : x[i];
        sum += mean ? v * v : v;
    }
    sum = total(sum);
    if (threadIdx.x == 0) {
        partials[blockIdx.x] = sum;
    }
}

// moment sets out[0] to the sum of count partials over divisor. One block.
extern "C" __global__ void __launch_bounds__(threads)
    moment(double *out, const double *partials, int count, int64_t divisor) {
    const double sum = total(threadIdx.x < count ? partials[threadIdx.x] : 0);
    if (threadIdx.x == 0) {
        out[0] = sum / divisor;
    }
}

// whiten gives x mean 0 and variance 1.
extern "C" __global__ void __launch_bounds__(threads)
    whiten(float *x, const double *mean, const double *variance, int64_t n) {
    const int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (i < n) {
        x[i] = float((x[i] - mean[0]) / sqrt(variance[0] + 1e-8));
    }
}

// Statistic numbers the elements of kernels.ValueLossArgs.Stats.
enum Statistic { loss, clipped, sumReturn, returnSquare, error, errorSquare, numStatistics };

// value_loss sets the coefficients, and partials to the blocks' statistics.
extern "C" __global__ void __launch_bounds__(threads)
    value_loss(float *coef, double *partials, const float *value, const float *old, const float *returns,
               const float *weight, int predictions, float clip) {
    double of[numStatistics] = {};
    for (int p = blockIdx.x * threads + threadIdx.x; p < predictions; p += gridDim.x * threads) {
        const double w = weight[p];
        if (w == 0) {
            coef[p] = 0;
            continue;
        }
        const double r = returns[p], v = value[p], e = v - r, around = old[p];
        double square = e * e, slope = e;
        if (clip != 0) {
            const double bounded = fmin(fmax(v, around - clip), around + clip) - r;
            if (bounded * bounded > square) {
                square = bounded * bounded;
                slope = 0;
                of[clipped] += w;
            }
        }
        coef[p] = float(w * slope);
        of[loss] += w * square / 2;
        of[sumReturn] += w * r;
        of[returnSquare] += w * r * r;
        of[error] += w * e;
        of[errorSquare] += w * e * e;
    }
    for (int i = 0; i < numStatistics; i++) {
        const double sum = total(of[i]);
        if (threadIdx.x == 0) {
            partials[i * maxBlocks + blockIdx.x] = sum;
        }
    }
}

// value_statistics brings the statistics of count blocks together. One block.
extern "C" __global__ void __launch_bounds__(threads) value_statistics(float *stats, const double *partials, int count) {
    for (int i = 0; i < numStatistics; i++) {
        const double sum = total(threadIdx.x < count ? partials[i * maxBlocks + threadIdx.x] : 0);
        if (threadIdx.x == 0) {
            stats[i] = float(sum);
        }
    }
}
