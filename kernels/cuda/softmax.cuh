// The softmax of rows of logits, shared by the kernels of training and of sampling.
//
// A row of logits is shared by a cluster of blocks, or by one where it is short,
// and held in registers: it is read once. Quad q of a thread is the four logits
// from ((q·blocks + rank)·threads + thread)·4 on. Everything computed from a row
// alone goes through Distribution, with every rounding spelled out, so that
// training and sampling get the same bits.
#pragma once
#include "element.cuh"

constexpr int quadSize = 4;
constexpr float absent = -1e38f; // in place of logits beyond the vocabulary

// exp2 of the hardware.
__device__ __forceinline__ float power2(float v) {
    float e;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(e) : "f"(v));
    return e;
}

__device__ __forceinline__ uint32_t sharedAddress(const void *p) { return uint32_t(__cvta_generic_to_shared(p)); }

// The cluster's barrier, and stores to the same variable of another block.
__device__ __forceinline__ void clusterArrive() { asm volatile("barrier.cluster.arrive.release;" ::: "memory"); }
__device__ __forceinline__ void clusterWait() { asm volatile("barrier.cluster.wait.acquire;" ::: "memory"); }
__device__ __forceinline__ uint32_t remote(const void *p, int rank) {
    uint32_t there;
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(sharedAddress(p)), "r"(rank));
    return there;
}
__device__ __forceinline__ void storeRemote(float *p, float v, int rank) {
    asm volatile("st.shared::cluster.f32 [%0], %1;" ::"r"(remote(p, rank)), "f"(v) : "memory");
}
__device__ __forceinline__ void storeRemote(double *p, double v, int rank) {
    asm volatile("st.shared::cluster.f64 [%0], %1;" ::"r"(remote(p, rank)), "d"(v) : "memory");
}

// Share is how a row is shared: blocks, threads of each, quads of a thread.
template <int blocks_, int threads_, int quads_> struct Share {
    static constexpr int blocks = blocks_, threads = threads_, quads = quads_, warps = threads / warpSize_;

    static __device__ __forceinline__ int rank() { return blockIdx.x % blocks; }
    static __device__ __forceinline__ int row() { return blockIdx.x / blocks; }

    // chunk is the number of the run of logits that the block has as quad q.
    static __device__ __forceinline__ int chunk(int q) { return q * blocks + rank(); }

    // first is the id of the first logit of the thread's quad q.
    static __device__ __forceinline__ int first(int q) { return (chunk(q) * threads + threadIdx.x) * quadSize; }
};

// setQuad sets z to the logits from id i on, with absent ones beyond the
// vocabulary.
__device__ __forceinline__ void setQuad(float (&z)[quadSize], float4 v, int i, int vocabulary) {
    z[0] = i < vocabulary ? v.x : absent;
    z[1] = i + 1 < vocabulary ? v.y : absent;
    z[2] = i + 2 < vocabulary ? v.z : absent;
    z[3] = i + 3 < vocabulary ? v.w : absent;
}

// Row is what a thread holds of a row of logits.
template <class S> struct Row {
    float z[S::quads][quadSize];

    // read takes the row from memory. Rows are whole quads long.
    __device__ __forceinline__ void read(const float *logits, int vocabulary) {
#pragma unroll
        for (int q = 0; q < S::quads; q++) {
            const int i = S::first(q);
            float4 v = {};
            if (i < vocabulary) {
                v = __ldcs(reinterpret_cast<const float4 *>(logits + i));
            }
            setQuad(z[q], v, i, vocabulary);
        }
    }

    // take takes the block's part of the row from shared memory.
    __device__ __forceinline__ void take(const float4 *stage, int vocabulary) {
#pragma unroll
        for (int q = 0; q < S::quads; q++) {
            setQuad(z[q], stage[q * S::threads + threadIdx.x], S::first(q), vocabulary);
        }
    }
};

// Stage is shared memory that the copy engine fills with a block's part of the
// next row while the present one is worked on.
template <class S> struct Stage {
    float4 *memory;
    uint32_t barrier;

    __device__ __forceinline__ Stage(float4 *memory, uint64_t *barrier) : memory(memory), barrier(sharedAddress(barrier)) {
        if (threadIdx.x == 0) {
            asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(this->barrier) : "memory");
            asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
        }
        __syncthreads();
    }

    // fetch begins to copy. One thread calls it, when all have taken what was
    // there.
    __device__ __forceinline__ void fetch(const float *logits, int stride) const {
        uint32_t total = 0;
        for (int q = 0; q < S::quads; q++) {
            total += bytes(q, stride);
        }
        asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(total) : "memory");
        for (int q = 0; q < S::quads; q++) {
            const uint32_t n = bytes(q, stride);
            if (n > 0) {
                asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
                                 sharedAddress(memory + q * S::threads)),
                             "l"(logits + S::chunk(q) * S::threads * quadSize), "r"(n), "r"(barrier)
                             : "memory");
            }
        }
    }

    // bytes is the size of chunk q in a row of stride logits, whole quads.
    static __device__ __forceinline__ uint32_t bytes(int q, int stride) {
        return max(0, min(S::threads * quadSize, stride - S::chunk(q) * S::threads * quadSize)) * sizeof(float);
    }

    // wait returns when the copy that was the turn-th to begin has ended.
    __device__ __forceinline__ void wait(int turn) const {
        asm volatile("{\n.reg .pred done;\n"
                     "again: mbarrier.try_wait.parity.acquire.cta.shared::cta.b64 done, [%0], %1;\n"
                     "@!done bra again;\n}" ::"r"(barrier), "r"(turn & 1) : "memory");
    }
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
template <class S> struct Exchange {
    float warp[3][S::warps];
    Part parts[2][S::blocks]; // of this row and of the one before
};

