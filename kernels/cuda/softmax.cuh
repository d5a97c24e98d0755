// The softmax of rows of logits, shared by the kernels of training and of sampling.
//
// A row of logits is shared by a cluster of blocks, or by one where it is short,
// and stays there, partly in registers and partly in shared memory: it is read
// once, by the copy engine. Quad q of a thread is the four logits from
// ((q·blocks + rank)·threads + thread)·4 on. Everything computed from a row alone
// goes through Distribution, with every rounding spelled out, so that training
// and sampling get the same bits.
#pragma once
#include "element.cuh"

constexpr int quadSize = 4;
constexpr float absent = -1e30f; // in place of logits beyond the vocabulary; a row's worth of them is finite

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

// Share is how a row is shared: blocks, threads of each, and quads of a thread,
// which are held in registers or stay in shared memory.
template <int blocks_, int threads_, int held_, int staged_> struct Share {
    static constexpr int blocks = blocks_, threads = threads_, held = held_, staged = staged_;
    static constexpr int quads = held + staged, warps = threads / warpSize_;

    static __device__ __forceinline__ int rank() { return blockIdx.x % blocks; }
    static __device__ __forceinline__ int row() { return blockIdx.x / blocks; }

    // chunk is the number of the run of logits that the block has as quad q.
    static __device__ __forceinline__ int chunk(int q) { return q * blocks + rank(); }

    // first is the id of the first logit of the thread's quad q.
    static __device__ __forceinline__ int first(int q) { return (chunk(q) * threads + threadIdx.x) * quadSize; }
};

// mask puts absent logits in place of those from the vocabulary's end on.
__device__ __forceinline__ void mask(float4 &z, int first, int vocabulary) {
    z.x = first < vocabulary ? z.x : absent;
    z.y = first + 1 < vocabulary ? z.y : absent;
    z.z = first + 2 < vocabulary ? z.z : absent;
    z.w = first + 3 < vocabulary ? z.w : absent;
}

