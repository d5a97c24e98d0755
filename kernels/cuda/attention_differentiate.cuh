// The warpgroups' part of attention's backward pass: five products a step, of
// which those for dK and dV stay in registers and that for dQ is handed on.
#pragma once
#include "attention_backward.cuh"

namespace attention {

// consume is warpgroup group's part: 64 of the tile's keys.
template <int D>
__device__ void Backward<D>::consume(const Arguments &a, int group) {
	for (;; pieces++) {
		int ticket = take();
		if (ticket < 0) {
			return;
		}
		differentiate(a, piece(a, ticket), group);
	}
}

template <int D>
__device__ __forceinline__ void Backward<D>::differentiate(const Arguments &a, const Piece &p, int group) {
	State s;
#pragma unroll
	for (int i = 0; i < D / 2; i++) {
		s.dkeys[i] = s.dvalues[i] = 0;
	}
	int key = group * 64 + threadIdx.x % 128 / 32 * 16 + threadIdx.x % 32 / 4; // and that plus 8
	ptx::barrier_wait(keys_full(), pieces & 1);
	bool pending = false;
	for (int at = p.at; at >= 0; at = ptx::uniform(next_segment(a, p, at))) {
		Queries q = queries_of<D>(a, p, at);
		int first = ptx::uniform(q.first), last = ptx::uniform(q.last), heads = ptx::uniform(a.heads.group());
		for (int t = last; t >= first; t--) {
			for (int h = 0; h < heads; h++) {
				step(a, s, q, t, key, group, pending);
				pending = true;
			}
		}
	}
	wait_ds(group);
	ptx::mma_begin();
	start_dq(s, group);
	ptx::mma_wait<0>();
	ptx::hold(s.dq);
	put_dq(s, group);
	write(a, p, s, group);
}

// scores starts the product of the group's rows of keys or values and a
// tile of queries or dOut.
template <int D>
__device__ __forceinline__ void Backward<D>::scores(float (&to)[rows / 2], uint32_t keys, uint32_t queries) {
#pragma unroll
	for (int i = 0; i < D / 16; i++) {
		uint64_t x = ptx::descriptor(keys + i / 4 * panel_bytes(keys_per_tile), 0) + i % 4 * 2;
		uint64_t y = ptx::descriptor(queries + i / 4 * panel_bytes(rows), 0) + i % 4 * 2;
		ptx::Mma<rows>::template run<0, 0>(to, x, y, i > 0);
	}
	ptx::mma_commit();
}

// accumulate starts to += weights·rows of queries or dOut.
template <int D>
__device__ __forceinline__ void Backward<D>::accumulate(float (&to)[D / 2], const uint32_t (&weights)[rows / 4],
												  uint32_t from) {
#pragma unroll
	for (int i = 0; i < rows / 16; i++) {
		uint64_t y = ptx::descriptor(from + i * 16 * panel_rows_bytes, panel_bytes(rows));
		ptx::MmaRegister<D>::template run<1>(to, &weights[4 * i], y);
	}
	ptx::mma_commit();
}

// step adds what the tile's keys and queries t of q have in common. It
// begins with the product for dQ of the step before, which needs both
// groups' part of dS and so would wait at the end of its own step.
template <int D>
__device__ __forceinline__ void Backward<D>::step(const Arguments &a, State &s, const Queries &q, int t, int key,
												  int group, bool pending) {
	float p[rows / 2], dp[rows / 2];
	uint32_t weights[rows / 4], ds[rows / 4];
	uint32_t mine = group * panel_bytes(64);
	if (pending) {
		wait_ds(group);
	}
	queries.wait_full();
	ptx::hold(s.dq);
	ptx::mma_begin();
	start_dq(s, group);
	scores(p, base + keys_at + mine, queries.stage());
	ptx::mma_wait<1>();
	ptx::hold(s.dq);
	if (pending) {
		put_dq(s, group);
	}
	douts.wait_full();
	scores(dp, base + values_at + mine, douts.stage());
	ptx::mma_wait<1>();
	ptx::hold(p);
	int skip = (q.start + t * rows & 3) * 4 + threadIdx.x % 4 * 8; // bytes to the thread's first row
	weigh(p, base + lse_at + queries.use % stages * numbers_bytes + skip, a.scale * log2_e);
	ptx::mma_wait<0>();
	ptx::hold(dp);
	slope(p, dp, base + delta_at + douts.use % stages * numbers_bytes + skip);
	int first = t * rows;
	if (first + rows > q.len || first < q.diagonal + keys_per_tile - 1 || q.from > 0 || q.to < keys_per_tile) {
		mask(p, dp, q, first, key);
	}
#pragma unroll
	for (int i = 0; i < rows / 4; i++) {
		weights[i] = ptx::pack(p[2 * i], p[2 * i + 1]);
		ds[i] = ptx::pack(dp[2 * i], dp[2 * i + 1]);
	}
	ptx::hold(s.dvalues);
	ptx::hold(s.dkeys);
	ptx::mma_begin();
	accumulate(s.dvalues, weights, douts.stage());
	accumulate(s.dkeys, ds, queries.stage());
	put_ds(ds, group);
	ptx::mma_wait<0>();
	ptx::hold(s.dvalues);
	ptx::hold(s.dkeys);
	queries.release();
	douts.release();
	steps++;
}

// The groups' parts of dS are ready at named barriers of the reading group
// and the step's parity.
template <int D>
__device__ __forceinline__ void Backward<D>::wait_ds(int group) const {
	ptx::named_sync(4 + 2 * group + (steps - 1 & 1), 256);
}

// weigh turns scores into weights.
template <int D>
__device__ __forceinline__ void Backward<D>::weigh(float (&p)[rows / 2], uint32_t lse, float unit) const {
#pragma unroll
	for (int i = 0; i < rows / 8; i++) {
		float2 l = pair(lse + i * 32);
#pragma unroll
		for (int j = 0; j < 4; j++) {
			p[4 * i + j] = ptx::exp2(__fmaf_rn(p[4 * i + j], unit, j & 1 ? -l.y : -l.x));
		}
	}
}

// slope turns derivatives by weights into those by scores.
template <int D>
__device__ __forceinline__ void Backward<D>::slope(const float (&p)[rows / 2], float (&dp)[rows / 2], uint32_t delta) const {
#pragma unroll
	for (int i = 0; i < rows / 8; i++) {
		float2 d = pair(delta + i * 32);
#pragma unroll
		for (int j = 0; j < 4; j++) {
			dp[4 * i + j] = __fmul_rn(p[4 * i + j], __fsub_rn(dp[4 * i + j], j & 1 ? d.y : d.x));
		}
	}
}

// pair returns the numbers of two neighboring rows.
template <int D>
__device__ __forceinline__ float2 Backward<D>::pair(uint32_t at) {
	float2 v;
	asm volatile("ld.shared.f32 %0, [%2];\nld.shared.f32 %1, [%2 + 4];" : "=f"(v.x), "=f"(v.y) : "r"(at));
	return v;
}

// mask clears what a query does not see.
template <int D>
__device__ __forceinline__ void Backward<D>::mask(float (&p)[rows / 2], float (&dp)[rows / 2], const Queries &q, int first,
											int key) {
	int end = q.len - first, column = 2 * (threadIdx.x % 4);
	asm volatile("" : "+r"(column)); // or it would be worked out for every tile, ahead of the test
#pragma unroll
	for (int r = 0; r < 2; r++) {
		int k = key + 8 * r;
		int begin = k >= q.from && k < q.to ? k + q.diagonal - first : rows;
#pragma unroll
		for (int i = 0; i < rows / 8; i++) {
#pragma unroll
			for (int j = 0; j < 2; j++) {
				int c = column + 8 * i + j;
				if (c < begin || c >= end) {
					p[4 * i + 2 * r + j] = dp[4 * i + 2 * r + j] = 0;
				}
			}
		}
	}
}

// ds_stage returns where step's part of dS is.
template <int D>
__device__ __forceinline__ uint32_t Backward<D>::ds_stage(int step) const { return base + ds_at + (step & 1) * ds_bytes; }

// put_ds writes the group's rows of this step's dS, queries as columns, for
// both groups.
template <int D>
__device__ __forceinline__ void Backward<D>::put_ds(const uint32_t (&ds)[rows / 4], int group) const {
	int lane = threadIdx.x % 32, row = group * 64 + threadIdx.x % 128 / 32 * 16 + lane % 16;
#pragma unroll
	for (int i = 0; i < rows / 16; i++) {
		int chunk = 2 * i + lane / 16;
		ptx::store_matrices(ds_stage(steps) + chunk / 8 * panel_bytes(keys_per_tile) + swizzled(row, chunk % 8), ds[4 * i],
							ds[4 * i + 1], ds[4 * i + 2], ds[4 * i + 3]);
	}
	ptx::publish();
	ptx::named_arrive(4 + 2 * (1 - group) + (steps & 1), 256);
}

// start_dq starts the group's part of what the last step adds to dQ: 64 rows
// at width 64, 64 columns at width 128.
template <int D>
__device__ __forceinline__ void Backward<D>::start_dq(State &s, int group) const {
	uint32_t left = ds_stage(steps - 1) + (D == 64 ? group * panel_bytes(keys_per_tile) : 0);
	uint32_t right = base + keys_at + (D == 128 ? group * panel_bytes(keys_per_tile) : 0);
#pragma unroll
	for (int i = 0; i < keys_per_tile / 16; i++) {
		ptx::Mma<64>::run<1, 1>(s.dq, ptx::descriptor(left + i * 16 * panel_rows_bytes, 0),
								ptx::descriptor(right + i * 16 * panel_rows_bytes, 0), i > 0);
	}
	ptx::mma_commit();
}

// put_dq hands the last step's part of dQ to the adding warp: two boxes of
// 64 rows and 32 columns in the 128-byte swizzle.
template <int D>
__device__ __forceinline__ void Backward<D>::put_dq(State &s, int group) const {
	int row = threadIdx.x % 128 / 32 * 16 + threadIdx.x % 32 / 4;
	int lane = threadIdx.x % 4;
	uint32_t to = base + dq_at + group * dq_bytes;
	int step = steps - 1;
	if (step > 0) {
		ptx::barrier_wait(dq_empty(group, step - 1), (step - 1) / 2 & 1);
	}
#pragma unroll
	for (int i = 0; i < 8; i++) {
#pragma unroll
		for (int r = 0; r < 2; r++) {
			uint32_t at = to + i / 4 * (dq_bytes / 2) + swizzled(row + 8 * r, i % 4 * 2 + lane / 2) + lane % 2 * 8;
			asm volatile("st.shared.v2.f32 [%0], {%1, %2};" ::"r"(at), "f"(s.dq[4 * i + 2 * r]),
						 "f"(s.dq[4 * i + 2 * r + 1])
						 : "memory");
		}
	}
	ptx::publish();
	ptx::barrier_arrive(dq_full(group, step));
}

// write puts the group's rows of dK and dV where its rows of values were,
// and from there into memory.
template <int D>
__device__ __forceinline__ void Backward<D>::write(const Arguments &a, const Piece &p, State &s, int group) const {
	uint32_t stage = base + values_at + group * panel_bytes(64);
	int count = min(64, p.keys() - group * 64);
	__nv_bfloat16 *to = a.dqkv + (p.row() + group * 64) * a.heads.packed();
#pragma unroll
	for (int i = 0; i < D / 2; i++) {
		s.dkeys[i] *= a.scale;
	}
	ptx::group_sync(2 + group);
	store_rows<D, keys_per_tile>(s.dvalues, stage);
	ptx::group_sync(2 + group);
	write_rows<D, keys_per_tile>(to + a.heads.value_column(p.kv), a.heads.packed(), stage, count);
	ptx::group_sync(2 + group);
	store_rows<D, keys_per_tile>(s.dkeys, stage);
	ptx::group_sync(2 + group);
	write_rows<D, keys_per_tile>(to + a.heads.key_column(p.kv), a.heads.packed(), stage, count);
	ptx::publish();
	__syncwarp();
	if (threadIdx.x % 32 == 0) {
		ptx::barrier_arrive(keys_empty());
	}
}

} // namespace attention
