// How blocks and threads share a row of logits.
#pragma once
#include "element.cuh"
#include "hopper.cuh"

constexpr int quadSize = 4;
constexpr float absent = -1e30f; // in place of logits beyond the vocabulary; a row's worth of them is finite

// The cluster's barrier, and stores to the same variable of another block.
__device__ __forceinline__ void clusterArrive() { asm volatile("barrier.cluster.arrive.release;" ::: "memory"); }
__device__ __forceinline__ void clusterWait() { asm volatile("barrier.cluster.wait.acquire;" ::: "memory"); }
__device__ __forceinline__ uint32_t remote(const void *p, int rank) {
    uint32_t there;
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(ptx::shared_address(p)), "r"(rank));
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
