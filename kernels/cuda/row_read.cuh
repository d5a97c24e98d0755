// Rows of logits on any card: one block has a row, keeps the first quads in
// registers and reads the others anew whenever it needs them.
#pragma once
#include "row_share.cuh"

// Row is what row_staged.cuh has under that name, without shared memory.
template <class S> struct Row {
    float4 z[S::held];
    const float *coming, *logits; // the row that was fetched, and the one that is held
    int vocabulary;

    __device__ __forceinline__ Row(float4 *, uint64_t *, int vocabulary, int) : vocabulary(vocabulary) {}

    __device__ __forceinline__ void fetch(const float *logits, int from, int) {
        if (from == 0) {
            coming = logits;
        }
    }

    __device__ __forceinline__ void hold() {
        logits = coming;
#pragma unroll
        for (int q = 0; q < S::held; q++) {
            z[q] = quad(q);
        }
    }

    __device__ __forceinline__ void keep() {}

    // used returns the quads of a thread that may hold logits.
    __device__ __forceinline__ int used() const {
        return min(S::quads, (vocabulary + S::threads * quadSize - 1) / (S::threads * quadSize));
    }

    __device__ __forceinline__ float4 quad(int q) const {
        float4 v = {};
        if (S::first(q) < vocabulary) {
            v = *reinterpret_cast<const float4 *>(logits + S::first(q));
        }
        mask(v, S::first(q), vocabulary);
        return v;
    }

    template <class F> __device__ __forceinline__ void eachHeld(F f) const {
#pragma unroll
        for (int q = 0; q < S::held; q++) {
            const float quad[quadSize] = {z[q].x, z[q].y, z[q].z, z[q].w};
            f(q, quad);
        }
    }
    template <class F> __device__ __forceinline__ void eachKept(F f) const {
        for (int q = S::held; q < used(); q++) {
            const float4 v = quad(q);
            const float of[quadSize] = {v.x, v.y, v.z, v.w};
            f(q, of);
        }
    }
};

#define SHARE_BOUNDS(blocks, threads) __launch_bounds__(threads, 1024 / threads)

// FOR_SHARES is KERNEL(blocks, threads, held, staged) for every Share there is,
// shortest rows first: portableShares of vocabulary.go.
#define FOR_SHARES(KERNEL)                                                                                             \
    KERNEL(1, 128, 8, 0)                                                                                               \
    KERNEL(1, 1024, 8, 0)                                                                                              \
    KERNEL(1, 1024, 8, 120)
