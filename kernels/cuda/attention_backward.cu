// Attention's backward pass over packed segments, head widths 64 and 128. A
// block owns a tile of keys of one key head and goes through the queries that
// see it: dK and dV stay in registers, and what the tile adds to dQ goes to
// memory in float32, tiles of keys in a fixed order, so that the sums are the
// same in every run.
#include "attention_differentiate.cuh"

namespace attention {

// load is the loading warp's part.
template <int D>
__device__ void Backward<D>::load(const Arguments &a, const Maps &m) {
	bool leader = threadIdx.x % 32 == 0;
	int total = a.plan->count;
	for (;; pieces++) {
		int ticket = ptx::uniform(leader ? atomicAdd(&a.plan->ticket, 1) : 0);
		ptx::barrier_wait(work_empty(), (pieces & 1) ^ 1);
		if (leader) {
			asm volatile("st.shared.b32 [%0], %1;" ::"r"(base + work_at), "r"(ticket < total ? ticket : -1) : "memory");
			ptx::barrier_arrive(work_full());
		}
		if (ticket >= total) {
			return;
		}
		Piece p = piece(a, ticket);
		load_keys(a, m, p);
		for (int at = p.at; at >= 0; at = next_segment(a, p, at)) {
			Queries q = queries_of<D>(a, p, at);
			for (int t = q.last; t >= q.first; t--) {
				for (int h = p.kv * a.heads.group(); h < (p.kv + 1) * a.heads.group(); h++) {
					load_queries(a, m, q, t, h);
				}
			}
		}
	}
}

// panels_of starts loads of 64 columns each into panels at dst.
template <int D>
template <int Rows>
__device__ __forceinline__ void Backward<D>::panels_of(uint32_t dst, const TensorMap *map, uint32_t full, int column,
												 int row) {
	for (int i = 0; i < panels; i++) {
		ptx::load(dst + i * panel_bytes(Rows), map, full, column + i * 64, row);
	}
}

// rows_of gathers count rows and zeros behind them.
template <int D>
template <int Rows>
__device__ __forceinline__ void Backward<D>::rows_of(uint32_t dst, const __nv_bfloat16 *from, int64_t stride, int count) {
	gather<D>(dst, Rows, 0, 1, [&](int i) -> const __nv_bfloat16 * { return i < count ? from + i * stride : nullptr; });
	ptx::copy_commit();
	ptx::copy_wait<0>();
	ptx::publish();
	__syncwarp();
}

template <int D>
__device__ __forceinline__ void Backward<D>::load_keys(const Arguments &a, const Maps &m, const Piece &p) {
	bool leader = threadIdx.x % 32 == 0;
	ptx::barrier_wait(keys_empty(), (pieces & 1) ^ 1);
	int key = a.heads.key_column(p.kv), value = a.heads.value_column(p.kv);
	if (p.keys() < keys_per_tile) {
		const __nv_bfloat16 *from = a.qkv + p.row() * a.heads.packed();
		rows_of<keys_per_tile>(base + keys_at, from + key, a.heads.packed(), p.keys());
		rows_of<keys_per_tile>(base + values_at, from + value, a.heads.packed(), p.keys());
		if (leader) {
			ptx::barrier_arrive(keys_full());
		}
	} else if (leader) {
		ptx::barrier_expect(keys_full(), 2 * key_bytes);
		panels_of<keys_per_tile>(base + keys_at, m.keys, keys_full(), key, p.row());
		panels_of<keys_per_tile>(base + values_at, m.keys, keys_full(), value, p.row());
	}
}

template <int D>
__device__ __forceinline__ void Backward<D>::load_queries(const Arguments &a, const Maps &m, const Queries &q, int tile,
														  int h) {
	int count = q.len - tile * rows, row = q.start + tile * rows;
	int64_t numbers = int64_t(h) * a.stride + (row & ~3);
	load_rows(queries, m.queries, a.qkv + row * a.heads.packed() + h * D, a.heads.packed(), h * D, row, count,
			  a.lse + numbers, lse_at);
	load_rows(douts, m.douts, a.dout + row * a.heads.out() + h * D, a.heads.out(), h * D, row, count, a.delta + numbers,
			  delta_at);
}

// load_rows loads a tile of queries or dOut, and a number for each row.
template <int D>
__device__ __forceinline__ void Backward<D>::load_rows(Tiles &ring, const TensorMap *map, const __nv_bfloat16 *from,
													   int64_t stride, int column, int row, int count,
													   const float *numbers, int numbers_at) {
	ring.wait_empty();
	if (count < rows) {
		rows_of<rows>(ring.stage(), from, stride, count);
	}
	if (threadIdx.x % 32 == 0) {
		ptx::barrier_expect(ring.full_barrier(), numbers_bytes + (count < rows ? 0 : query_bytes));
		if (count >= rows) {
			panels_of<rows>(ring.stage(), map, ring.full_barrier(), column, row);
		}
		ptx::load_bytes(base + numbers_at + ring.use % stages * numbers_bytes, numbers, numbers_bytes,
						ring.full_barrier());
	}
	ring.use++;
}

// add is the part of the two warps that add to dQ, of steps of one parity
// each, since an addition takes about as long as a step.
template <int D>
__device__ void Backward<D>::add(const Arguments &a, const Maps &m, int parity) {
	for (;; pieces++) {
		int ticket = take();
		if (ticket < 0) {
			return;
		}
		Piece p = piece(a, ticket);
		for (int at = p.at; at >= 0; at = next_segment(a, p, at)) {
			Queries q = queries_of<D>(a, p, at);
			for (int t = q.last; t >= q.first; t--) {
				for (int h = p.kv * a.heads.group(); h < (p.kv + 1) * a.heads.group(); h++, steps++) {
					if ((steps & 1) == parity) {
						add_tile(a, m, q, t, h);
					}
				}
			}
		}
	}
}

// add_tile adds to the tile's rows of dQ. The first addition makes them:
// those of a whole tile by storing, those at the end of a segment, where
// the boxes reach into rows of others and add zeros, by clearing them.
template <int D>
__device__ __forceinline__ void Backward<D>::add_tile(const Arguments &a, const Maps &m, const Queries &q, int t, int h) {
	int row = q.start + t * rows, count = q.len - t * rows;
	bool fresh = q.before == 0 && count >= rows;
	if (q.before == 0 && count < rows) {
		for (int i = threadIdx.x % 32; i < count * D / 4; i += 32) {
			*reinterpret_cast<float4 *>(a.dq + (row + i / (D / 4)) * a.heads.out() + h * D + i % (D / 4) * 4) = {};
		}
		ptx::publish_global();
		__syncwarp();
	}
	if (threadIdx.x % 32 == 0) {
		int *turn = a.turns + int64_t(row) * a.heads.query + h;
		int seen;
		do {
			asm volatile("ld.acquire.gpu.global.b32 %0, [%1];" : "=r"(seen) : "l"(turn) : "memory");
		} while (seen != q.before);
		ptx::publish_global();
		add_boxes(m, fresh, row, h);
		ptx::publish_global();
		asm volatile("st.release.gpu.global.b32 [%0], %1;" ::"l"(turn), "r"(q.before + 1) : "memory");
	}
	__syncwarp();
}

// add_boxes adds both groups' part, and returns when it is in memory.
template <int D>
__device__ __forceinline__ void Backward<D>::add_boxes(const Maps &m, bool fresh, int row, int h) {
	for (int g = 0; g < 2; g++) {
		ptx::barrier_wait(dq_full(g, steps), steps / 2 & 1);
		for (int i = 0; i < 2; i++) {
			uint32_t from = base + dq_at + g * dq_bytes + i * dq_bytes / 2;
			int column = h * D + (D == 128 ? g * 64 : 0) + i * 32, at = row + (D == 64 ? g * 64 : 0);
			if (fresh) {
				ptx::store(m.dqueries, from, column, at);
			} else {
				ptx::store_add(m.dqueries, from, column, at);
			}
		}
		ptx::store_commit();
	}
	ptx::store_drained<1>();
	ptx::barrier_arrive(dq_empty(0, steps));
	ptx::store_drained<0>();
	ptx::barrier_arrive(dq_empty(1, steps));
	ptx::store_done();
}

} // namespace attention

