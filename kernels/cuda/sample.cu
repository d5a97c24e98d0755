// Tokens drawn from logits, with their logprob and entropy.
#include "softmax.cuh"

// philox returns the first word of Philox4x32-10, as package kernels has it.
__device__ uint32_t philox(uint64_t key, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3) {
    uint32_t k0 = uint32_t(key), k1 = uint32_t(key >> 32);
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = uint64_t(c0) * 0xD2511F53u, p1 = uint64_t(c2) * 0xCD9E8D57u;
        c0 = uint32_t(p1 >> 32) ^ c1 ^ k0;
        c1 = uint32_t(p1);
        c2 = uint32_t(p0 >> 32) ^ c3 ^ k1;
        c3 = uint32_t(p0);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return c0;
}

// Choice is the shared memory by which blocks choose a token.
template <class S> struct Choice {
    static constexpr int chunks = S::quads * S::blocks;

    float warp[S::quads][S::warps]; // sums of exponentials
    double chunk[chunks];
    double before, wanted; // sum of the chunks before the chosen one, and where to stop
    int chosen;
    float lowest[S::blocks]; // lowest id of the largest logit, by block
    int found, last;
};

// largest returns the lowest id of the largest logit.
template <class S>
__device__ int largest(const Distribution &d, const Row<S> &row, int vocabulary, Choice<S> &memory) {
    if (threadIdx.x == 0) {
        memory.found = INT32_MAX;
    }
    __syncthreads();
    int id = INT32_MAX;
    const auto look = [&](int q, const float(&z)[quadSize]) {
#pragma unroll
        for (int j = 0; j < quadSize; j++) {
            id = z[j] == d.top ? min(id, S::first(q) + j) : id;
        }
    };
    row.eachHeld(look);
    row.eachKept(look);
    if (id < INT32_MAX) {
        atomicMin(&memory.found, id);
    }
    __syncthreads();
    int lowest = memory.found;
    if (S::blocks > 1) {
        if (threadIdx.x < S::blocks) { // ids are below 2^24, exact as floats
            storeRemote(&memory.lowest[S::rank()], lowest == INT32_MAX ? 1e9f : float(lowest), threadIdx.x);
        }
        clusterArrive();
        clusterWait();
        for (int b = 0; b < S::blocks; b++) {
            lowest = min(lowest, int(memory.lowest[b]));
        }
    }
    return lowest < vocabulary ? lowest : 0;
}

// sumBelow returns the sum of v over the lanes up to this one.
__device__ __forceinline__ double sumBelow(double v) {
    for (int offset = 1; offset < warpSize_; offset *= 2) {
        const double other = __shfl_up_sync(everyLane, v, offset);
        v += threadIdx.x % warpSize_ >= offset ? other : 0;
    }
    return v;
}

// chooseChunk finds the chunk in which the sum of exponentials passes u of the
// whole. One warp of each block calls it.
template <class S> __device__ void chooseChunk(float u, Choice<S> &memory) {
    constexpr int each = (Choice<S>::chunks + warpSize_ - 1) / warpSize_;
    const int from = threadIdx.x * each;
    double own = 0;
    for (int c = from; c < min(from + each, Choice<S>::chunks); c++) {
        own += memory.chunk[c];
    }
    const double upTo = sumBelow(own), wanted = double(u) * __shfl_sync(everyLane, upTo, warpSize_ - 1);
    const unsigned past = __ballot_sync(everyLane, upTo > wanted);
    if (threadIdx.x != (past ? __ffs(past) - 1 : 0)) {
        return;
    }
    double before = upTo - own;
    int c = from;
    while (c < min(from + each, Choice<S>::chunks) - 1 && !(before + memory.chunk[c] > wanted)) {
        before += memory.chunk[c++];
    }
    memory.chosen = c;
    memory.before = before;
    memory.wanted = wanted;
}

