// The work lists of packed attention, made by one block: a counting sort by
// cost, largest first, since blocks take work in order.
#include "attention.cuh"

using attention::Plan;
using attention::Segment;

namespace {

constexpr int threads = 1024;
constexpr int costs = 4096;
constexpr int each = 2 * costs / threads;

// count_up turns counts by key into the places where each key begins, and
// returns the sum in the last thread.
__device__ int count_up(int (&places)[2 * costs]) {
	__shared__ int sums[threads / 32];
	int lane = threadIdx.x % 32, warp = threadIdx.x / 32, sum = 0;
	__syncthreads();
	for (int i = 0; i < each; i++) {
		sum += places[threadIdx.x * each + i];
	}
	int before = sum;
	for (int d = 1; d < 32; d *= 2) {
		int v = __shfl_up_sync(~0u, before, d);
		before += lane >= d ? v : 0;
	}
	if (lane == 31) {
		sums[warp] = before;
	}
	__syncthreads();
	before -= sum;
	for (int i = 0; i < warp; i++) {
		before += sums[i];
	}
	for (int i = 0; i < each; i++) {
		int n = places[threadIdx.x * each + i];
		places[threadIdx.x * each + i] = before;
		before += n;
	}
	__syncthreads();
	return before;
}

__device__ void clear(int (&places)[2 * costs]) {
	for (int i = threadIdx.x; i < 2 * costs; i += threads) {
		places[i] = 0;
	}
	__syncthreads();
}

// by_keys is the key of a tile of rows queries in the forward pass: by the
// keys that it sees.
__device__ int by_keys(const Segment &s, int tile, int rows) {
	int seen = s.prefix_len + min((tile + 1) * rows, s.len);
	return costs - min((seen + attention::keys_per_tile - 1) / attention::keys_per_tile, costs);
}

// tiles_of returns the tiles of keys of a segment.
__device__ int tiles_of(const Segment &s) { return (s.len + attention::keys_per_tile - 1) / attention::keys_per_tile; }

// by_length is the key of segment i in the backward pass. Segments that others
// may refer to come first, the longest before the others; those that refer to
// them follow as they are listed, which is the order in which their prefix is
// done with them.
__device__ int by_length(const Segment &s, int i) {
	return s.prefix_len > 0 ? costs + min(i, costs - 1) : costs - min(tiles_of(s), costs);
}

// cover sets a bit for each row that lies in a segment.
__device__ void cover(const Segment *segments, int count, unsigned *covered, int rows) {
	int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
	for (int i = threadIdx.x; i < (rows + 31) / 32; i += threads) {
		covered[i] = 0;
	}
	__syncthreads();
	for (int i = warp; i < count; i += threads / 32) {
		Segment s = segments[i];
		int end = s.start + s.len;
		for (int word = s.start / 32 + lane; word * 32 < end; word += 32) {
			unsigned from = word * 32 < s.start ? s.start % 32 : 0, to = min(end - word * 32, 32);
			atomicOr(&covered[word], (to == 32 ? ~0u : (1u << to) - 1) & ~0u << from);
		}
	}
}

} // namespace

// forward lists tiles of rows queries, each for all heads.
extern "C" __global__ void __launch_bounds__(threads) forward(const Segment *segments, int count, int rows, Plan *out) {
	__shared__ int places[2 * costs];
	int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
	clear(places);
	for (int i = warp; i < count; i += threads / 32) {
		Segment s = segments[i];
		for (int tile = lane; tile * rows < s.len; tile += 32) {
			atomicAdd(&places[by_keys(s, tile, rows)], 1);
		}
	}
	int sum = count_up(places);
	if (threadIdx.x == threads - 1) {
		*out = {sum, 0, 0, 0};
	}
	for (int i = warp; i < count; i += threads / 32) {
		Segment s = segments[i];
		for (int tile = lane; tile * rows < s.len; tile += 32) {
			out->tiles()[atomicAdd(&places[by_keys(s, tile, rows)], 1)] = {i, tile};
		}
	}
}

// backward lists tiles of keys of each key head, those of one segment together
// and ascending, the order in which they add to dQ, which is also that of their
// cost. It also sets covered, a bit for each of the packed rows that a segment has.
extern "C" __global__ void __launch_bounds__(threads)
	backward(const Segment *segments, int count, int heads, Plan *out, unsigned *covered, int packed_rows) {
	__shared__ int places[2 * costs];
	int lane = threadIdx.x % 32, warp = threadIdx.x / 32, prefixes = 0;
	cover(segments, count, covered, packed_rows);
	clear(places);
	for (int i = warp; i < count; i += threads / 32) {
		Segment s = segments[i];
		prefixes += s.len > 0 && s.prefix_len > 0;
		if (lane == 0 && s.len > 0) {
			atomicAdd(&places[by_length(s, i)], tiles_of(s) * heads);
		}
	}
	prefixes = __syncthreads_count(prefixes);
	int sum = count_up(places);
	if (threadIdx.x == threads - 1) {
		*out = {sum, 0, prefixes, 0};
	}
	for (int i = warp; i < count; i += threads / 32) {
		Segment s = segments[i];
		int tiles = tiles_of(s), at = lane == 0 && s.len > 0 ? atomicAdd(&places[by_length(s, i)], tiles * heads) : 0;
		at = __shfl_sync(~0u, at, 0);
		for (int j = lane; j < tiles * heads; j += 32) {
			out->tiles()[at + j] = {i, j};
		}
	}
}
