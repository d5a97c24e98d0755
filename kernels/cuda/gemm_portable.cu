// Matrix products on any card, where the kernels for Hopper do not run:
//
//	nt: out[M,N] = a[M,K]·b[N,K]ᵀ
//	nn: out[M,N] = a[M,K]·b[K,N]
//	tn: out[M,N] = a[K,M]ᵀ·b[K,N]
//
// A block of eight warps has a tile of 128 by 128 and keeps one stage of 32 of
// the reduced index in shared memory while the next is on its way to registers.
// Every output element is one chain of mma over ascending groups of 16 of the
// reduced index, zeros after its end, whatever the shape.
#include "element.cuh"

namespace {

constexpr int tile = 128, depth = 32, threads = 256;
constexpr int pieces = tile * depth / packed / threads; // packs that a thread loads of an operand

enum Form { NT, NN, TN };

// Stage is one operand's part in shared memory. Rows are those of memory: of the
// output's index, or of the reduced one where across. Padding keeps eight rows of
// a matrix in different banks.
template <bool across> struct Stage {
    static constexpr int rows = across ? depth : tile, width = across ? tile : depth, stride = width + packed;

    alignas(16) bf16 at[rows * stride];

    // fetch loads the thread's packs of the part that begins at index first and
    // at k, zeros outside of the operand's size and of the reduced index's end.
    static __device__ __forceinline__ void fetch(Pack (&to)[pieces], const bf16 *from, int64_t rowStride, int first,
                                                 int size, int k, int end) {
        const bool whole = reinterpret_cast<uintptr_t>(from) % 16 == 0 && rowStride % packed == 0;
#pragma unroll
        for (int i = 0; i < pieces; i++) {
            const int at = threadIdx.x + i * threads;
            const int row = (across ? k : first) + at / (width / packed), rowEnd = across ? end : size;
            const int column = (across ? first : k) + at % (width / packed) * packed, columnEnd = across ? size : end;
            const bf16 *source = from + row * rowStride;
            if (row >= rowEnd || column >= columnEnd) {
                to[i] = make_uint4(0, 0, 0, 0);
            } else if (whole && column + packed <= columnEnd) {
                to[i] = load<true>(source, column, columnEnd);
            } else {
                to[i] = load<false>(source, column, columnEnd);
            }
        }
    }

    __device__ __forceinline__ void put(const Pack (&from)[pieces]) {
#pragma unroll
        for (int i = 0; i < pieces; i++) {
            const int chunk = threadIdx.x + i * threads;
            *reinterpret_cast<Pack *>(at + chunk / (width / packed) * stride + chunk % (width / packed) * packed) = from[i];
        }
    }

    // matrices loads four 8 by 8 matrices: two neighbors by the output's index for
    // each of two by the reduced one, the former counted first where outerFirst.
    template <bool outerFirst>
    __device__ __forceinline__ void matrices(uint32_t (&to)[4], int index, int k) const {
        const int lane = threadIdx.x % warpSize_, matrix = lane / 8, within = lane % 8;
        const int outer = index + (outerFirst ? matrix % 2 : matrix / 2) * 8;
        const int inner = k + (outerFirst ? matrix / 2 : matrix % 2) * 8;
        const bf16 *row = across ? at + (inner + within) * stride + outer : at + (outer + within) * stride + inner;
        const uint32_t address = uint32_t(__cvta_generic_to_shared(row));
        if constexpr (across) {
            asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                         : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                         : "r"(address)
                         : "memory");
        } else {
            asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                         : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                         : "r"(address)
                         : "memory");
        }
    }
};

// multiply adds the product of a 16 by 16 and a 16 by 8 matrix to d.
__device__ __forceinline__ void multiply(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
                 "{%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

struct Problem {
    const bf16 *a, *b, *bias; // bias by column of out, or null
    int64_t strideA, strideB, strideOut;
    int m, n, k, accumulate;
};

// write stores one element of out.
__device__ __forceinline__ void write(bf16 *out, const Problem &p, int row, int column, float v) {
    if (row < p.m && column < p.n) {
        const float shift = p.bias ? __bfloat162float(p.bias[column]) : 0.f;
        out[row * p.strideOut + column] = __float2bfloat16_rn(v + shift);
    }
}
__device__ __forceinline__ void write(float *out, const Problem &p, int row, int column, float v) {
    if (row < p.m && column < p.n) {
        float &to = out[row * p.strideOut + column];
        to = p.accumulate ? to + v : v;
    }
}

// Warps lie two by four in the tile: each has 64 rows and 32 columns.
constexpr int warpRows = 64, warpColumns = 32;

template <Form form, class Out> __device__ __forceinline__ void product(Out *out, const Problem &p) {
    using StageA = Stage<form == TN>;
    using StageB = Stage<form != NT>;
    __shared__ StageA stageA;
    __shared__ StageB stageB;
    const int firstRow = blockIdx.x * tile, firstColumn = blockIdx.y * tile;
    const int warp = threadIdx.x / warpSize_, row = warp / 4 * warpRows, column = warp % 4 * warpColumns;
    float sums[warpRows / 16][warpColumns / 8][4] = {};
    Pack nextA[pieces], nextB[pieces];
    const auto fetch = [&](int k) {
        StageA::fetch(nextA, p.a, p.strideA, firstRow, p.m, k, p.k);
        StageB::fetch(nextB, p.b, p.strideB, firstColumn, p.n, k, p.k);
    };
    fetch(0);
    for (int k = 0; k < p.k; k += depth) {
        stageA.put(nextA);
        stageB.put(nextB);
        __syncthreads();
        if (k + depth < p.k) {
            fetch(k + depth);
        }
#pragma unroll
        for (int step = 0; step < depth; step += 16) {
            uint32_t a[warpRows / 16][4], b[warpColumns / 16][4];
#pragma unroll
            for (int i = 0; i < warpRows / 16; i++) {
                stageA.template matrices<true>(a[i], row + 16 * i, step);
            }
#pragma unroll
            for (int j = 0; j < warpColumns / 16; j++) {
                stageB.template matrices<false>(b[j], column + 16 * j, step);
            }
#pragma unroll
            for (int i = 0; i < warpRows / 16; i++) {
#pragma unroll
                for (int j = 0; j < warpColumns / 8; j++) {
                    multiply(sums[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
                }
            }
        }
        __syncthreads();
    }
    const int lane = threadIdx.x % warpSize_;
#pragma unroll
    for (int i = 0; i < warpRows / 16; i++) {
#pragma unroll
        for (int j = 0; j < warpColumns / 8; j++) {
#pragma unroll
            for (int e = 0; e < 4; e++) {
                write(out, p, firstRow + row + 16 * i + lane / 4 + e / 2 * 8,
                      firstColumn + column + 8 * j + lane % 4 * 2 + e % 2, sums[i][j][e]);
            }
        }
    }
}

} // namespace

#define PRODUCT(name, form, Out)                                                                                       \
    extern "C" __global__ void __launch_bounds__(threads)                                                              \
        name(Out *out, const bf16 *a, const bf16 *b, const bf16 *bias, int64_t strideA, int64_t strideB,               \
             int64_t strideOut, int m, int n, int k, int accumulate) {                                                 \
        product<form>(out, Problem{a, b, bias, strideA, strideB, strideOut, m, n, k, accumulate});                     \
    }

PRODUCT(nt_bf16, NT, bf16)
PRODUCT(nt_f32, NT, float)
PRODUCT(nn_bf16, NN, bf16)
PRODUCT(tn_f32, TN, float)
