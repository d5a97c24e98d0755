// Attention over the paged cache, head widths 64 and 128: a block for a row of
// the batch and a key head, whose query heads are the rows of a tile.
#include "attention_plain.cuh"
#include "attention_softmax.cuh"

using namespace attention;

namespace {

struct Arguments {
	__nv_bfloat16 *out;
	const __nv_bfloat16 *qkv;
	const __nv_bfloat16 *layer;
	const int *table; // of this row
	Heads heads;
	int page_tokens;
	float scale;
};

// Item is a row of the batch, a key head, and the query heads [first, last).
struct Item {
	int row, kv, first, last;
};

template <int D> struct Cached {
	static constexpr int panels = D / 64;
	static constexpr int stages = 2;
	static constexpr int query_bytes = panels * panel_bytes(64);
	static constexpr int tile_bytes = panels * panel_bytes(keys_per_tile);
	static constexpr int values_at = stages * tile_bytes;
	static constexpr int queries_at = 2 * stages * tile_bytes;
	static constexpr int barriers_at = queries_at + query_bytes;
	using Tiles = Ring<stages, tile_bytes>;

	uint32_t base;
	Tiles keys, values;
	uint32_t copied; // barrier of the tile that is being copied, or 0

	__device__ __forceinline__ Cached(uint32_t base) : base(base), copied(0) {
		uint32_t at = base + barriers_at;
		keys = {base, at, at + stages * 8, 0};
		values = {base + values_at, at + 2 * stages * 8, at + 3 * stages * 8, 0};
	}

	__device__ void init_barriers() const {
		for (int i = 0; i < stages; i++) {
			ptx::barrier_init(keys.full + i * 8, 4);
			ptx::barrier_init(values.full + i * 8, 4);
			ptx::barrier_init(keys.empty + i * 8, 4);
			ptx::barrier_init(values.empty + i * 8, 4);
		}
		asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
	}

	// load_tile starts the copy of a quarter of tile t of a head's keys or
	// values, zeros behind length, and announces the tile before.
	__device__ __forceinline__ void load_tile(const Pages &pages, Tiles &ring, int t, int head, int length) {
		ring.wait_empty();
		gather<D>(ring.stage(), keys_per_tile, threadIdx.x / 32, 4, [&](int i) -> const __nv_bfloat16 * {
			int position = t * keys_per_tile + i;
			return position < length ? pages.slot(position, head) : nullptr;
		});
		ptx::copy_commit();
		ptx::copy_wait<1>();
		announce(ring.full_barrier());
		ring.use++;
	}

	// announce counts at the barrier of the tile whose copies are done, and
	// remembers that of the next.
	__device__ __forceinline__ void announce(uint32_t next) {
		ptx::publish();
		__syncwarp();
		if (threadIdx.x % 32 == 0 && copied != 0) {
			ptx::barrier_arrive(copied);
		}
		copied = next;
	}

	__device__ void produce(const Arguments &a, const Item &w, int length) {
		Pages pages{a.layer, a.table, a.heads, a.page_tokens, w.kv};
		int count = (length + keys_per_tile - 1) / keys_per_tile;
		load_tile(pages, keys, 0, w.kv, length);
		for (int t = 0; t < count; t++) {
			if (t + 1 < count) {
				load_tile(pages, keys, t + 1, w.kv, length);
			}
			load_tile(pages, values, t, a.heads.key + w.kv, length);
		}
		ptx::copy_wait<0>();
		announce(0);
	}

	__device__ void consume(const Arguments &a, const Item &w, int length) {
		uint32_t queries = base + queries_at;
		const __nv_bfloat16 *from = a.qkv + w.row * a.heads.packed() + w.first * D;
		gather<D>(queries, 64, threadIdx.x / 32 % 4, 4, [&](int i) -> const __nv_bfloat16 * {
			return i < w.last - w.first ? from + i * D : nullptr;
		});
		ptx::copy_commit();
		ptx::copy_wait<0>();
		ptx::publish();
		ptx::group_sync(1);
		int count = (length + keys_per_tile - 1) / keys_per_tile;
		int seen[2] = {length, length};
		float unit = a.scale * log2_e;
		Rows<D> r;
		r.reset();
		float scores[keys_per_tile / 2];
		for (int t = 0; t < count; t++) {
			keys.wait_full();
			ptx::mma_begin();
			score<D>(scores, queries, keys.stage());
			ptx::mma_wait<0>();
			ptx::hold(scores);
			keys.release();
			r.softmax(scores, t * keys_per_tile, seen, (t + 1) * keys_per_tile > length, unit);
			r.scale_out();
			r.round(scores);
			values.wait_full();
			ptx::hold(r.out);
			ptx::mma_begin();
			weigh<D>(r, values.stage());
			ptx::mma_wait<0>();
			ptx::hold(r.out);
			values.release();
		}
		float lse[2];
		r.finish(a.scale, lse);
		ptx::group_sync(1);
		store_rows<D>(r.out, queries);
		ptx::group_sync(1);
		write_rows<D>(a.out + w.row * a.heads.out() + w.first * D, D, queries, w.last - w.first);
	}
};

template <int D>
__device__ __forceinline__ void cached(Arguments a, int table_width) {
	extern __shared__ uint8_t memory[];
	Item w;
	w.row = blockIdx.x;
	w.kv = blockIdx.y;
	w.first = w.kv * a.heads.group() + blockIdx.z * 64;
	w.last = min(w.first + 64, (w.kv + 1) * a.heads.group());
	a.table += int64_t(w.row) * table_width;
	int length = ptx::uniform(a.table[1]);
	if (length == 0) {
		return;
	}
	Cached<D> c((ptx::shared_address(memory) + 1023) & ~1023u);
	if (threadIdx.x == 0) {
		c.init_barriers();
	}
	__syncthreads();
	if (ptx::uniform(threadIdx.x / 128) == 0) {
		ptx::registers_shrink<56>();
		c.produce(a, w, length);
	} else {
		ptx::registers_grow<200>();
		c.consume(a, w, length);
	}
}

} // namespace

#define CACHED(NAME, D)                                                                                                \
	extern "C" __global__ void __launch_bounds__(256, 2)                                                               \
		NAME(__nv_bfloat16 *out, const __nv_bfloat16 *qkv, const __nv_bfloat16 *layer, const int *tables,              \
			 int table_width, int query, int key, int page_tokens, float scale) {                                      \
		cached<D>(Arguments{out, qkv, layer, tables, Heads{query, key, D}, page_tokens, scale}, table_width);          \
	}

CACHED(cached64, 64)
CACHED(cached128, 128)
