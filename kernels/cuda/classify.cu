// From logits to logprob and entropy, their gradients, and sampled tokens.
//
// A row of logits is shared by a cluster of blocks, or by one where it is short,
// and held in registers: it is read once. Quad q of a thread is the four logits
// from ((q·blocks + rank)·512 + thread)·4 on. Everything computed from a row
// alone goes through Distribution, with every rounding spelled out, so that
// training and sampling get the same bits.
#include "element.cuh"

constexpr int threads = 512, warps = threads / warpSize_, quadSize = 4;
constexpr float absent = -1e38f; // in place of logits beyond the vocabulary

// exp2 of the hardware.
__device__ __forceinline__ float power2(float v) {
    float e;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(e) : "f"(v));
    return e;
}

// The cluster's barrier, and stores to the same variable of another block.
__device__ __forceinline__ void clusterArrive() { asm volatile("barrier.cluster.arrive.release;" ::: "memory"); }
__device__ __forceinline__ void clusterWait() { asm volatile("barrier.cluster.wait.acquire;" ::: "memory"); }
__device__ __forceinline__ uint32_t remote(const void *p, int rank) {
    uint32_t address = uint32_t(__cvta_generic_to_shared(p)), there;
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(address), "r"(rank));
    return there;
}
__device__ __forceinline__ void storeRemote(float *p, float v, int rank) {
    asm volatile("st.shared::cluster.f32 [%0], %1;" ::"r"(remote(p, rank)), "f"(v) : "memory");
}
__device__ __forceinline__ void storeRemote(double *p, double v, int rank) {
    asm volatile("st.shared::cluster.f64 [%0], %1;" ::"r"(remote(p, rank)), "d"(v) : "memory");
}

// Row is what a thread holds of a row of logits.
template <int blocks, int quads> struct Row {
    float z[quads][quadSize];
    int rank, vocabulary;

    __device__ __forceinline__ Row(const float *logits, int vocabulary)
        : rank(blockIdx.x % blocks), vocabulary(vocabulary) {
#pragma unroll
        for (int q = 0; q < quads; q++) {
            read(z[q], logits, first(q));
        }
    }

    // read sets to to the logits from i on. Rows are whole quads long.
    __device__ __forceinline__ void read(float (&to)[quadSize], const float *logits, int i) const {
        float4 v = make_float4(absent, absent, absent, absent);
        if (i < vocabulary) {
            v = __ldcs(reinterpret_cast<const float4 *>(logits + i));
        }
        to[0] = v.x;
        to[1] = i + 1 < vocabulary ? v.y : absent;
        to[2] = i + 2 < vocabulary ? v.z : absent;
        to[3] = i + 3 < vocabulary ? v.w : absent;
    }

    // chunk is the number of the run of logits that the block has as quad q.
    __device__ __forceinline__ int chunk(int q) const { return q * blocks + rank; }

    // first is the id of the first logit of quad q.
    __device__ __forceinline__ int first(int q) const { return (chunk(q) * threads + threadIdx.x) * quadSize; }
};

// Distribution is the softmax of logits z/temperature: with t = z − top, sum is
// Σ exp(t/temperature) and dot is Σ exp(t/temperature)·t.
struct Distribution {
    float top, sum, dot;
    float scale, scale2; // 1/temperature, in powers of e and of 2

    __device__ __forceinline__ Distribution(float temperature) : scale(__fdiv_rn(1.f, temperature)) {
        scale2 = __fmul_rn(scale, 1.4426950408889634f);
    }

    __device__ __forceinline__ float exponential(float t) const { return power2(__fmul_rn(t, scale2)); }
    __device__ __forceinline__ float offset(float z) const { return __fsub_rn(z, top); }
    __device__ __forceinline__ float logProb(float z) const {
        return __fsub_rn(__fmul_rn(offset(z), scale), logf(sum));
    }
    __device__ __forceinline__ float mean() const { return __fdiv_rn(__fmul_rn(dot, scale), sum); } // of t/temperature
    __device__ __forceinline__ float entropy() const { return __fsub_rn(logf(sum), mean()); }
};

// Part is what one block contributes to a Distribution; top is its own.
struct Part {
    float top, sum, dot;
};

