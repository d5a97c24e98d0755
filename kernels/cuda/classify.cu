// From logits to logprob and entropy of predictions, and their gradients.
#include "softmax.cuh"

// Slope is the derivative of own·logprob(target) + other·entropy by a logit that
// is not the target's: exp(t)·(t·linear + constant).
struct Slope {
    float linear, constant;

    __device__ __forceinline__ Slope(const Distribution &d, float own, float other) {
        const float share = d.scale / d.sum;
        linear = -share * other * d.scale;
        constant = share * (other * d.mean() - own);
    }

    __device__ __forceinline__ float operator()(const Distribution &d, float z) const {
        const float t = d.offset(z);
        return d.exponential(t) * __fmaf_rn(t, linear, constant);
    }
};

// classify writes logprob and entropy of each row's prediction, and where coef
// is given the derivative of coef·logprob + eCoef·entropy by the logits. A
// cluster has every so many rows.
template <class T, class S>
__device__ __forceinline__ void classify(T *dLogits, float *logProb, float *entropy, const float *logits,
                                         const int *targets, const float *coef, const float *eCoef, int rows,
                                         int vocabulary, int stride, float temperature) {
    extern __shared__ float4 stage[];
    __shared__ Exchange<S> exchange;
    __shared__ uint64_t barrier;
    Row<S> row(stage, &barrier, vocabulary, stride);
    if (S::blocks > 1) {
        clusterArrive();
    }
    const int step = gridDim.x / S::blocks;
    const auto of = [&](int p) { return logits + int64_t(p) * stride; };
    row.fetch(of(S::row()), 0, S::held);
    int turn = 0;
    for (int p = S::row(); p < rows; p += step, turn++) {
        const auto next = [&] {
            if (p + step < rows) {
                row.fetch(of(p + step), 0, S::held);
            }
        };
        Distribution d(temperature);
        summarize(d, row, of(p), exchange, turn, next);
        const int target = targets[p];
        if (uint32_t(target) >= uint32_t(vocabulary)) {
            __trap();
        }
        if (S::rank() == 0 && threadIdx.x == 0) {
            logProb[p] = d.logProb(of(p)[target]);
            entropy[p] = d.entropy();
        }
        if (!coef) {
            if constexpr (S::staged > 0) {
                next();
            }
            continue;
        }
        const float own = coef[p];
        const Slope slope(d, own, eCoef ? eCoef[p] : 0.f);
        T *to = dLogits + int64_t(p) * stride;
        const auto write = [&](int q, const float(&z)[quadSize]) {
            const int i = S::first(q);
            if (i < vocabulary) { // beyond the vocabulary, what is written is never read
                *reinterpret_cast<uint2 *>(to + i) = make_uint2(Element<T>::narrow2(slope(d, z[0]), slope(d, z[1])),
                                                                Element<T>::narrow2(slope(d, z[2]), slope(d, z[3])));
            }
        };
        if constexpr (S::staged > 0) {
            row.eachKept(write);
            __syncthreads();
            next();
        }
        row.eachHeld(write);
        // The thread that wrote the target's derivative writes it anew.
        const int chunk = target / quadSize / S::threads;
        if (chunk % S::blocks == S::rank() && target / quadSize % S::threads == threadIdx.x) {
            to[target] = Element<T>::narrow(slope(d, of(p)[target]) + own * d.scale);
        }
    }
}

#define CLASSIFY_KERNEL(blocks, threads, held, staged)                                                                 \
    extern "C" __global__ void SHARE_BOUNDS(blocks, threads) classify_bf16_##blocks##_##threads##_##held##_##staged(   \
        bf16 *dLogits, float *logProb, float *entropy, const float *logits, const int *targets, const float *coef,     \
        const float *eCoef, int rows, int vocabulary, int stride, float temperature) {                                 \
        classify<bf16, Share<blocks, threads, held, staged>>(dLogits, logProb, entropy, logits, targets, coef, eCoef,  \
                                                             rows, vocabulary, stride, temperature);                   \
    }

FOR_SHARES(CLASSIFY_KERNEL)
