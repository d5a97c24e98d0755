// Rows of logits as Hopper brings them: by the copy engine, into shared memory.
#pragma once
#include "row_share.cuh"

// Row is a block's part of rows of logits, one row at a time. The copy engine
// brings the quads to be held, then those that stay in the same shared memory, and
// those of the next row as soon as there is room.
template <class S> struct Row {
    float4 z[S::held];
    float4 *stage;
    uint32_t barrier, arrived; // the barrier on which copies end, and how many did
    int vocabulary, stride;

    __device__ __forceinline__ Row(float4 *stage, uint64_t *barrier, int vocabulary, int stride)
        : stage(stage), barrier(ptx::shared_address(barrier)), arrived(0), vocabulary(vocabulary), stride(stride) {
        if (threadIdx.x == 0) {
            ptx::barrier_init(this->barrier, 1);
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
        ptx::barrier_expect(barrier, total);
        for (int q = from; q < to; q++) {
            const uint32_t n = bytes(q);
            if (n > 0) {
                ptx::load_bytes(ptx::shared_address(stage + (q - from) * S::threads),
                                logits + S::chunk(q) * S::threads * quadSize, n, barrier);
            }
        }
    }

    // bytes is the size of chunk q in a row, whole quads.
    __device__ __forceinline__ uint32_t bytes(int q) const {
        return max(0, min(S::threads * quadSize, stride - S::chunk(q) * S::threads * quadSize)) * sizeof(float);
    }

    // used returns the quads of a thread.
    static __device__ __forceinline__ int used() { return S::quads; }

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
                ptx::publish(); // before the copy engine writes there
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

// SHARE_BOUNDS are the attributes of kernels for a Share: registers for as many
// blocks as have a thousand threads, and the cluster.
#define SHARE_BOUNDS(blocks, threads) __cluster_dims__(blocks) __launch_bounds__(threads, 1024 / threads)

// FOR_SHARES is KERNEL(blocks, threads, held, staged) for every Share there is,
// shortest rows first: rowShares of vocabulary.go.
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