// draw returns, in the one block that finds it, the first id up to which the
// probabilities sum to more than u, and -1 in the others. Sums go by lane, warp
// and chunk, from a chunk on in double.
template <class S>
__device__ int draw(float u, const Distribution &d, const Row<S> &row, const float *logits, int vocabulary,
                    Choice<S> &memory) {
    const int warp = threadIdx.x / warpSize_;
    const auto add = [&](int q, const float(&z)[quadSize]) {
        float own = 0;
#pragma unroll
        for (int j = 0; j < quadSize; j++) {
            own += d.exponential(d.offset(z[j]));
        }
        own = sumLanes(own);
        if (threadIdx.x % warpSize_ == 0) {
            memory.warp[q][warp] = own;
        }
    };
    row.eachHeld(add);
    row.eachKept(add);
    if (threadIdx.x == 0) {
        memory.found = INT32_MAX;
        memory.last = 0;
    }
    __syncthreads();
    if (threadIdx.x < S::quads) {
        double sum = 0;
        for (int w = 0; w < S::warps && threadIdx.x < row.used(); w++) {
            sum += memory.warp[threadIdx.x][w];
        }
        double *to = &memory.chunk[S::chunk(threadIdx.x)];
        for (int b = 0; b < S::blocks; b++) {
            if (S::blocks > 1) {
                storeRemote(to, sum, b);
            } else {
                *to = sum;
            }
        }
    }
    if (S::blocks > 1) {
        clusterArrive();
        clusterWait();
    } else {
        __syncthreads();
    }
    if (warp == 0) {
        chooseChunk(u, memory);
    }
    __syncthreads();
    const int q = memory.chosen / S::blocks;
    if (memory.chosen % S::blocks != S::rank()) {
        return -1;
    }
    // The chosen chunk anew, thread by thread.
    const int first = S::first(q);
    float4 v = {};
    if (first < vocabulary) {
        v = *reinterpret_cast<const float4 *>(logits + first);
    }
    mask(v, first, vocabulary);
    const float z[quadSize] = {v.x, v.y, v.z, v.w};
    double own = 0, sum = memory.before;
    for (int w = 0; w < warp; w++) {
        sum += memory.warp[q][w];
    }
    for (int j = 0; j < quadSize; j++) {
        own += d.exponential(d.offset(z[j]));
    }
    sum += sumBelow(own) - own;
    for (int j = 0; j < quadSize; j++) {
        const float e = d.exponential(d.offset(z[j]));
        sum += e;
        if (e > 0) {
            atomicMax(&memory.last, first + j);
            if (sum > memory.wanted) {
                atomicMin(&memory.found, first + j);
            }
        }
    }
    __syncthreads();
    return memory.found < vocabulary ? memory.found : memory.last; // rounding may leave none
}

template <class S>
__device__ __forceinline__ void sample(int *tokens, float *logProb, float *entropy, const float *logits,
                                       const int *rows, const float *temperatures, const int *keys,
                                       const int *positions, uint64_t seed, int vocabulary, int stride) {
    extern __shared__ float4 stage[];
    __shared__ Exchange<S> exchange;
    __shared__ Choice<S> choice;
    __shared__ uint64_t barrier;
    const int b = S::row();
    if (rows[b] < 0) {
        return;
    }
    Row<S> row(stage, &barrier, vocabulary, stride);
    if (S::blocks > 1) {
        clusterArrive();
    }
    const float temperature = temperatures[b];
    const float *of = logits + int64_t(b) * stride;
    row.fetch(of, 0, S::held);
    Distribution d(temperature > 0 ? temperature : 1.f);
    summarize(d, row, of, exchange, 0, [] {});
    int token;
    if (temperature > 0) {
        const uint32_t r = philox(seed, positions[b], 0, keys[2 * b], keys[2 * b + 1]);
        token = draw(float(r >> 8) * (1.f / (1 << 24)), d, row, of, vocabulary, choice);
    } else {
        token = largest(d, row, vocabulary, choice);
        token = S::rank() == 0 ? token : -1;
    }
    if (threadIdx.x == 0 && token >= 0) {
        tokens[b] = token;
        logProb[b] = d.logProb(of[token]);
        entropy[b] = d.entropy();
    }
}

#define SAMPLE_KERNEL(blocks, threads, held, staged)                                                                   \
    extern "C" __global__ void SHARE_BOUNDS(blocks, threads) sample_##blocks##_##threads##_##held##_##staged(          \
        int *tokens, float *logProb, float *entropy, const float *logits, const int *rows, const float *temperatures,  \
        const int *keys, const int *positions, uint64_t seed, int vocabulary, int stride) {                            \
        sample<Share<blocks, threads, held, staged>>(tokens, logProb, entropy, logits, rows, temperatures, keys,       \
                                                     positions, seed, vocabulary, stride);                             \
    }

FOR_SHARES(SAMPLE_KERNEL)