__device__ __forceinline__ float maxLanes(float v) {
    for (int offset = warpSize_ / 2; offset > 0; offset /= 2) {
        v = fmaxf(v, __shfl_xor_sync(everyLane, v, offset));
    }
    return v;
}

// summarize fills in d from the turn-th row of the cluster, and calls held once
// all threads hold their part of it. Before the first row, all blocks of a
// cluster have arrived at its barrier.
template <class S, class Held>
__device__ __forceinline__ void summarize(Distribution &d, const Row<S> &row, Exchange<S> &memory, int turn, Held held) {
    const int warp = threadIdx.x / warpSize_, lane = threadIdx.x % warpSize_;
    float top = absent;
#pragma unroll
    for (int q = 0; q < S::quads; q++) {
        top = fmaxf(fmaxf(fmaxf(top, row.z[q][0]), fmaxf(row.z[q][1], row.z[q][2])), row.z[q][3]);
    }
    top = maxLanes(top);
    if (lane == 0) {
        memory.warp[0][warp] = top;
    }
    __syncthreads();
    held();
    top = maxLanes(memory.warp[0][lane % S::warps]);

    float sum = 0, dot = 0;
#pragma unroll
    for (int q = 0; q < S::quads; q++) {
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
    if (S::blocks > 1 && turn == 0) {
        clusterWait(); // every block runs: its memory may be written
    }
    Part *parts = memory.parts[turn & 1];
    if (threadIdx.x < S::blocks) {
        sum = memory.warp[1][0];
        dot = memory.warp[2][0];
#pragma unroll
        for (int w = 1; w < S::warps; w++) {
            sum = __fadd_rn(sum, memory.warp[1][w]);
            dot = __fadd_rn(dot, memory.warp[2][w]);
        }
        Part &to = parts[S::rank()];
        if (S::blocks > 1) {
            storeRemote(&to.top, top, threadIdx.x);
            storeRemote(&to.sum, sum, threadIdx.x);
            storeRemote(&to.dot, dot, threadIdx.x);
        } else {
            to = {top, sum, dot};
        }
    }
    if (S::blocks > 1) {
        clusterArrive();
        clusterWait();
    } else {
        __syncthreads();
    }

    d.top = parts[0].top;
#pragma unroll
    for (int b = 1; b < S::blocks; b++) {
        d.top = fmaxf(d.top, parts[b].top);
    }
    d.sum = d.dot = 0;
#pragma unroll
    for (int b = 0; b < S::blocks; b++) {
        const Part p = parts[b];
        const float t = d.offset(p.top), e = d.exponential(t);
        d.sum = __fmaf_rn(p.sum, e, d.sum);
        d.dot = __fmaf_rn(__fmaf_rn(p.sum, t, p.dot), e, d.dot);
    }
}

// attributes of kernels for a Share: registers for as many blocks as hold a
// thousand threads, and the cluster.
#define SHARE_BOUNDS(blocks, threads, quads) __cluster_dims__(blocks) __launch_bounds__(threads, quads <= 10 ? 1024 / threads : 1)

// FOR_SHARES is KERNEL(blocks, threads, quads) for every Share there is, shortest
// rows first: rowShares of head.go.
#define FOR_SHARES(KERNEL)                                                                                             \
    KERNEL(1, 128, 1)                                                                                                  \
    KERNEL(1, 128, 2)                                                                                                  \
    KERNEL(1, 128, 4)                                                                                                  \
    KERNEL(1, 128, 8)                                                                                                  \
    KERNEL(1, 256, 8)                                                                                                  \
    KERNEL(1, 512, 8)                                                                                                  \
    KERNEL(2, 512, 8)                                                                                                  \
    KERNEL(4, 512, 8)                                                                                                  \
    KERNEL(8, 512, 8)                                                                                                  \
    KERNEL(8, 512, 10)                                                                                                 \
    KERNEL(8, 512, 16)
