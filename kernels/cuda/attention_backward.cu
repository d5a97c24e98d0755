// Attention's backward pass over packed segments, head widths 64 and 128. A
// block owns a tile of keys of one key head and goes through the queries that
// see it: dK and dV stay in registers, and what the tile adds to dQ goes to
// memory in float32, tiles of keys in ascending order, so that the sums are
// the same in every run.
#include "attention_tile.cuh"

using namespace attention;

namespace {

struct Arguments {
	__nv_bfloat16 *dqkv;
	const __nv_bfloat16 *dout, *qkv;
	int *turns; // of each tile of queries: tiles of keys that have added to it, by its first row and head
	const Segment *segments;
	Plan *plan;
	int num_segments;
	Heads heads;
	float scale;
};

// Maps are the copy engine's views of the arguments.
struct Maps {
	const TensorMap *queries, *keys, *douts, *lse, *delta, *dqueries;
};

// Piece is what a block works on: a tile of keys of one key head.
struct Piece {
	Segment segment; // that holds the keys
	int at;			 // its index
	int tile, kv;

	__device__ __forceinline__ int row() const { return segment.start + tile * keys_per_tile; }
	__device__ __forceinline__ int keys() const { return min(keys_per_tile, segment.len - tile * keys_per_tile); }
};

// Queries are the query rows of a segment that see a piece: its own, or those
// of a segment that has the piece in its prefix.
struct Queries {
	int start, len;
	int first, last; // tiles
	int before;		 // tiles of keys that add to dQ before the piece
	int from, to;	 // keys of the tile that they see
	int diagonal;	 // query row i sees keys up to i − diagonal
};

// tile_of returns the tile of keys that holds a row of a segment.
__device__ __forceinline__ int tile_of(const Segment &s, int row) { return (row - s.start) / keys_per_tile; }

// next_segment returns the first segment behind at whose prefix has keys of the
// piece, or -1. All lanes call it.
__device__ int next_segment(const Arguments &a, const Piece &p, int at) {
	if (a.plan->prefixes == 0) {
		return -1;
	}
	for (at++; at < a.num_segments; at += 32) {
		int i = at + threadIdx.x % 32;
		bool hit = false;
		if (i < a.num_segments) {
			Segment s = a.segments[i];
			hit = s.len > 0 && s.prefix_len > 0 && s.prefix_start < p.row() + p.keys() && p.row() < s.prefix_start + s.prefix_len;
		}
		unsigned hits = __ballot_sync(~0u, hit);
		if (hits) {
			return at + __ffs(hits) - 1;
		}
	}
	return -1;
}

// prefix_tiles returns the tiles of keys of the segment's prefix. All lanes
// call it.
__device__ int prefix_tiles(const Arguments &a, const Segment &s) {
	for (int at = 0; at < a.num_segments && s.prefix_len > 0; at += 32) {
		int i = min(at + int(threadIdx.x % 32), a.num_segments - 1);
		Segment h = a.segments[i];
		bool hit = h.prefix_len == 0 && h.start <= s.prefix_start && s.prefix_start < h.start + h.len;
		int tiles = tile_of(h, s.prefix_start + s.prefix_len - 1) - tile_of(h, s.prefix_start) + 1;
		unsigned hits = __ballot_sync(~0u, hit);
		if (hits) {
			return __shfl_sync(~0u, tiles, __ffs(hits) - 1);
		}
	}
	return 0;
}

// Rows of queries in a tile, by width: what registers have room for.
template <int D> constexpr int query_rows = D == 64 ? 128 : 64;

template <int D> __device__ __forceinline__ Queries queries_of(const Arguments &a, const Piece &p, int at) {
	constexpr int rows = query_rows<D>;
	Segment s = a.segments[at];
	Queries q{s.start, s.len, 0, (s.len - 1) / rows, 0, 0, keys_per_tile, -s.len - keys_per_tile};
	if (at == p.at) {
		q.first = p.tile * keys_per_tile / rows;
		q.before = p.tile + prefix_tiles(a, s);
		q.diagonal = p.tile * keys_per_tile;
	} else {
		q.before = p.tile - max(0, tile_of(p.segment, s.prefix_start));
		q.from = s.prefix_start - p.row();
		q.to = q.from + s.prefix_len;
	}
	return q;
}

template <int D> struct Backward {
	static constexpr int rows = query_rows<D>;
	static constexpr int panels = D / 64;
	static constexpr int stages = 2;
	static constexpr int key_bytes = panels * panel_bytes(keys_per_tile);
	static constexpr int query_bytes = panels * panel_bytes(rows);
	static constexpr int ds_bytes = rows / 64 * panel_bytes(keys_per_tile);
	static constexpr int dq_bytes = 64 * 64 * 4; // of one warpgroup
	using Tiles = Ring<stages, query_bytes>;

	static constexpr int keys_at = 0;
	static constexpr int values_at = keys_at + key_bytes;
	static constexpr int queries_at = values_at + key_bytes;
	static constexpr int douts_at = queries_at + stages * query_bytes;
	static constexpr int ds_at = douts_at + stages * query_bytes;
	static constexpr int dq_at = ds_at + 2 * ds_bytes;
	static constexpr int lse_at = dq_at + 2 * dq_bytes;
	static constexpr int delta_at = lse_at + stages * rows * 4;
	static constexpr int barriers_at = delta_at + stages * rows * 4;
	// barriers: queries full and empty, douts full and empty, keys full and
	// empty, dq full and empty of each group, work full and empty
	static constexpr int barriers = 4 * stages + 2 + 4 + 2;
	static constexpr int work_at = barriers_at + barriers * 8;

	uint32_t base;
	Tiles queries, douts;
	int pieces, steps; // done

	__device__ __forceinline__ Backward(uint32_t base) : base(base), pieces(0), steps(0) {
		uint32_t at = base + barriers_at;
		queries = {base + queries_at, at, at + stages * 8, 0};
		douts = {base + douts_at, at + 2 * stages * 8, at + 3 * stages * 8, 0};
	}
	__device__ __forceinline__ uint32_t barrier(int i) const { return base + barriers_at + (4 * stages + i) * 8; }
	__device__ __forceinline__ uint32_t keys_full() const { return barrier(0); }
	__device__ __forceinline__ uint32_t keys_empty() const { return barrier(1); }
	__device__ __forceinline__ uint32_t dq_full(int group) const { return barrier(2 + group); }
	__device__ __forceinline__ uint32_t dq_empty(int group) const { return barrier(4 + group); }
	__device__ __forceinline__ uint32_t work_full() const { return barrier(6); }
	__device__ __forceinline__ uint32_t work_empty() const { return barrier(7); }

	__device__ void init_barriers() const {
		for (int i = 0; i < stages; i++) {
			ptx::barrier_init(queries.full + i * 8, 1);
			ptx::barrier_init(douts.full + i * 8, 1);
			ptx::barrier_init(queries.empty + i * 8, 8);
			ptx::barrier_init(douts.empty + i * 8, 8);
		}
		ptx::barrier_init(keys_full(), 1);
		ptx::barrier_init(keys_empty(), 8);
		for (int g = 0; g < 2; g++) {
			ptx::barrier_init(dq_full(g), 128);
			ptx::barrier_init(dq_empty(g), 1);
		}
		ptx::barrier_init(work_full(), 1);
		ptx::barrier_init(work_empty(), 9);
		asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
	}

	static __device__ __forceinline__ Piece piece(const Arguments &a, int ticket) {
		Plan::Tile t = a.plan->tiles()[ticket / a.heads.key];
		return {a.segments[t.segment], t.segment, t.index, ticket % a.heads.key};
	}

	// take returns the next ticket, or -1 at the end.
	__device__ __forceinline__ int take() {
		int ticket;
		ptx::barrier_wait(work_full(), pieces & 1);
		asm volatile("ld.shared.b32 %0, [%1];" : "=r"(ticket) : "r"(base + work_at) : "memory");
		__syncwarp();
		if (threadIdx.x % 32 == 0) {
			ptx::barrier_arrive(work_empty());
		}
		return ptx::uniform(ticket);
	}

	// load is the loading warp's part.
	__device__ void load(const Arguments &a, const Maps &m) {
		bool leader = threadIdx.x % 32 == 0;
		int total = a.plan->count * a.heads.key;
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
				for (int h = p.kv * a.heads.group(); h < (p.kv + 1) * a.heads.group(); h++) {
					for (int t = q.last; t >= q.first; t--) {
						load_queries(a, m, q, t, h);
					}
				}
			}
		}
	}

	// panels_of starts loads of 64 columns each into panels at dst.
	template <int Rows>
	static __device__ __forceinline__ void panels_of(uint32_t dst, const TensorMap *map, uint32_t full, int column,
													 int row) {
		for (int i = 0; i < panels; i++) {
			ptx::load(dst + i * panel_bytes(Rows), map, full, column + i * 64, row);
		}
	}

	// rows_of gathers count rows and zeros behind them.
	template <int Rows>
	static __device__ __forceinline__ void rows_of(uint32_t dst, const __nv_bfloat16 *from, int64_t stride, int count) {
		gather<D>(dst, Rows, 0, 1, [&](int i) -> const __nv_bfloat16 * { return i < count ? from + i * stride : nullptr; });
		ptx::copy_commit();
		ptx::copy_wait<0>();
		ptx::publish();
		__syncwarp();
	}

	__device__ __forceinline__ void load_keys(const Arguments &a, const Maps &m, const Piece &p) {
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

	__device__ __forceinline__ void load_queries(const Arguments &a, const Maps &m, const Queries &q, int tile, int h) {
		int count = q.len - tile * rows, row = q.start + tile * rows;
		load_rows(queries, m.queries, a.qkv + row * a.heads.packed() + h * D, a.heads.packed(), h * D, row, count, m.lse, h,
				  lse_at);
		load_rows(douts, m.douts, a.dout + row * a.heads.out() + h * D, a.heads.out(), h * D, row, count, m.delta, h,
				  delta_at);
	}

	// load_rows loads a tile of queries or dOut, and a number for each row.
	__device__ __forceinline__ void load_rows(Tiles &ring, const TensorMap *map, const __nv_bfloat16 *from, int64_t stride,
											  int column, int row, int count, const TensorMap *numbers, int h,
											  int numbers_at) {
		ring.wait_empty();
		if (count < rows) {
			rows_of<rows>(ring.stage(), from, stride, count);
		}
		if (threadIdx.x % 32 == 0) {
			ptx::barrier_expect(ring.full_barrier(), rows * 4 + (count < rows ? 0 : query_bytes));
			if (count >= rows) {
				panels_of<rows>(ring.stage(), map, ring.full_barrier(), column, row);
			}
			ptx::load(base + numbers_at + ring.use % stages * rows * 4, numbers, ring.full_barrier(), row, h);
		}
		ring.use++;
	}

	// add is the part of the warp that adds to dQ, in turn.
	__device__ void add(const Arguments &a, const Maps &m) {
		for (;; pieces++) {
			int ticket = take();
			if (ticket < 0) {
				return;
			}
			Piece p = piece(a, ticket);
			for (int at = p.at; at >= 0; at = next_segment(a, p, at)) {
				Queries q = queries_of<D>(a, p, at);
				for (int h = p.kv * a.heads.group(); h < (p.kv + 1) * a.heads.group(); h++) {
					for (int t = q.last; t >= q.first; t--, steps++) {
						if (threadIdx.x % 32 == 0) {
							add_tile(a, m, q, q.start + t * rows, h);
						}
					}
				}
			}
		}
	}

	__device__ __forceinline__ void add_tile(const Arguments &a, const Maps &m, const Queries &q, int row, int h) {
		int *turn = a.turns + int64_t(row) * a.heads.query + h;
		int seen;
		do {
			asm volatile("ld.acquire.gpu.global.b32 %0, [%1];" : "=r"(seen) : "l"(turn) : "memory");
		} while (seen != q.before);
		ptx::publish_global();
		for (int g = 0; g < 2; g++) {
			ptx::barrier_wait(dq_full(g), steps & 1);
			uint32_t from = base + dq_at + g * dq_bytes;
			for (int i = 0; i < 2; i++) {
				int column = h * D + (D == 128 ? g * 64 : 0) + i * 32;
				ptx::store_add(m.dqueries, from + i * dq_bytes / 2, column, row + (D == 64 ? g * 64 : 0));
			}
			ptx::store_commit();
		}
		ptx::store_drained<1>();
		ptx::barrier_arrive(dq_empty(0));
		ptx::store_drained<0>();
		ptx::barrier_arrive(dq_empty(1));
		ptx::store_done();
		ptx::publish_global();
		asm volatile("st.release.gpu.global.b32 [%0], %1;" ::"l"(turn), "r"(q.before + 1) : "memory");
	}

	// consume is warpgroup group's part: 64 of the tile's keys.
	__device__ void consume(const Arguments &a, int group) {
		for (;; pieces++) {
			int ticket = take();
			if (ticket < 0) {
				return;
			}
			differentiate(a, piece(a, ticket), group);
		}
	}

	// Registers of a consumer. Keys are rows and queries are columns of the
	// transposed scores.
	struct State {
		float dkeys[D / 2], dvalues[D / 2], dq[32];
	};

	__device__ __forceinline__ void differentiate(const Arguments &a, const Piece &p, int group) {
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
			for (int h = 0; h < heads; h++) {
				for (int t = last; t >= first; t--) {
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
	static __device__ __forceinline__ void scores(float (&to)[rows / 2], uint32_t keys, uint32_t queries) {
#pragma unroll
		for (int i = 0; i < D / 16; i++) {
			uint64_t x = ptx::descriptor(keys + i / 4 * panel_bytes(keys_per_tile), 0) + i % 4 * 2;
			uint64_t y = ptx::descriptor(queries + i / 4 * panel_bytes(rows), 0) + i % 4 * 2;
			ptx::Mma<rows>::template run<0, 0>(to, x, y, i > 0);
		}
		ptx::mma_commit();
	}

	// accumulate starts to += weights·rows of queries or dOut.
	static __device__ __forceinline__ void accumulate(float (&to)[D / 2], const uint32_t (&weights)[rows / 4],
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
	__device__ __forceinline__ void step(const Arguments &a, State &s, const Queries &q, int t, int key, int group,
										 bool pending) {
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
		weigh(p, a.scale * log2_e);
		ptx::mma_wait<0>();
		ptx::hold(dp);
		slope(p, dp);
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
	__device__ __forceinline__ void wait_ds(int group) const {
		ptx::named_sync(4 + 2 * group + (steps - 1 & 1), 256);
	}

	// weigh turns scores into weights.
	__device__ __forceinline__ void weigh(float (&p)[rows / 2], float unit) const {
		uint32_t lse = base + lse_at + queries.use % stages * rows * 4 + threadIdx.x % 4 * 8;
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
	__device__ __forceinline__ void slope(const float (&p)[rows / 2], float (&dp)[rows / 2]) const {
		uint32_t delta = base + delta_at + douts.use % stages * rows * 4 + threadIdx.x % 4 * 8;
#pragma unroll
		for (int i = 0; i < rows / 8; i++) {
			float2 d = pair(delta + i * 32);
#pragma unroll
			for (int j = 0; j < 4; j++) {
				dp[4 * i + j] = __fmul_rn(p[4 * i + j], __fsub_rn(dp[4 * i + j], j & 1 ? d.y : d.x));
			}
		}
	}

	static __device__ __forceinline__ float2 pair(uint32_t at) {
		float2 v;
		asm volatile("ld.shared.v2.f32 {%0, %1}, [%2];" : "=f"(v.x), "=f"(v.y) : "r"(at));
		return v;
	}

	// mask clears what a query does not see.
	static __device__ __forceinline__ void mask(float (&p)[rows / 2], float (&dp)[rows / 2], const Queries &q, int first,
												int key) {
		int end = q.len - first, column = 2 * (threadIdx.x % 4);
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
	__device__ __forceinline__ uint32_t ds_stage(int step) const { return base + ds_at + (step & 1) * ds_bytes; }

	// put_ds writes the group's rows of this step's dS, queries as columns, for
	// both groups.
	__device__ __forceinline__ void put_ds(const uint32_t (&ds)[rows / 4], int group) const {
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
	__device__ __forceinline__ void start_dq(State &s, int group) const {
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
	__device__ __forceinline__ void put_dq(State &s, int group) const {
		int row = threadIdx.x % 128 / 32 * 16 + threadIdx.x % 32 / 4;
		int lane = threadIdx.x % 4;
		uint32_t to = base + dq_at + group * dq_bytes;
		ptx::barrier_wait(dq_empty(group), steps & 1); // the step before the last has been added
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
		ptx::barrier_arrive(dq_full(group));
	}

	// write puts the group's rows of dK and dV where its rows of values were,
	// and from there into memory.
	__device__ __forceinline__ void write(const Arguments &a, const Piece &p, State &s, int group) const {
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
};

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
		} else if (threadIdx.x < 64) {
			b.add(a, m);
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
			 const __grid_constant__ TensorMap douts, const __grid_constant__ TensorMap lse,                           \
			 const __grid_constant__ TensorMap delta, const __grid_constant__ TensorMap dqueries, __nv_bfloat16 *dqkv, \
			 const __nv_bfloat16 *dout, const __nv_bfloat16 *qkv, int *turns, const Segment *segments, Plan *plan,     \
			 int num_segments, int query, int key, float scale) {                                                      \
		backward<D>(Maps{&queries, &keys, &douts, &lse, &delta, &dqueries},                                            \
					Arguments{dqkv, dout, qkv, turns, segments, plan, num_segments, Heads{query, key, D}, scale});     \
	}

BACKWARD(backward64, 64)
BACKWARD(backward128, 128)
