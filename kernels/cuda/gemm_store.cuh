// How accumulators come to memory: from registers, or through shared memory by the
// copy engine, which may add to what is there.
#pragma once
#include "gemm_problem.cuh"

namespace gemm {

// Lane is a thread's place in a 64-row accumulator: rows row and row + 8 hold,
// for each group j of 8 columns, elements d[4j], d[4j+1] and d[4j+2], d[4j+3] at
// columns 8j + col and 8j + col + 1.
struct Lane {
	int row, col;

	__device__ __forceinline__ Lane() {
		int t = threadIdx.x % 128;
		row = t / 32 * 16 + t % 32 / 4;
		col = t % 4 * 2;
	}
};

template <int BN> __device__ __forceinline__ void add_bias(float (&d)[BN / 2], const Problem &p, int col) {
	Lane lane;
#pragma unroll
	for (int j = 0; j < BN / 8; j++) {
		int c = col + 8 * j + lane.col;
		float lo = c < p.n ? __bfloat162float(p.bias[c]) : 0;
		float hi = c + 1 < p.n ? __bfloat162float(p.bias[c + 1]) : 0;
		d[4 * j] += lo;
		d[4 * j + 1] += hi;
		d[4 * j + 2] += lo;
		d[4 * j + 3] += hi;
	}
}

// store_direct writes an accumulator from registers.
template <int BN, typename Out>
__device__ __forceinline__ void store_direct(const float (&d)[BN / 2], const Problem &p, int row, int col) {
	Lane lane;
	bool pairs = p.strideOut % 2 == 0 && reinterpret_cast<uintptr_t>(p.out) % (2 * sizeof(Out)) == 0;
#pragma unroll
	for (int half = 0; half < 2; half++) {
		int r = row + lane.row + 8 * half;
		if (r >= p.m) {
			continue;
		}
		Out *out = static_cast<Out *>(p.out) + r * p.strideOut;
#pragma unroll
		for (int j = 0; j < BN / 8; j++) {
			int c = col + 8 * j + lane.col;
			float v[2] = {d[4 * j + 2 * half], d[4 * j + 2 * half + 1]};
			if constexpr (sizeof(Out) == 2) {
				if (pairs && c + 1 < p.n) {
					*reinterpret_cast<uint32_t *>(out + c) = ptx::pack(v[0], v[1]);
					continue;
				}
			}
			for (int e = 0; e < 2; e++) {
				if (c + e < p.n) {
					if constexpr (sizeof(Out) == 4) {
						out[c + e] = p.accumulate ? out[c + e] + v[e] : v[e];
					} else {
						out[c + e] = __float2bfloat16(v[e]);
					}
				}
			}
		}
	}
}

// stage_panel writes panelCols columns of an accumulator to shared memory, in the
// swizzle of as many bytes.
template <int BN, typename Out>
__device__ __forceinline__ void stage_panel(const float (&d)[BN / 2], uint32_t panel, int index) {
	constexpr int cols = panelCols<BN, Out>;
	int t = threadIdx.x % 128;
	if constexpr (sizeof(Out) == 2) {
		int row = t / 32 * 16 + t % 16, side = t % 32 / 16;
		int swizzle = cols == 64 ? row & 7 : row >> 1 & 3;
#pragma unroll
		for (int j = 0; j < cols / 8; j += 2) {
			const float *v = d + (index * (cols / 8) + j) * 4;
			ptx::store_matrices(panel + row * cols * 2 + (((j + side) ^ swizzle) << 4), ptx::pack(v[0], v[1]),
								ptx::pack(v[2], v[3]), ptx::pack(v[4], v[5]), ptx::pack(v[6], v[7]));
		}
	} else {
		static_assert(cols == 32);
		Lane lane;
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float *v = d + (index * 4 + j) * 4;
			uint32_t at = panel + lane.row * 128 + (((2 * j + lane.col / 4) ^ (lane.row & 7)) << 4) + lane.col % 4 * 4;
			asm volatile("st.shared.v2.f32 [%0], {%1, %2};" ::"r"(at), "f"(v[0]), "f"(v[1]) : "memory");
			asm volatile("st.shared.v2.f32 [%0], {%1, %2};" ::"r"(at + 1024), "f"(v[2]), "f"(v[3]) : "memory");
		}
	}
}

// turns counts, for each tile and consumer, the parts that are in memory: zeros
// before and after every kernel.
constexpr int maxSplitTiles = 4096;
static __device__ unsigned turns[2 * maxSplitTiles];

// Turn orders the additions of a tile's parts: part s waits until s parts are in
// memory. The last leaves the counter at zero.
struct Turn {
	unsigned *at;
	int split, splits;

	__device__ __forceinline__ void take() const {
		unsigned now;
		do {
			asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(now) : "l"(at) : "memory");
		} while (now != unsigned(split));
		ptx::publish_global();
	}

	__device__ __forceinline__ void pass() const {
		ptx::store_done();
		ptx::publish_global();
		__threadfence();
		unsigned next = split + 1 == splits ? 0 : split + 1;
		asm volatile("st.release.gpu.global.u32 [%0], %1;" ::"l"(at), "r"(next) : "memory");
	}
};

// store_staged writes an accumulator through shared memory: two panels a
// warpgroup take turns, count runs over the panels of all tiles.
template <int BN, typename Out>
__device__ __forceinline__ void store_staged(const float (&d)[BN / 2], const TensorMap *map, const Problem &p,
											 uint32_t ring, int group, const Unit &u, int row, uint32_t &count) {
	constexpr int cols = panelCols<BN, Out>;
	bool leader = threadIdx.x % 128 == 0;
	bool ordered = sizeof(Out) == 4 && p.splits > 1 && p.partRows == 0;
	Turn turn{turns + 2 * u.tile + group - 1, u.split, p.splits};
#pragma unroll
	for (int i = 0; i < BN / cols; i++, count++) {
		uint32_t panel = ring + (count & 1) * panelBytes;
		if (leader) {
			ptx::store_drained<1>();
		}
		ptx::group_sync(group);
		stage_panel<BN, Out>(d, panel, i);
		ptx::publish();
		ptx::group_sync(group);
		if (leader) {
			if (ordered && i == 0) {
				turn.take();
			}
			if (sizeof(Out) == 4 && p.accumulate) {
				ptx::store_add(map, panel, u.col + i * cols, row);
			} else {
				ptx::store(map, panel, u.col + i * cols, row);
			}
			ptx::store_commit();
		}
	}
	if (ordered && leader) {
		turn.pass();
	}
}

} // namespace gemm
