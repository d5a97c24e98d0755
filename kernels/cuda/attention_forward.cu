// Attention's forward pass over packed segments, head widths 64 and 128: a
// producer warp that loads, and warpgroups of 64 query rows each that take
// turns at the tensor cores, one computing softmax while others multiply.
#include "attention_softmax.cuh"

using namespace attention;

namespace {

// Arguments are the arguments of one call.
struct Arguments {
	__nv_bfloat16 *out;
	float *lse;
	const __nv_bfloat16 *qkv;
	const Segment *segments;
	Plan *plan;
	Heads heads;
	float scale;
};

// Work is a piece of work: query rows of one head of a segment.
struct Work {
	Segment segment;
	int first, head; // first query row in the segment
};

template <int D, int Groups> struct Forward {
	static constexpr int rows = 64 * Groups;
	static constexpr int panels = D / 64;
	static constexpr int stages = 2;
	static constexpr int query_bytes = panels * panel_bytes(64);
	static constexpr int tile_bytes = panels * panel_bytes(keys_per_tile);
	using Tiles = Ring<stages, tile_bytes>;

	static constexpr int keys_at = 0;
	static constexpr int values_at = stages * tile_bytes;
	static constexpr int queries_at = 2 * stages * tile_bytes;
	static constexpr int out_at = queries_at + Groups * query_bytes;
	static constexpr int barriers_at = out_at + Groups * query_bytes;
	// barriers: keys full and empty, values full and empty, queries full and
	// empty of each group, work full and empty
	static constexpr int barriers = 4 * stages + 2 * Groups + 4;
	static constexpr int work_at = barriers_at + barriers * 8;
	static constexpr int shared = work_at + 16 + 1024; // + alignment

	uint32_t base; // of shared memory, 1024-byte aligned
	Tiles keys, values;
	int pieces; // done

	__device__ __forceinline__ Forward(uint32_t base) : base(base), pieces(0) {
		uint32_t at = base + barriers_at;
		keys = {base + keys_at, at, at + stages * 8, 0};
		values = {base + values_at, at + 2 * stages * 8, at + 3 * stages * 8, 0};
	}
	__device__ __forceinline__ uint32_t query_full(int group) const {
		return base + barriers_at + (4 * stages + group) * 8;
	}
	__device__ __forceinline__ uint32_t query_empty(int group) const { return query_full(group) + Groups * 8; }
	__device__ __forceinline__ uint32_t work_full(int slot) const {
		return base + barriers_at + (4 * stages + 2 * Groups + slot) * 8;
	}
	__device__ __forceinline__ uint32_t work_empty(int slot) const { return work_full(slot) + 16; }

	__device__ void init_barriers() const {
		for (int i = 0; i < stages; i++) {
			ptx::barrier_init(keys.full + i * 8, 1);
			ptx::barrier_init(values.full + i * 8, 1);
			ptx::barrier_init(keys.empty + i * 8, Groups * 4);
			ptx::barrier_init(values.empty + i * 8, Groups * 4);
		}
		for (int g = 0; g < Groups; g++) {
			ptx::barrier_init(query_full(g), 1);
			ptx::barrier_init(query_empty(g), 4);
		}
		for (int i = 0; i < 2; i++) {
			ptx::barrier_init(work_full(i), 1);
			ptx::barrier_init(work_empty(i), Groups * 128);
		}
		asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
	}

	static __device__ __forceinline__ Work piece(const Arguments &a, int ticket) {
		Plan::Tile t = a.plan->tiles()[ticket / a.heads.query];
		return {a.segments[t.segment], t.index * rows, ticket % a.heads.query};
	}
	// tiles returns the key tiles that query rows [first, first+count) see.
	static __device__ __forceinline__ int tiles(const Work &w, int first, int count) {
		int last = min(first + count, w.segment.len);
		return last <= first ? 0 : (w.segment.prefix_len + last + keys_per_tile - 1) / keys_per_tile;
	}

	// produce is the producer warp's part.
	__device__ void produce(const Arguments &a, const TensorMap *query_map, const TensorMap *key_map) {
		int lane = threadIdx.x % 32;
		int total = a.plan->count * a.heads.query;
		int ticket = lane == 0 ? atomicAdd(&a.plan->ticket, 1) : 0;
		for (;; pieces++) {
			ticket = __shfl_sync(~0u, ticket, 0);
			int slot = pieces & 1;
			ptx::barrier_wait(work_empty(slot), (pieces / 2 & 1) ^ 1);
			if (lane == 0) {
				asm volatile("st.shared.b32 [%0], %1;" ::"r"(base + work_at + slot * 4),
							 "r"(ticket < total ? ticket : -1)
							 : "memory");
				ptx::barrier_arrive(work_full(slot));
			}
			if (ticket >= total) {
				return;
			}
			Work w = piece(a, ticket);
			if (lane == 0) {
				ticket = atomicAdd(&a.plan->ticket, 1);
			}
			load(a, w, query_map, key_map);
		}
	}

	__device__ __forceinline__ void load(const Arguments &a, const Work &w, const TensorMap *query_map,
										 const TensorMap *key_map) {
		int kv = w.head / a.heads.group(), count = tiles(w, w.first, rows);
		for (int g = 0; g < Groups; g++) {
			ptx::barrier_wait(query_empty(g), (pieces & 1) ^ 1);
			if (threadIdx.x % 32 == 0) {
				ptx::barrier_expect(query_full(g), query_bytes);
				for (int p = 0; p < panels; p++) {
					ptx::load(base + queries_at + g * query_bytes + p * panel_bytes(64), query_map, query_full(g),
							  w.head * D + p * 64, w.segment.start + w.first + g * 64);
				}
			}
		}
		load_tile(a, w, keys, 0, a.heads.key_column(kv), key_map);
		for (int t = 0; t < count; t++) {
			if (t + 1 < count) {
				load_tile(a, w, keys, t + 1, a.heads.key_column(kv), key_map);
			}
			load_tile(a, w, values, t, a.heads.value_column(kv), key_map);
		}
	}

	// load_tile loads keys or values of tile t. A tile that holds the end of
	// the prefix or of the segment is gathered row by row.
	__device__ __forceinline__ void load_tile(const Arguments &a, const Work &w, Tiles &ring, int t, int column,
											  const TensorMap *map) {
		const Segment &s = w.segment;
		int first = t * keys_per_tile, last = first + keys_per_tile;
		ring.wait_empty();
		if (last <= s.prefix_len || (first >= s.prefix_len && last <= s.keys())) {
			if (threadIdx.x % 32 == 0) {
				ptx::barrier_expect(ring.full_barrier(), tile_bytes);
				for (int p = 0; p < panels; p++) {
					ptx::load(ring.stage() + p * panel_bytes(keys_per_tile), map, ring.full_barrier(), column + p * 64,
							  s.row(first));
				}
			}
		} else {
			gather<D>(ring.stage(), keys_per_tile, 0, 1, [&](int i) -> const __nv_bfloat16 * {
				return first + i < s.keys() ? a.qkv + s.row(first + i) * a.heads.packed() + column : nullptr;
			});
			ptx::copy_commit();
			ptx::copy_wait<0>();
			ptx::publish();
			__syncwarp();
			if (threadIdx.x % 32 == 0) {
				ptx::barrier_arrive(ring.full_barrier());
			}
		}
		ring.use++;
	}

	// Turns between the groups at the tensor cores, by named barriers 8 + g.
	static __device__ __forceinline__ void turn(int group) { ptx::named_sync(8 + group, 256); }
	static __device__ __forceinline__ void next_turn(int group) {
		ptx::named_arrive(8 + (group + 1 == Groups ? 0 : group + 1), 256);
	}

	// consume is warpgroup group's part.
	__device__ void consume(const Arguments &a, int group) {
		if (group == Groups - 1) {
			next_turn(group);
		}
		for (;; pieces++) {
			int slot = pieces & 1, ticket;
			ptx::barrier_wait(work_full(slot), pieces / 2 & 1);
			asm volatile("ld.shared.b32 %0, [%1];" : "=r"(ticket) : "r"(base + work_at + slot * 4) : "memory");
			ptx::barrier_arrive(work_empty(slot));
			if (ticket < 0) {
				return;
			}
			attend(a, piece(a, ptx::uniform(ticket)), group);
		}
	}

	__device__ __forceinline__ void attend(const Arguments &a, const Work &w, int group) {
		int first = w.first + group * 64;
		int count = ptx::uniform(tiles(w, w.first, rows)), mine = ptx::uniform(tiles(w, first, 64));
		int row = threadIdx.x % 128 / 32 * 16 + threadIdx.x % 32 / 4;
		int least = w.segment.prefix_len + first + 1; // keys that row 0 sees
		int seen[2] = {least + row, least + row + 8};
		float unit = a.scale * log2_e;
		Rows<D> r;
		r.reset();
		float scores[keys_per_tile / 2];
		uint32_t queries = base + queries_at + group * query_bytes;
		ptx::barrier_wait(query_full(group), pieces & 1);
		if (mine > 0) {
			keys.wait_full();
			ptx::mma_begin();
			score<D>(scores, queries, keys.stage());
			ptx::mma_wait<0>();
			ptx::hold(scores);
			keys.release();
			r.softmax(scores, 0, seen, keys_per_tile > least, unit);
			r.round(scores);
		}
		for (int t = 1; t < mine; t++) {
			keys.wait_full();
			turn(group);
			ptx::hold(scores);
			ptx::hold(r.out);
			ptx::mma_begin();
			score<D>(scores, queries, keys.stage());
			values.wait_full();
			weigh<D>(r, values.stage());
			next_turn(group);
			ptx::mma_wait<1>();
			ptx::hold(scores);
			keys.release();
			r.softmax(scores, t * keys_per_tile, seen, (t + 1) * keys_per_tile > least, unit);
			ptx::mma_wait<0>();
			ptx::hold(r.out);
			values.release();
			r.scale_out();
			r.round(scores);
		}
		if (threadIdx.x % 32 == 0) {
			ptx::barrier_arrive(query_empty(group));
		}
		if (mine > 0) {
			values.wait_full();
			ptx::hold(r.out);
			ptx::mma_begin();
			weigh<D>(r, values.stage());
			ptx::mma_wait<0>();
			ptx::hold(r.out);
			values.release();
		}
		skip(mine, count, group);
		if (mine > 0) {
			write(a, w, first, row, group, r);
		}
	}

	// skip passes over the tiles [from, to) that other groups need.
	__device__ __forceinline__ void skip(int from, int to, int group) {
		for (int t = from; t < to; t++) {
			if (t > 0) {
				turn(group);
				next_turn(group);
			}
			keys.wait_full();
			keys.release();
			values.wait_full();
			values.release();
		}
	}

	__device__ __forceinline__ void write(const Arguments &a, const Work &w, int first, int row, int group,
										  Rows<D> &r) {
		float lse[2];
		r.finish(a.scale, lse);
		int64_t start = w.segment.start + first;
		int count = min(64, w.segment.len - first);
		if (threadIdx.x % 4 == 0) {
			for (int i = 0; i < 2; i++) {
				if (row + 8 * i < count) {
					a.lse[(start + row + 8 * i) * a.heads.query + w.head] = lse[i];
				}
			}
		}
		uint32_t stage = base + out_at + group * query_bytes;
		ptx::group_sync(1 + group);
		store_rows<D>(r.out, stage);
		ptx::group_sync(1 + group);
		write_rows<D>(a.out + start * a.heads.out() + w.head * D, a.heads.out(), stage, count);
	}
};

template <int D, int Groups>
__device__ __forceinline__ void forward(const TensorMap *query_map, const TensorMap *key_map, const Arguments &a) {
	extern __shared__ uint8_t memory[];
	uint32_t base = (ptx::shared_address(memory) + 1023) & ~1023u;
	Forward<D, Groups> f(base);
	int group = ptx::uniform(threadIdx.x / 128);
	if (threadIdx.x == 0) {
		f.init_barriers();
	}
	__syncthreads();
	if (group == 0) {
		ptx::registers_shrink<Groups == 3 ? 32 : 40>();
		if (threadIdx.x < 32) {
			f.produce(a, query_map, key_map);
		}
	} else {
		ptx::registers_grow<Groups == 3 ? 160 : 232>();
		f.consume(a, group - 1);
	}
}

} // namespace

#define FORWARD(NAME, D, GROUPS)                                                                                       \
	extern "C" __global__ void __launch_bounds__(128 * (GROUPS + 1), 1)                                                \
		NAME(const __grid_constant__ TensorMap query_map, const __grid_constant__ TensorMap key_map,                   \
			 __nv_bfloat16 *out, float *lse, const __nv_bfloat16 *qkv, const Segment *segments, Plan *plan, int query, \
			 int key, float scale) {                                                                                   \
		forward<D, GROUPS>(&query_map, &key_map,                                                                       \
						   Arguments{out, lse, qkv, segments, plan, Heads{query, key, D}, scale});                     \
	}

FORWARD(forward64, 64, 3)
FORWARD(forward128, 128, 2)
