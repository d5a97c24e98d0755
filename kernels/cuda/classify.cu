// From logits to logprob and entropy of predictions, and their gradients.
#include "softmax.cuh"

// writeGradient sets to to the derivative of own·logprob(target) +
// other·entropy by the logits.
template <class T, class S>
__device__ __forceinline__ void writeGradient(T *to, const Distribution &d, const Row<S> &row, int target, float own,
                                              float other, int vocabulary) {
    const float share = d.scale / d.sum;
    const float constant = share * (other * d.mean() - own), linear = -share * other * d.scale;
#pragma unroll
    for (int q = 0; q < S::quads; q++) {
        const int i = S::first(q);
        float g[quadSize];
#pragma unroll
        for (int j = 0; j < quadSize; j++) {
            const float t = d.offset(row.z[q][j]);
            g[j] = d.exponential(t) * __fmaf_rn(t, linear, constant);
            g[j] += i + j == target ? own * d.scale : 0.f;
        }
        if (i < vocabulary) { // beyond the vocabulary, what is written is never read
            *reinterpret_cast<uint2 *>(to + i) =
                make_uint2(Element<T>::narrow2(g[0], g[1]), Element<T>::narrow2(g[2], g[3]));
        }
    }
}

// classify writes logprob and entropy of each row's prediction, and where coef
// is given the derivative of coef·logprob + eCoef·entropy by the logits. A
// cluster has every so many rows.
template <class T, class S>
__device__ __forceinline__ void classify(T *dLogits, float *logProb, float *entropy, const float *logits,
                                         const int *targets, const float *coef, const float *eCoef, int rows,
                                         int vocabulary, int stride, float temperature) {
    extern __shared__ float4 memory[];
    __shared__ Exchange<S> exchange;
    __shared__ uint64_t barrier;
    Stage<S> stage(memory, &barrier);
    if (S::blocks > 1) {
        clusterArrive();
    }
    if (threadIdx.x == 0) {
        stage.fetch(logits + int64_t(S::row()) * stride, stride);
    }
    const int step = gridDim.x / S::blocks;
    int turn = 0;
    for (int p = S::row(); p < rows; p += step, turn++) {
        Row<S> row;
        stage.wait(turn);
        row.take(memory, vocabulary);
        Distribution d(temperature);
        summarize(d, row, exchange, turn, [&] {
            if (threadIdx.x == 0 && p + step < rows) {
                stage.fetch(logits + int64_t(p + step) * stride, stride);
            }
        });
        const int target = targets[p];
        if (S::rank() == 0 && threadIdx.x == 0) {
            if (uint32_t(target) >= uint32_t(vocabulary)) {
                __trap();
            }
            logProb[p] = d.logProb(logits[int64_t(p) * stride + target]);
            entropy[p] = d.entropy();
        }
        if (coef) {
            writeGradient(dLogits + int64_t(p) * stride, d, row, target, coef[p], eCoef ? eCoef[p] : 0.f, vocabulary);
        }
    }
}

#define CLASSIFY_KERNEL(blocks, threads, quads)                                                                        \
    extern "C" __global__ void SHARE_BOUNDS(blocks, threads, quads) classify_bf16_##blocks##_##threads##_##quads(      \
        bf16 *dLogits, float *logProb, float *entropy, const float *logits, const int *targets, const float *coef,     \
        const float *eCoef, int rows, int vocabulary, int stride, float temperature) {                                 \
        classify<bf16, Share<blocks, threads, quads>>(dLogits, logProb, entropy, logits, targets, coef, eCoef, rows,   \
                                                      vocabulary, stride, temperature);                                \
    }

FOR_SHARES(CLASSIFY_KERNEL)
