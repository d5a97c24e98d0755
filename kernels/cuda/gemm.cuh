// Matrix products of bfloat16 operands on Hopper, in three forms:
//
//	NT: out[M,N] = a[M,K]·b[N,K]ᵀ   forward
//	NN: out[M,N] = a[M,K]·b[K,N]    gradient of the input
//	TN: out[M,N] = a[K,M]ᵀ·b[K,N]   gradient of the weight
//
// A block has one warpgroup that loads and one or two that multiply; a ring of
// Stages tiles lies between them. Blocks stay, and take every
// (number of blocks)th tile of an order in which neighbors share operands.
//
// Every output element is one chain of wgmma over ascending groups of 16 of the
// reduced index, zeros after its end. Neither the tile's shape, nor the row's
// place in it, nor how operands come to shared memory changes the chain, so
// all kernels of one form give the same bits.
#pragma once
#include "gemm_load.cuh"
#include "gemm_store.cuh"

namespace gemm {

// produce is the loading warpgroup: with Tma one thread for each operand, else all.
template <class K, Form F, int BM, int BN, int Stages, int Blocks, int Cluster, bool Tma>
__device__ __forceinline__ void produce(const TensorMap *mapA, const TensorMap *mapB, const Problem &p, uint8_t *shared,
										uint32_t full, uint32_t empty, uint32_t rank) {
	if (Tma && (threadIdx.x >= 64 || threadIdx.x % 32 != 0)) {
		return;
	}
	bool first = threadIdx.x == 0;
	uint32_t bytes = (K::majorA ? K::aBytes : p.boxRows * 128) + K::bBytes;
	Schedule<BM, BN, Cluster> schedule(p);
	Ring<Stages> ring;
	uint32_t base = ptx::shared_address(shared);
	for (int i = blockIdx.x / Cluster; i < schedule.units; i += gridDim.x / Cluster) {
		Unit u = schedule.unit(i, rank);
		for (int block = u.firstBlock; block < u.endBlock; block += Blocks, ring.next()) {
			ptx::barrier_wait(empty + ring.stage * 8, ring.parity ^ 1);
			uint32_t bar = full + ring.stage * 8, at = ring.stage * K::stageBytes;
			int blocks = Blocks == 1 ? 1 : min(Blocks, u.endBlock - block);
			if (Tma && first) {
				ptx::barrier_expect(bar, bytes * blocks);
			}
			for (int i = 0; i < blocks; i++, at += K::blockBytes) {
				int k = (block + i) * depth;
				if constexpr (!Tma) {
					copy_operand<K::majorA>(shared + at, p.a, p.strideA, u.row, p.m, k, p.k, BM);
					copy_operand<K::majorB>(shared + at + K::aBytes, p.b, p.strideB, u.col, p.n, k, p.k, BN);
				} else if (first) {
					load_a<K, F, BM>(mapA, base + at, bar, u, k);
				} else {
					load_b<K, BN, Cluster>(mapB, base + at + K::aBytes, bar, u, k, rank);
				}
			}
			if constexpr (!Tma) {
				ptx::publish();
				ptx::barrier_arrive(bar);
			}
		}
	}
}

// release gives a stage back to the loading warpgroups of the cluster.
template <int Cluster> __device__ __forceinline__ void release(uint32_t bar) {
	uint32_t lane = threadIdx.x % 32;
	if constexpr (Cluster == 1) {
		if (lane == 0) {
			ptx::barrier_arrive(bar);
		}
	} else if (lane < Cluster) {
		ptx::barrier_arrive_at(bar, lane);
	}
}

// multiply queues the products of Blocks blocks, whose operands the descriptors
// name; with add 0 the first sets acc.
template <class K, int BN, int Blocks>
__device__ __forceinline__ void multiply(float (&acc)[BN / 2], uint64_t a, uint64_t b, int add) {
	constexpr int stepA = (K::majorA ? 2048 : 32) >> 4, stepB = (K::majorB ? 2048 : 32) >> 4;
	ptx::mma_begin();
#pragma unroll
	for (int i = 0; i < Blocks; i++) {
#pragma unroll
		for (int k = 0; k < depth / 16; k++) {
			uint32_t at = i * (K::blockBytes >> 4);
			ptx::Mma<BN>::template run<K::majorA, K::majorB>(acc, a + at + k * stepA, b + at + k * stepB,
															 i + k > 0 || add);
		}
	}
	ptx::mma_commit();
}

// consume is a multiplying warpgroup, number group from 1.
template <class K, Form F, int BM, int BN, int Stages, int Blocks, int Cluster, typename Out>
__device__ __forceinline__ void consume(const TensorMap *mapOut, const Problem &p, uint32_t base, uint32_t full,
										uint32_t empty, uint32_t rank, int group) {
	Schedule<BM, BN, Cluster> schedule(p);
	Ring<Stages> ring;
	uint32_t panels = base + Stages * K::stageBytes + (group - 1) * 2 * panelBytes, count = 0;
	uint64_t descA = ptx::descriptor(base + (group - 1) * panelBytes, panelBytes);
	uint64_t descB = ptx::descriptor(base + K::aBytes, panelBytes);
	float acc[BN / 2];
	for (int i = blockIdx.x / Cluster; i < schedule.units; i += gridDim.x / Cluster) {
		Unit u = schedule.unit(i, rank);
		uint32_t last = 0;
		int block = u.firstBlock;
		for (; block + Blocks <= u.endBlock; block += Blocks, ring.next()) {
			ptx::barrier_wait(full + ring.stage * 8, ring.parity);
			uint32_t at = ring.stage * (K::stageBytes >> 4);
			multiply<K, BN, Blocks>(acc, descA + at, descB + at, block > u.firstBlock);
			ptx::mma_wait<1>();
			if (block > u.firstBlock) {
				release<Cluster>(last);
			}
			last = empty + ring.stage * 8;
		}
		if (Blocks > 1 && block < u.endBlock) {
			ptx::barrier_wait(full + ring.stage * 8, ring.parity);
			uint32_t at = ring.stage * (K::stageBytes >> 4);
			for (; block < u.endBlock; block++, at += K::blockBytes >> 4) {
				multiply<K, BN, 1>(acc, descA + at, descB + at, block > u.firstBlock);
			}
			ptx::mma_wait<0>();
			if (last) {
				release<Cluster>(last);
			}
			last = empty + ring.stage * 8;
			ring.next();
		}
		ptx::mma_wait<0>();
		release<Cluster>(last);
		if (sizeof(Out) == 2 && F == NT && p.bias) {
			add_bias<BN>(acc, p, u.col);
		}
		if constexpr (K::staged) {
			store_staged<BN, Out>(acc, mapOut, p, panels, group, u,
								  u.row + (group - 1) * 64 + u.split * p.partRows, count);
		} else {
			store_direct<BN, Out>(acc, p, u.row, u.col);
		}
	}
	if (K::staged && threadIdx.x % 128 == 0) {
		ptx::store_done();
	}
}

template <Form F, int BM, int BN, int Stages, int Blocks, int Cluster, typename Out, bool Tma>
__device__ __forceinline__ void run(const TensorMap *mapA, const TensorMap *mapB, const TensorMap *mapOut,
									const Problem &p) {
	using K = Kernel<F, BM, BN, Stages, Blocks, Cluster, Out, Tma>;
	extern __shared__ __align__(1024) uint8_t shared[];
	uint32_t base = ptx::shared_address(shared);
	uint32_t full = base + Stages * K::stageBytes + K::ringBytes, empty = full + Stages * 8;
	uint32_t rank = Cluster > 1 ? ptx::cluster_rank() : 0;
	if (threadIdx.x == 0) {
		for (int i = 0; i < Stages; i++) {
			ptx::barrier_init(full + i * 8, Tma ? 1 : 128);
			ptx::barrier_init(empty + i * 8, K::consumers * 4 * Cluster);
		}
		asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
		if (Tma) {
			ptx::prefetch_map(mapA);
			ptx::prefetch_map(mapB);
		}
	}
	if constexpr (Cluster > 1) {
		ptx::cluster_sync();
	} else {
		__syncthreads();
	}
	// One lane's value lets the compiler keep what follows from it, descriptors
	// above all, in uniform registers.
	int group = __shfl_sync(~0u, threadIdx.x / 128, 0);
	if (group == 0) {
		if constexpr (K::consumers == 2) {
			ptx::registers_shrink<40>();
		}
		produce<K, F, BM, BN, Stages, Blocks, Cluster, Tma>(mapA, mapB, p, shared, full, empty, rank);
	} else {
		if constexpr (K::consumers == 2) {
			ptx::registers_grow<232>();
		}
		consume<K, F, BM, BN, Stages, Blocks, Cluster, Out>(mapOut, p, base, full, empty, rank,
															  K::consumers == 1 ? 1 : group);
	}
	if constexpr (Cluster > 1) {
		__syncwarp();
		ptx::cluster_sync();
	}
}

} // namespace gemm

// GEMM instantiates a kernel.
#define GEMM(NAME, FORM, BM, BN, STAGES, BLOCKS, CLUSTER, OUT, TMA)                                                           \
	extern "C" __global__ void __cluster_dims__(CLUSTER, 1, 1)                                                         \
		__launch_bounds__(gemm::Kernel<gemm::FORM, BM, BN, STAGES, BLOCKS, CLUSTER, OUT, TMA>::threads, 1)                     \
			NAME(const __grid_constant__ TensorMap mapA, const __grid_constant__ TensorMap mapB,                       \
				 const __grid_constant__ TensorMap mapOut, const __nv_bfloat16 *a, const __nv_bfloat16 *b, void *out,  \
				 const __nv_bfloat16 *bias, int64_t strideA, int64_t strideB, int64_t strideOut,                        \
				 int m, int n, int k, int band, int splits, int accumulate, int boxRows, int partRows) {               \
		gemm::Problem p{a, b, out, bias, strideA, strideB, strideOut, m, n, k,                                        \
							 band, splits, accumulate, boxRows, partRows};                                               \
		gemm::run<gemm::FORM, BM, BN, STAGES, BLOCKS, CLUSTER, OUT, TMA>(&mapA, &mapB, &mapOut, p);                            \
	}
