// What the parts of a matrix product share: the compiled variants, the problem,
// and the order in which its tiles are taken.
#pragma once
#include "wgmma.cuh"

namespace gemm {

enum Form { NT, NN, TN };

constexpr int depth = 64;        // reduced index of a stage: one 128-byte row
constexpr int panelBytes = 8192; // 64 rows of 128 bytes

// Kernel is one compiled variant. A stage holds Blocks times depth of the reduced
// index; more than one where chains of small wgmma would wait for barriers. With
// Tma the copy engine loads both operands and, for BM = 128, stores the output;
// otherwise threads do, for row strides and addresses that are not multiples of
// 16 bytes.
template <Form F, int BM, int BN, int Stages, int Blocks, int Cluster, typename Out, bool Tma> struct Kernel {
	static constexpr int consumers = BM / 64;
	static constexpr int threads = 128 * (consumers + 1);
	static constexpr int majorA = F == TN, majorB = F != NT;
	static constexpr int panelsB = (BN + 63) / 64; // of b where majorB
	static constexpr int aBytes = BM * depth * 2, bBytes = majorB ? panelsB * panelBytes : BN * depth * 2;
	static constexpr int blockBytes = aBytes + bBytes, stageBytes = Blocks * blockBytes;
	static constexpr bool staged = BM == 128;
	static constexpr int ringBytes = staged ? consumers * 2 * panelBytes : 0;
	static constexpr int sharedBytes = Stages * stageBytes + ringBytes + 2 * Stages * 8;
	static_assert(sharedBytes <= 232448 && (F == NT || BN >= 64) && (Tma || Cluster * Blocks == 1));
};

// panelCols are the columns that go through shared memory together: 128 bytes of
// each row, or 64 where the tile's width asks for it.
template <int BN, typename Out> constexpr int panelCols = BN * sizeof(Out) % 128 ? 64 / sizeof(Out) : 128 / sizeof(Out);

// Problem is what the kernels are launched with, beside the tensor maps.
struct Problem {
	const __nv_bfloat16 *a, *b;
	void *out;
	const __nv_bfloat16 *bias; // by column of out, or null
	int64_t strideA, strideB, strideOut;
	int m, n, k;
	int band;       // rows of tiles, over the cluster, taken together
	int splits;     // parts of k that are added to out in ascending order
	int accumulate; // add to out: float32 only
	int boxRows;    // rows of a that the copy engine loads, where TN is not the form
	int partRows;   // where not 0, out is a stack of parts of so many rows
};

// Unit is one tile of the output, over one part of the reduced index.
struct Unit {
	int row, col, tile, split, firstBlock, endBlock;
};

// Schedule numbers the units: parts outermost, then bands of rows of tiles, in a
// band column by column.
template <int BM, int BN, int Cluster> struct Schedule {
	int rows, cols, band, blocks, perSplit, units;

	__device__ __forceinline__ explicit Schedule(const Problem &p) {
		rows = (p.m + BM * Cluster - 1) / (BM * Cluster);
		cols = (p.n + BN - 1) / BN;
		band = p.band;
		blocks = (p.k + depth - 1) / depth;
		perSplit = (blocks + p.splits - 1) / p.splits;
		units = rows * cols * p.splits;
	}

	__device__ __forceinline__ Unit unit(int index, int rank) const {
		Unit u;
		u.split = index / (rows * cols);
		int t = index - u.split * rows * cols;
		int first = t / (band * cols) * band;
		int height = min(band, rows - first);
		int in = t - first * cols;
		int col = in / height;
		int row = (first + in - col * height) * Cluster + rank;
		u.row = row * BM;
		u.col = col * BN;
		u.tile = row * cols + col;
		u.firstBlock = u.split * perSplit;
		u.endBlock = min(u.firstBlock + perSplit, blocks);
		return u;
	}
};

// Ring walks the stages; parity changes with every lap.
template <int Stages> struct Ring {
	int stage = 0;
	uint32_t parity = 0;

	__device__ __forceinline__ void next() {
		if (++stage == Stages) {
			stage = 0;
			parity ^= 1;
		}
	}
};

} // namespace gemm