// Exchange is the shared memory by which blocks put a Distribution together.
template <int blocks> struct Exchange {
    float warp[3][warps];
    Part parts[blocks];
};

__device__ __forceinline__ float maxLanes(float v) {
    for (int offset = warpSize_ / 2; offset > 0; offset /= 2) {
        v = fmaxf(v, __shfl_xor_sync(everyLane, v, offset));
    }
    return v;
}

// summarize fills in d from the row. In a cluster, all blocks have arrived at
// its barrier once before.
template <int blocks, int quads>
__device__ __forceinline__ void summarize(Distribution &d, const Row<blocks, quads> &row, Exchange<blocks> &memory) {
    const int warp = threadIdx.x / warpSize_, lane = threadIdx.x % warpSize_;
    float top = absent;
#pragma unroll
    for (int q = 0; q < quads; q++) {
        top = fmaxf(fmaxf(fmaxf(top, row.z[q][0]), fmaxf(row.z[q][1], row.z[q][2])), row.z[q][3]);
    }
    top = maxLanes(top);
    if (lane == 0) {
        memory.warp[0][warp] = top;
    }
    __syncthreads();
    top = maxLanes(memory.warp[0][lane % warps]);

    float sum = 0, dot = 0;
#pragma unroll
    for (int q = 0; q < quads; q++) {
#pragma unroll
        for (int j = 0; j < quadSize; j++) {
            const float t = __fsub_rn(row.z[q][j], top), e = d.exponential(t);
            sum = __fadd_rn(sum, e);
            dot = __fmaf_rn(e, t, dot);
        }
    }
    sum = sumLanes(sum);
    dot = sumLanes(dot);
    if (lane == 0) {
        memory.warp[1][warp] = sum;
        memory.warp[2][warp] = dot;
    }
    __syncthreads();
    if (blocks > 1) {
        clusterWait(); // every block runs: its memory may be written
    }
    if (threadIdx.x < blocks) {
        sum = memory.warp[1][0];
        dot = memory.warp[2][0];
#pragma unroll
        for (int w = 1; w < warps; w++) {
            sum = __fadd_rn(sum, memory.warp[1][w]);
            dot = __fadd_rn(dot, memory.warp[2][w]);
        }
        Part &to = memory.parts[row.rank];
        if (blocks > 1) {
            storeRemote(&to.top, top, threadIdx.x);
            storeRemote(&to.sum, sum, threadIdx.x);
            storeRemote(&to.dot, dot, threadIdx.x);
        } else {
            to = {top, sum, dot};
        }
    }
    if (blocks > 1) {
        clusterArrive();
        clusterWait();
    } else {
        __syncthreads();
    }

    d.top = memory.parts[0].top;
#pragma unroll
    for (int b = 1; b < blocks; b++) {
        d.top = fmaxf(d.top, memory.parts[b].top);
    }
    d.sum = d.dot = 0;
#pragma unroll
    for (int b = 0; b < blocks; b++) {
        const Part p = memory.parts[b];
        const float t = d.offset(p.top), e = d.exponential(t);
        d.sum = __fmaf_rn(p.sum, e, d.sum);
        d.dot = __fmaf_rn(__fmaf_rn(p.sum, t, p.dot), e, d.dot);
    }
}

