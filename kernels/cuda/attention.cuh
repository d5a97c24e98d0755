// What all attention kernels share: segments, the work list of the packed
// kernels, and which memory holds a key.
#pragma once
#include "hopper.cuh"

namespace attention {

// Segment is kernels.Segment as a device reads it.
struct alignas(16) Segment {
	int start, len, prefix_start, prefix_len;

	__device__ int keys() const { return prefix_len + len; }
	// row returns the packed row of a key by its position.
	__device__ int row(int position) const {
		return position < prefix_len ? prefix_start + position : start + position - prefix_len;
	}
};

// Heads is the shape of attention.
struct Heads {
	int query, key, width;

	__device__ int group() const { return query / key; }
	__device__ int64_t packed() const { return int64_t(query + 2 * key) * width; }
	__device__ int64_t out() const { return int64_t(query) * width; }
	// key_column and value_column return where key head h and its values begin
	// in a packed row.
	__device__ int key_column(int h) const { return (query + h) * width; }
	__device__ int value_column(int h) const { return (query + key + h) * width; }
};

// keys_per_tile is the keys that online softmax takes at a time, counted from
// position 0 of what a row sees. It is part of the numerics: a row's result is
// the same bits in every kernel because the tiles are.
constexpr int keys_per_tile = 128;

// Plan is the work list of a packed kernel: tiles of segments in the order in
// which blocks take them, of queries and for all heads in the forward pass, of
// keys and for one key head in the backward pass.
struct Plan {
	int count;    // tiles
	int ticket;   // the next piece of work, taken with atomicAdd
	int prefixes; // segments that have a prefix
	int unused;

	struct Tile {
		int segment, index; // backward, tile·KeyValue + head
	};
	__device__ Tile *tiles() { return reinterpret_cast<Tile *>(this + 1); }
};

constexpr float log2_e = 1.4426950408889634f;
constexpr float ln_2 = 0.6931471805599453f;

} // namespace attention
