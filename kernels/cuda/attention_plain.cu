// Attention for any head width up to 256, one warp a row: the path of widths
// that have no kernel of their own. Packed and cached rows run the same code.
#include "attention_plain.cuh"

using namespace attention;

namespace {

constexpr int warps = 8;

// PackedKeys finds keys in the packed batch.
struct PackedKeys {
	const __nv_bfloat16 *qkv;
	Segment segment;
	int64_t stride;
	int key_column, value_column;

	__device__ const __nv_bfloat16 *key(int p) const { return qkv + segment.row(p) * stride + key_column; }
	__device__ const __nv_bfloat16 *value(int p) const { return qkv + segment.row(p) * stride + value_column; }
};

// find returns the segment that holds a row, of Len 0 where none does. All
// lanes of a warp call it.
__device__ Segment find(const Segment *segments, int count, int row) {
	for (int i = 0; i < count; i += 32) {
		int at = min(i + int(threadIdx.x) % 32, count - 1);
		Segment s = segments[at];
		unsigned holds = __ballot_sync(~0u, row >= s.start && row < s.start + s.len);
		if (holds) {
			return segments[min(i + __ffs(holds) - 1, count - 1)];
		}
	}
	return {0, 0, 0, 0};
}

} // namespace

extern "C" __global__ void __launch_bounds__(warps * 32)
	forward(__nv_bfloat16 *out, float *lse, const __nv_bfloat16 *qkv, const Segment *segments, int count, int rows,
			int query, int key, int width, float scale) {
	__shared__ float room[warps][max_width];
	Heads heads{query, key, width};
	int row = (blockIdx.x * warps + threadIdx.x / 32) / query, head = (blockIdx.x * warps + threadIdx.x / 32) % query;
	if (row >= rows) {
		return;
	}
	Segment s = find(segments, count, row);
	if (s.len == 0) {
		return;
	}
	int kv = head / heads.group();
	PackedKeys keys{qkv, s, heads.packed(), heads.key_column(kv), heads.value_column(kv)};
	float sum = attend_row(out + row * heads.out() + head * width, qkv + row * heads.packed() + head * width, keys,
						   s.prefix_len + row - s.start + 1, width, scale, room[threadIdx.x / 32]);
	if (threadIdx.x % 32 == 0) {
		lse[int64_t(row) * query + head] = sum;
	}
}

// cached is AttendCached: see kernels.CacheTable. One warp a row and head.
extern "C" __global__ void __launch_bounds__(warps * 32)
	cached(__nv_bfloat16 *out, const __nv_bfloat16 *qkv, const __nv_bfloat16 *layer, const int *tables, int table_width,
		   int rows, int query, int key, int width, int page_tokens, float scale) {
	__shared__ float room[warps][max_width];
	Heads heads{query, key, width};
	int row = (blockIdx.x * warps + threadIdx.x / 32) / query, head = (blockIdx.x * warps + threadIdx.x / 32) % query;
	if (row >= rows) {
		return;
	}
	const int *table = tables + int64_t(row) * table_width;
	if (table[1] == 0) {
		return;
	}
	Pages keys{layer, table, heads, page_tokens, head / heads.group()};
	attend_row(out + row * heads.out() + head * width, qkv + row * heads.packed() + head * width, keys, table[1], width,
			   scale, room[threadIdx.x / 32]);
}

// store is CacheStore: one warp a row copies its keys and values.
extern "C" __global__ void __launch_bounds__(warps * 32)
	store(__nv_bfloat16 *layer, const __nv_bfloat16 *qkv, const int *slots, int rows, int query, int key, int width,
		  int page_tokens) {
	Heads heads{query, key, width};
	int row = blockIdx.x * warps + threadIdx.x / 32;
	if (row >= rows || slots[row] < 0) {
		return;
	}
	int page = slots[row] / page_tokens, offset = slots[row] % page_tokens;
	const __nv_bfloat16 *from = qkv + row * heads.packed() + query * width;
	for (int i = threadIdx.x % 32; i < 2 * key * width; i += 32) {
		layer[page_offset(heads, page_tokens, page, i / width) + offset * width + i % width] = from[i];
	}
}

namespace {

// Gradients of one score: recomputes the weight of a query and a key, and the
// derivative by the scaled score.
struct Pair {
	float weight, by_score;

	__device__ Pair(float score, float by_weight, float lse, float delta, float scale) {
		weight = expf(fmaf(score, scale, -lse));
		by_score = weight * (by_weight - delta) * scale;
	}
};

__device__ float dot(const float *a, const __nv_bfloat16 *b, int n) {
	float sum = 0;
	for (int i = 0; i < n; i++) {
		sum = fmaf(a[i], __bfloat162float(b[i]), sum);
	}
	return sum;
}

// read puts n elements where all lanes of the warp see them.
__device__ void read(float *to, const __nv_bfloat16 *from, int n) {
	for (int i = threadIdx.x % 32; i < n; i += 32) {
		to[i] = __bfloat162float(from[i]);
	}
	__syncwarp();
}

} // namespace