using namespace attention;

namespace {

template <int D> __device__ __forceinline__ void backward(const Maps &m, const Arguments &a) {
	extern __shared__ uint8_t memory[];
	Backward<D> b((ptx::shared_address(memory) + 1023) & ~1023u);
	int group = ptx::uniform(threadIdx.x / 128);
	if (threadIdx.x == 0) {
		b.init_barriers();
	}
	__syncthreads();
	if (group == 0) {
		ptx::registers_shrink<24>();
		if (threadIdx.x < 32) {
			b.load(a, m);
		} else if (threadIdx.x < 96) {
			b.add(a, m, threadIdx.x / 32 - 1);
		}
	} else {
		ptx::registers_grow<240>();
		b.consume(a, group - 1);
	}
}

} // namespace

#define BACKWARD(NAME, D)                                                                                              \
	extern "C" __global__ void __launch_bounds__(384, 1)                                                               \
		NAME(const __grid_constant__ TensorMap queries, const __grid_constant__ TensorMap keys,                        \
			 const __grid_constant__ TensorMap douts, const __grid_constant__ TensorMap dqueries, __nv_bfloat16 *dqkv, \
			 const __nv_bfloat16 *dout, const __nv_bfloat16 *qkv, float *dq, int *turns, const float *lse,             \
			 const float *delta, const Segment *segments, Plan *plan, int num_segments, int stride, int query,         \
			 int key, float scale) {                                                                                   \
		backward<D>(Maps{&queries, &keys, &douts, &dqueries},                                                          \
					Arguments{dqkv, dout, qkv, dq, turns, lse, delta, segments, plan, num_segments, stride,            \
							  Heads{query, key, D}, scale});                                                           \
	}

BACKWARD(backward64, 64)
BACKWARD(backward128, 128)