// classify writes logprob and entropy of a row's prediction, and where coef is
// given the derivative of coef·logprob + eCoef·entropy by the logits.
template <class T, int blocks, int quads>
__device__ __forceinline__ void classify(T *dLogits, float *logProb, float *entropy, const float *logits,
                                         const int *targets, const float *coef, const float *eCoef, int vocabulary,
                                         int stride, float temperature) {
    __shared__ Exchange<blocks> memory;
    if (blocks > 1) {
        clusterArrive();
    }
    const int p = blockIdx.x / blocks;
    const Row<blocks, quads> row(logits + int64_t(p) * stride, vocabulary);
    Distribution d(temperature);
    summarize(d, row, memory);
    const int target = targets[p];
    if (row.rank == 0 && threadIdx.x == 0) {
        if (uint32_t(target) >= uint32_t(vocabulary)) {
            __trap();
        }
        logProb[p] = d.logProb(logits[int64_t(p) * stride + target]);
        entropy[p] = d.entropy();
    }
    if (!coef) {
        return;
    }
    const float own = coef[p], other = eCoef ? eCoef[p] : 0.f, share = d.scale / d.sum;
    const float constant = share * (other * d.mean() - own), linear = -share * other * d.scale;
    T *to = dLogits + int64_t(p) * stride;
#pragma unroll
    for (int q = 0; q < quads; q++) {
        const int i = row.first(q);
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
template <int blocks, int quads> struct Choice {
    double warp[quads][warps];
    double chunks[quads * blocks]; // sums of exponentials, by chunk
    float lowest[blocks];          // lowest id of the largest logit, by block
    int found, last;
};

// largest returns the lowest id of the largest logit.
template <int blocks, int quads>
__device__ int largest(const Distribution &d, const Row<blocks, quads> &row, Choice<blocks, quads> &memory) {
    if (threadIdx.x == 0) {
        memory.found = INT32_MAX;
    }
    __syncthreads();
    int id = INT32_MAX;
#pragma unroll
    for (int q = quads - 1; q >= 0; q--) {
#pragma unroll
        for (int j = quadSize - 1; j >= 0; j--) {
            id = row.z[q][j] == d.top ? row.first(q) + j : id;
        }
    }
    if (id < INT32_MAX) {
        atomicMin(&memory.found, id);
    }
    __syncthreads();
    int lowest = memory.found;
    if (blocks > 1) {
        if (threadIdx.x < blocks) { // ids are below 2^24, exact as floats
            storeRemote(&memory.lowest[row.rank], lowest == INT32_MAX ? 1e9f : float(lowest), threadIdx.x);
        }
        clusterArrive();
        clusterWait();
        for (int b = 0; b < blocks; b++) {
            lowest = min(lowest, int(memory.lowest[b]));
        }
    }
    return lowest < row.vocabulary ? lowest : 0;
}

// Below is the sum of exponentials of a warp's lanes up to this one's, with and
// without it.
struct Below {
    double upTo, before;
};

__device__ __forceinline__ Below sumBelow(const Distribution &d, const float (&z)[quadSize]) {
    double own = 0;
#pragma unroll
    for (int j = 0; j < quadSize; j++) {
        own += d.exponential(d.offset(z[j]));
    }
    double sum = own;
    for (int offset = 1; offset < warpSize_; offset *= 2) {
        const double other = __shfl_up_sync(everyLane, sum, offset);
        sum += threadIdx.x % warpSize_ >= offset ? other : 0;
    }
    return {sum, sum - own};
}

// draw returns, in the one block that finds it, the first id up to which the
// probabilities sum to more than u, and -1 in the others. Sums are taken in
// double: within a chunk by thread, then by chunk.
template <int blocks, int quads>
__device__ int draw(float u, const Distribution &d, const Row<blocks, quads> &row, const float *logits,
                    Choice<blocks, quads> &memory) {
    const int warp = threadIdx.x / warpSize_, lane = threadIdx.x % warpSize_;
#pragma unroll
    for (int q = 0; q < quads; q++) {
        const double sum = sumBelow(d, row.z[q]).upTo;
        if (lane == warpSize_ - 1) {
            memory.warp[q][warp] = sum;
        }
    }
    if (threadIdx.x == 0) {
        memory.found = INT32_MAX;
        memory.last = 0;
    }
    __syncthreads();
    if (threadIdx.x < quads) {
        double sum = 0;
        for (int w = 0; w < warps; w++) {
            sum += memory.warp[threadIdx.x][w];
        }
        for (int b = 0; b < blocks; b++) {
            double *to = &memory.chunks[row.chunk(threadIdx.x)];
            if (blocks > 1) {
                storeRemote(to, sum, b);
            } else {
                *to = sum;
            }
        }
    }
    if (blocks > 1) {
        clusterArrive();
        clusterWait();
    } else {
        __syncthreads();
    }
    double total = 0;
    for (int c = 0; c < quads * blocks; c++) {
        total += memory.chunks[c];
    }
    const double wanted = double(u) * total;
    double sum = 0; // of the chunks before the chosen one
    int chosen = 0;
    for (double reached = 0; chosen < quads * blocks - 1; chosen++) {
        reached += memory.chunks[chosen];
        if (reached > wanted) {
            break;
        }
        sum = reached;
    }
    if (chosen % blocks != row.rank) {
        return -1;
    }
    const int first = row.first(chosen / blocks);
    float z[quadSize];
    row.read(z, logits, first);
    for (int w = 0; w < warp; w++) {
        sum += memory.warp[chosen / blocks][w];
    }
    sum += sumBelow(d, z).before;
#pragma unroll
    for (int j = 0; j < quadSize; j++) {
        const float e = d.exponential(d.offset(z[j]));
        sum += e;
        if (e > 0) {
            const int id = first + j;
            atomicMax(&memory.last, id);
            if (sum > wanted) {
                atomicMin(&memory.found, id);
            }
        }
    }
    __syncthreads();
    return memory.found < row.vocabulary ? memory.found : memory.last; // rounding may leave none
}

template <int blocks, int quads>
__device__ __forceinline__ void sample(int *tokens, float *logProb, float *entropy, const float *logits,
                                       const int *rows, const float *temperatures, const int *keys,
                                       const int *positions, uint64_t seed, int vocabulary, int stride) {
    __shared__ Exchange<blocks> memory;
    __shared__ Choice<blocks, quads> choice;
    const int b = blockIdx.x / blocks;
    if (rows[b] < 0) {
        return;
    }
    if (blocks > 1) {
        clusterArrive();
    }
    const float temperature = temperatures[b];
    const float *of = logits + int64_t(b) * stride;
    const Row<blocks, quads> row(of, vocabulary);
    Distribution d(temperature > 0 ? temperature : 1.f);
    summarize(d, row, memory);
    int token;
    if (temperature > 0) {
        const uint32_t r = philox(seed, positions[b], 0, keys[2 * b], keys[2 * b + 1]);
        token = draw(float(r >> 8) * (1.f / (1 << 24)), d, row, of, choice);
    } else {
        token = largest(d, row, choice);
        token = row.rank == 0 ? token : -1;
    }
    if (threadIdx.x == 0 && token >= 0) {
        tokens[b] = token;
        logProb[b] = d.logProb(of[token]);
        entropy[b] = d.entropy();
    }
}

#define CLASSIFY_KERNELS(T, type, blocks, quads, attribute)                                                            \
    extern "C" __global__ void attribute __launch_bounds__(threads, quads <= 10 ? 2 : 1)                               \
        classify_##type##_##blocks##_##quads(T *dLogits, float *logProb, float *entropy, const float *logits,          \
                                             const int *targets, const float *coef, const float *eCoef,                \
                                             int vocabulary, int stride, float temperature) {                          \
        classify<T, blocks, quads>(dLogits, logProb, entropy, logits, targets, coef, eCoef, vocabulary, stride,        \
                                   temperature);                                                                       \
    }

#define SAMPLE_KERNELS(blocks, quads, attribute)                                                                       \
    extern "C" __global__ void attribute __launch_bounds__(threads, 1)                                                 \
        sample_##blocks##_##quads(int *tokens, float *logProb, float *entropy, const float *logits, const int *rows,   \
                                  const float *temperatures, const int *keys, const int *positions, uint64_t seed,     \
                                  int vocabulary, int stride) {                                                        \
        sample<blocks, quads>(tokens, logProb, entropy, logits, rows, temperatures, keys, positions, seed, vocabulary, \
                              stride);                                                                                 \
    }

#define VOCABULARIES(blocks, quads, attribute)                                                                         \
    CLASSIFY_KERNELS(bf16, bf16, blocks, quads, attribute)                                                             \
    SAMPLE_KERNELS(blocks, quads, attribute)

VOCABULARIES(1, 1, )
VOCABULARIES(1, 2, )
VOCABULARIES(1, 4, )
VOCABULARIES(1, 8, )
VOCABULARIES(8, 2, __cluster_dims__(8))
VOCABULARIES(8, 4, __cluster_dims__(8))
VOCABULARIES(8, 8, __cluster_dims__(8))
VOCABULARIES(8, 10, __cluster_dims__(8))
VOCABULARIES(8, 16, __cluster_dims__(8))