// gradient_queries sets the queries' part of dqkv, and delta to the sums of
// dOut·out of each row and head.
extern "C" __global__ void __launch_bounds__(warps * 32)
	gradient_queries(__nv_bfloat16 *dqkv, float *delta, const __nv_bfloat16 *dout, const __nv_bfloat16 *out,
					 const float *lse, const __nv_bfloat16 *qkv, const Segment *segments, int count, int rows, int query,
					 int key, int width, float scale) {
	__shared__ float room[warps][2 * max_width];
	float *q = room[threadIdx.x / 32], *d = q + max_width;
	Heads heads{query, key, width};
	int lane = threadIdx.x % 32;
	int row = (blockIdx.x * warps + threadIdx.x / 32) / query, head = (blockIdx.x * warps + threadIdx.x / 32) % query;
	if (row >= rows) {
		return;
	}
	int64_t at = int64_t(row) * query + head;
	Segment s = find(segments, count, row);
	__nv_bfloat16 *to = dqkv + row * heads.packed() + head * width;
	float sums[max_width / 32] = {};
	if (s.len > 0) {
		read(q, qkv + row * heads.packed() + head * width, width);
		read(d, dout + at * width, width);
		float sum = 0;
		for (int i = lane; i < width; i += 32) {
			sum = fmaf(d[i], __bfloat162float(out[at * width + i]), sum);
		}
		sum = warp_sum(sum);
		if (lane == 0) {
			delta[at] = sum;
		}
		int kv = head / heads.group(), seen = s.prefix_len + row - s.start + 1;
		PackedKeys keys{qkv, s, heads.packed(), heads.key_column(kv), heads.value_column(kv)};
		for (int first = 0; first < seen; first += 32) {
			float by_score = 0;
			if (first + lane < seen) {
				by_score = Pair(dot(q, keys.key(first + lane), width), dot(d, keys.value(first + lane), width), lse[at],
								sum, scale)
							   .by_score;
			}
			for (int j = 0; j < min(32, seen - first); j++) {
				add_scaled(sums, keys.key(first + j), __shfl_sync(~0u, by_score, j), width);
			}
		}
	}
	write_row(to, sums, 1, width);
}

// gradient_keys sets the keys' and values' part of dqkv, one warp a row and key
// head: over its own segment, then over those that have it in their prefix, in
// their order; over query heads; over rows.
extern "C" __global__ void __launch_bounds__(warps * 32)
	gradient_keys(__nv_bfloat16 *dqkv, const float *delta, const __nv_bfloat16 *dout, const float *lse,
				  const __nv_bfloat16 *qkv, const Segment *segments, int count, int rows, int query, int key, int width,
				  float scale) {
	__shared__ float room[warps][2 * max_width];
	float *k = room[threadIdx.x / 32], *v = k + max_width;
	Heads heads{query, key, width};
	int lane = threadIdx.x % 32;
	int row = (blockIdx.x * warps + threadIdx.x / 32) / key, kv = (blockIdx.x * warps + threadIdx.x / 32) % key;
	if (row >= rows) {
		return;
	}
	const __nv_bfloat16 *from = qkv + row * heads.packed();
	read(k, from + heads.key_column(kv), width);
	read(v, from + heads.value_column(kv), width);
	float dkey[max_width / 32] = {}, dvalue[max_width / 32] = {};
	for (int c = 0; c < count; c++) {
		Segment s = segments[c];
		bool own = row >= s.start && row < s.start + s.len;
		bool prefix = row >= s.prefix_start && row < s.prefix_start + s.prefix_len;
		if (!own && !prefix) {
			continue;
		}
		int skip = own ? row - s.start : 0; // queries before the key
		for (int h = kv * heads.group(); h < (kv + 1) * heads.group(); h++) {
			for (int first = skip; first < s.len; first += 32) {
				Pair p(0, 0, INFINITY, 0, scale);
				int64_t r = s.start + first;
				if (first + lane < s.len) {
					int64_t at = (r + lane) * query + h;
					p = Pair(dot(k, qkv + (r + lane) * heads.packed() + h * width, width), dot(v, dout + at * width, width),
							 lse[at], delta[at], scale);
				}
				for (int j = 0; j < min(32, s.len - first); j++) {
					add_scaled(dkey, qkv + (r + j) * heads.packed() + h * width, __shfl_sync(~0u, p.by_score, j), width);
					add_scaled(dvalue, dout + ((r + j) * query + h) * width, __shfl_sync(~0u, p.weight, j), width);
				}
			}
		}
	}
	write_row(dqkv + row * heads.packed() + heads.key_column(kv), dkey, 1, width);
	write_row(dqkv + row * heads.packed() + heads.value_column(kv), dvalue, 1, width);
}
