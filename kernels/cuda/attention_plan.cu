// The work list of packed attention: a counting sort of tiles by cost, largest
// first, since blocks take them in order.
#include "attention.cuh"

using attention::Plan;
using attention::Segment;

namespace {

constexpr int threads = 1024;
constexpr int costs = 4096;

// key returns the place of a tile in the order. Forward, that is by the keys
// that it sees. Backward, a tile is of keys, and by the queries after it:
// tiles of one segment come in ascending order, and those of segments that
// others may refer to come before the others', so that no tile waits for one
// that comes later.
template <bool Backward> __device__ int key(const Segment &s, int tile, int rows) {
	if (Backward) {
		int left = (s.len + rows - 1) / rows - tile;
		return costs - min(left, costs) + (s.prefix_len > 0 ? costs : 0);
	}
	int seen = s.prefix_len + min((tile + 1) * rows, s.len);
	return costs - min((seen + attention::keys_per_tile - 1) / attention::keys_per_tile, costs);
}

template <bool Backward> __device__ void plan(const Segment *segments, int count, int rows, Plan *out) {
	constexpr int each = 2 * costs / threads;
	__shared__ int places[2 * costs];
	__shared__ int sums[threads / 32];
	int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
	for (int i = threadIdx.x; i < 2 * costs; i += threads) {
		places[i] = 0;
	}
	__syncthreads();
	int prefixes = 0;
	for (int i = warp; i < count; i += threads / 32) {
		Segment s = segments[i];
		prefixes += s.len > 0 && s.prefix_len > 0;
		for (int tile = lane; tile * rows < s.len; tile += 32) {
			atomicAdd(&places[key<Backward>(s, tile, rows)], 1);
		}
	}
	prefixes = __syncthreads_count(prefixes);
	int sum = 0;
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
	if (threadIdx.x == threads - 1) {
		out->count = before;
		out->ticket = 0;
		out->prefixes = prefixes;
	}
	__syncthreads();
	for (int i = warp; i < count; i += threads / 32) {
		Segment s = segments[i];
		for (int tile = lane; tile * rows < s.len; tile += 32) {
			out->tiles()[atomicAdd(&places[key<Backward>(s, tile, rows)], 1)] = {i, tile};
		}
	}
}

} // namespace

extern "C" __global__ void __launch_bounds__(threads) forward(const Segment *segments, int count, int rows, Plan *out) {
	plan<false>(segments, count, rows, out);
}

extern "C" __global__ void __launch_bounds__(threads) backward(const Segment *segments, int count, int rows, Plan *out) {
	plan<true>(segments, count, rows, out);
}