// Row is a block's part of rows of logits, one row at a time. The copy engine
// brings the quads to be held, then those that stay in the same shared memory, and
// those of the next row as soon as there is room.
template <class S> struct Row {
    float4 z[S::held];
    float4 *stage;
    uint32_t barrier, arrived; // the barrier on which copies end, and how many did
    int vocabulary, stride;

    __device__ __forceinline__ Row(float4 *stage, uint64_t *barrier, int vocabulary, int stride)
        : stage(stage), barrier(sharedAddress(barrier)), arrived(0), vocabulary(vocabulary), stride(stride) {
        if (threadIdx.x == 0) {
            asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(this->barrier) : "memory");
            asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
        }
        __syncthreads();
    }

    // fetch begins to copy quads [from, to) of a row, once all threads are done
    // with what was in shared memory.
    __device__ __forceinline__ void fetch(const float *logits, int from, int to) const {
        if (threadIdx.x != 0) {
            return;
        }
        uint32_t total = 0;
        for (int q = from; q < to; q++) {
            total += bytes(q);
        }
        asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(total) : "memory");
        for (int q = from; q < to; q++) {
            const uint32_t n = bytes(q);
            if (n > 0) {
                asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
                                 sharedAddress(stage + (q - from) * S::threads)),
                             "l"(logits + S::chunk(q) * S::threads * quadSize), "r"(n), "r"(barrier)
                             : "memory");
            }
        }
    }

    // bytes is the size of chunk q in a row, whole quads.
    __device__ __forceinline__ uint32_t bytes(int q) const {
        return max(0, min(S::threads * quadSize, stride - S::chunk(q) * S::threads * quadSize)) * sizeof(float);
    }

    // wait returns when the next copy has ended.
    __device__ __forceinline__ void wait() {
        asm volatile("{\n.reg .pred done;\n"
                     "again: mbarrier.try_wait.parity.acquire.cta.shared::cta.b64 done, [%0], %1;\n"
                     "@!done bra again;\n}" ::"r"(barrier), "r"(arrived & 1) : "memory");
        arrived++;
    }

    // hold moves what has come into registers.
    __device__ __forceinline__ void hold() {
        wait();
#pragma unroll
        for (int q = 0; q < S::held; q++) {
            z[q] = stage[q * S::threads + threadIdx.x];
            if (S::first(q) + quadSize > vocabulary) {
                mask(z[q], S::first(q), vocabulary);
            }
        }
    }

    // keep leaves what has come in shared memory. Each thread touches its own
    // quads only.
    __device__ __forceinline__ void keep() {
        wait();
        for (int q = S::held; q < S::quads; q++) {
            if (S::first(q) + quadSize > vocabulary) {
                mask(stage[(q - S::held) * S::threads + threadIdx.x], S::first(q), vocabulary);
                asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); // before the copy engine writes there
            }
        }
    }

    // eachHeld and eachKept call f with the number and the logits of the
    // thread's quads, ascending.
    template <class F> __device__ __forceinline__ void eachHeld(F f) const {
#pragma unroll
        for (int q = 0; q < S::held; q++) {
            const float quad[quadSize] = {z[q].x, z[q].y, z[q].z, z[q].w};
            f(q, quad);
        }
    }
    template <class F> __device__ __forceinline__ void eachKept(F f) const {
#pragma unroll 2
        for (int q = S::held; q < S::quads; q++) {
            const float4 v = stage[(q - S::held) * S::threads + threadIdx.x];
            const float quad[quadSize] = {v.x, v.y, v.z, v.w};
            f(q, quad);
        }
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

// Part is a share of a Distribution, of the held or of the kept quads of a block;
// top is its own.
struct Part {
    float top, sum, dot;
};

// Exchange is the shared memory by which blocks put a Distribution together.
template <class S> struct Exchange {
    static constexpr int tiles = S::staged > 0 ? 2 : 1;

    float warp[tiles][3][S::warps];
    Part parts[2][S::blocks * tiles]; // of this row and of the one before
};

__device__ __forceinline__ float maxLanes(float v) {
    for (int offset = warpSize_ / 2; offset > 0; offset /= 2) {
        v = fmaxf(v, __shfl_xor_sync(everyLane, v, offset));
    }
    return v;
}

// summarizeTile sums over what each calls its argument with, by thread, lane and
// warp, and leaves the warps' sums in warp. It returns the largest logit.
template <class S, class Each>
__device__ __forceinline__ float summarizeTile(const Distribution &d, float (&warp)[3][S::warps], Each each) {
    const int number = threadIdx.x / warpSize_, lane = threadIdx.x % warpSize_;
    float top = absent;
    each([&](int, const float(&z)[quadSize]) { top = fmaxf(fmaxf(fmaxf(top, z[0]), fmaxf(z[1], z[2])), z[3]); });
    top = maxLanes(top);
    if (lane == 0) {
        warp[0][number] = top;
    }
    __syncthreads();
    top = maxLanes(warp[0][lane % S::warps]);
    float sum = 0, dot = 0;
    each([&](int, const float(&z)[quadSize]) {
#pragma unroll
        for (int j = 0; j < quadSize; j++) {
            const float t = __fsub_rn(z[j], top), e = d.exponential(t);
            sum = __fadd_rn(sum, e);
            dot = __fmaf_rn(e, t, dot);
        }
    });
    sum = sumLanes(sum);
    dot = sumLanes(dot);
    if (lane == 0) {
        warp[1][number] = sum;
        warp[2][number] = dot;
    }
    return top;
}

// put adds up a tile's warps and gives the result to all blocks. One thread for
// each block calls it.
template <class S> __device__ __forceinline__ void put(Part &to, float top, const float (&warp)[3][S::warps]) {
    float sum = warp[1][0], dot = warp[2][0];
    for (int w = 1; w < S::warps; w++) {
        sum = __fadd_rn(sum, warp[1][w]);
        dot = __fadd_rn(dot, warp[2][w]);
    }
    if (S::blocks > 1) {
        storeRemote(&to.top, top, threadIdx.x);
        storeRemote(&to.sum, sum, threadIdx.x);
        storeRemote(&to.dot, dot, threadIdx.x);
    } else {
        to = {top, sum, dot};
    }
}

// summarize takes the turn-th row of a cluster, whose held quads are on their
// way, and fills in d. next is called when what was held has left shared memory
// and nothing is kept there. Before the first row, all blocks of a cluster have
// arrived at its barrier.
template <class S, class Next>
__device__ __forceinline__ void summarize(Distribution &d, Row<S> &row, const float *logits, Exchange<S> &memory, int turn,
                                          Next next) {
    constexpr int tiles = Exchange<S>::tiles;
    float tops[tiles];
    row.hold();
    __syncthreads();
    if constexpr (S::staged > 0) {
        row.fetch(logits, S::held, S::quads);
    } else {
        next();
    }
    tops[0] = summarizeTile<S>(d, memory.warp[0], [&](auto f) { row.eachHeld(f); });
    if constexpr (S::staged > 0) {
        row.keep();
        tops[1] = summarizeTile<S>(d, memory.warp[1], [&](auto f) { row.eachKept(f); });
    }
    __syncthreads();
    if (S::blocks > 1 && turn == 0) {
        clusterWait(); // every block runs: its memory may be written
    }
    Part *parts = memory.parts[turn & 1];
    if (threadIdx.x < S::blocks) {
#pragma unroll
        for (int t = 0; t < tiles; t++) {
            put<S>(parts[S::rank() * tiles + t], tops[t], memory.warp[t]);
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
    for (int i = 1; i < S::blocks * tiles; i++) {
        d.top = fmaxf(d.top, parts[i].top);
    }
    d.sum = d.dot = 0;
#pragma unroll
    for (int i = 0; i < S::blocks * tiles; i++) {
        const Part p = parts[i];
        const float t = d.offset(p.top), e = d.exponential(t);
        d.sum = __fmaf_rn(p.sum, e, d.sum);
        d.dot = __fmaf_rn(__fmaf_rn(p.sum, t, p.dot), e, d.dot);
    }
}

// SHARE_BOUNDS are the attributes of kernels for a Share: registers for as many
// blocks as have a thousand threads, and the cluster.
#define SHARE_BOUNDS(blocks, threads) __cluster_dims__(blocks) __launch_bounds__(threads, 1024 / threads)

// FOR_SHARES is KERNEL(blocks, threads, held, staged) for every Share there is,
// shortest rows first: rowShares of head.go.
#define FOR_SHARES(KERNEL)                                                                                             \
    KERNEL(1, 128, 1, 0)                                                                                               \
    KERNEL(1, 128, 2, 0)                                                                                               \
    KERNEL(1, 128, 4, 0)                                                                                               \
    KERNEL(1, 128, 8, 0)                                                                                               \
    KERNEL(1, 256, 8, 0)                                                                                               \
    KERNEL(1, 512, 8, 0)                                                                                               \
    KERNEL(1, 1024, 8, 0)                                                                                              \
    KERNEL(1, 1024, 8, 8)                                                                                              \
    KERNEL(2, 1024, 8, 8)                                                                                              \
    KERNEL(2, 1024, 8, 12)                                                                                             \
    KERNEL(4, 1024, 8, 8)
