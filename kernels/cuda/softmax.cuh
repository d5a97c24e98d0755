// The softmax of rows of logits, shared by the kernels of training and of sampling.
//
// A row of logits is shared by a cluster of blocks, or by one where it is short.
// Quad q of a thread is the four logits from ((q·blocks + rank)·threads + thread)·4
// on. Everything computed from a row alone goes through Distribution, with every
// rounding spelled out, so that training and sampling get the same bits.
#pragma once
#if __CUDA_ARCH__ >= 900
#include "row_staged.cuh"
#else
#include "row_read.cuh"
#endif

// exp2 of the hardware.
__device__ __forceinline__ float power2(float v) {
    float e;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(e) : "f"(v));
    return e;
}

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
