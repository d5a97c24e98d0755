// What the roles of attention's backward pass share: the pieces of work, the
// queries that see them, and a block's shared memory.
#pragma once
#include "attention_tile.cuh"

namespace attention {

struct Arguments {
	__nv_bfloat16 *dqkv;
	const __nv_bfloat16 *dout, *qkv;
	float *dq;	// sums for queries, (N, Query·D)
	int *turns; // of each tile of queries: tiles of keys that have added to it, by its first row and head
	const float *lse, *delta; // (Query, stride), in units of log2(e) and 1
	const Segment *segments;
	Plan *plan;
	int num_segments, stride;
	Heads heads;
	float scale;
};

// Maps are the copy engine's views of the arguments.
struct Maps {
	const TensorMap *queries, *keys, *douts, *dqueries;
};

// Piece is what a block works on: a tile of keys of one key head.
struct Piece {
	Segment segment; // that holds the keys
	int at;			 // its index
	int tile, kv;

	__device__ __forceinline__ int row() const { return segment.start + tile * keys_per_tile; }
	__device__ __forceinline__ int keys() const { return min(keys_per_tile, segment.len - tile * keys_per_tile); }
};

// Pieces go through the queries that see them from the last tile to the first,
// all heads of a tile before the next. So pieces of one segment, which start in
// ascending order, need only keep one step apart to add to dQ in that order.

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
		q.before = prefix_tiles(a, s) + p.tile;
		q.diagonal = p.tile * keys_per_tile;
	} else {
		q.before = p.tile - max(0, tile_of(p.segment, s.prefix_start));
		q.from = s.prefix_start - p.row();
		q.to = q.from + s.prefix_len;
	}
	return q;
}

// Backward is a block's shared memory and barriers, and its roles: a warp that
// loads, two that add to dQ, and two warpgroups that compute.
template <int D> struct Backward {
	static constexpr int rows = query_rows<D>;
	static constexpr int panels = D / 64;
	static constexpr int stages = 2;
	static constexpr int key_bytes = panels * panel_bytes(keys_per_tile);
	static constexpr int query_bytes = panels * panel_bytes(rows);
	static constexpr int ds_bytes = rows / 64 * panel_bytes(keys_per_tile);
	static constexpr int dq_bytes = 64 * 64 * 4; // of one warpgroup
	// A tile's lse or delta begin up to three rows early, since the copy engine
	// moves whole 16 bytes.
	static constexpr int numbers_bytes = (rows + 4) * 4;
	using Tiles = Ring<stages, query_bytes>;

	static constexpr int keys_at = 0;
	static constexpr int values_at = keys_at + key_bytes;
	static constexpr int queries_at = values_at + key_bytes;
	static constexpr int douts_at = queries_at + stages * query_bytes;
	static constexpr int ds_at = douts_at + stages * query_bytes;
	static constexpr int dq_at = ds_at + 2 * ds_bytes;
	static constexpr int lse_at = dq_at + 2 * dq_bytes;
	static constexpr int delta_at = lse_at + stages * numbers_bytes;
	static constexpr int barriers_at = delta_at + stages * numbers_bytes;
	// barriers: queries full and empty, douts full and empty, keys full and
	// empty, dq full and empty of each group and parity of steps, work full and
	// empty
	static constexpr int barriers = 4 * stages + 2 + 8 + 2;
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
	__device__ __forceinline__ uint32_t dq_full(int group, int step) const { return barrier(2 + 2 * group + (step & 1)); }
	__device__ __forceinline__ uint32_t dq_empty(int group, int step) const { return dq_full(group, step) + 4 * 8; }
	__device__ __forceinline__ uint32_t work_full() const { return barrier(10); }
	__device__ __forceinline__ uint32_t work_empty() const { return barrier(11); }

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
			for (int step = 0; step < 2; step++) {
				ptx::barrier_init(dq_full(g, step), 128);
				ptx::barrier_init(dq_empty(g, step), 1);
			}
		}
		ptx::barrier_init(work_full(), 1);
		ptx::barrier_init(work_empty(), 10);
		asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
	}

	static __device__ __forceinline__ Piece piece(const Arguments &a, int ticket) {
		Plan::Tile t = a.plan->tiles()[ticket];
		return {a.segments[t.segment], t.segment, t.index / a.heads.key, t.index % a.heads.key};
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

	__device__ void load(const Arguments &a, const Maps &m);
	template <int Rows>
	static __device__ __forceinline__ void panels_of(uint32_t dst, const TensorMap *map, uint32_t full, int column,
													 int row);
	template <int Rows>
	static __device__ __forceinline__ void rows_of(uint32_t dst, const __nv_bfloat16 *from, int64_t stride, int count);
	__device__ __forceinline__ void load_keys(const Arguments &a, const Maps &m, const Piece &p);
	__device__ __forceinline__ void load_queries(const Arguments &a, const Maps &m, const Queries &q, int tile, int h);
	__device__ __forceinline__ void load_rows(Tiles &ring, const TensorMap *map, const __nv_bfloat16 *from, int64_t stride,
											  int column, int row, int count, const float *numbers, int numbers_at);
	__device__ void add(const Arguments &a, const Maps &m, int parity);
	__device__ __forceinline__ void add_tile(const Arguments &a, const Maps &m, const Queries &q, int t, int h);
	__device__ __forceinline__ void add_boxes(const Maps &m, bool fresh, int row, int h);
	__device__ void consume(const Arguments &a, int group);
	// Registers of a consumer. Keys are rows and queries are columns of the
	// transposed scores.
	struct State {
		float dkeys[D / 2], dvalues[D / 2], dq[32];
	};
	__device__ __forceinline__ void differentiate(const Arguments &a, const Piece &p, int group);
	static __device__ __forceinline__ void scores(float (&to)[rows / 2], uint32_t keys, uint32_t queries);
	static __device__ __forceinline__ void accumulate(float (&to)[D / 2], const uint32_t (&weights)[rows / 4],
													  uint32_t from);
	__device__ __forceinline__ void step(const Arguments &a, State &s, const Queries &q, int t, int key, int group,
										 bool pending);
	__device__ __forceinline__ void wait_ds(int group) const;
	__device__ __forceinline__ void weigh(float (&p)[rows / 2], uint32_t lse, float unit) const;
	__device__ __forceinline__ void slope(const float (&p)[rows / 2], float (&dp)[rows / 2], uint32_t delta) const;
	static __device__ __forceinline__ float2 pair(uint32_t at);
	static __device__ __forceinline__ void mask(float (&p)[rows / 2], float (&dp)[rows / 2], const Queries &q, int first,
												int key);
	__device__ __forceinline__ uint32_t ds_stage(int step) const;
	__device__ __forceinline__ void put_ds(const uint32_t (&ds)[rows / 4], int group) const;
	__device__ __forceinline__ void start_dq(State &s, int group) const;
	__device__ __forceinline__ void put_dq(State &s, int group) const;
	__device__ __forceinline__ void write(const Arguments &a, const Piece &p, State &s, int group) const;
};

} // namespace attention
