// Rows of a table by id, and the sums of rows by id.
//
// Sums take the rows of an id in ascending order, so they are the same in every
// run: row numbers are sorted by id, by a stable counting sort of a few bits a
// pass, and then each id's are added up.
#include "element.cuh"

// embed sets rows of out to rows of table. Negative ids give zeros; ids beyond
// the table stop the kernel.
template <class T, bool aligned>
__device__ __forceinline__ void embed(T *out, const T *table, const int *ids, uint32_t packs, int width, int tableRows) {
    const uint32_t perRow = (width + packed - 1) / packed;
    for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < packs; i += gridDim.x * blockDim.x) {
        const int64_t row = i / perRow;
        const int column = (i - uint32_t(row) * perRow) * packed, id = ids[row];
        if (id >= tableRows) {
            __trap();
        }
        const Pack v = load<aligned>(table + int64_t(max(id, 0)) * width, column, id < 0 ? 0 : width);
        store<aligned>(out + row * width, column, width, v);
    }
}

constexpr int sortBits = 9, sortBins = 1 << sortBits; // of one pass
constexpr int sortTile = 1024;                        // ids of a block, which is one warp

// sort_count counts the digits of each tile of ids: counts[digit][tile].
extern "C" __global__ void __launch_bounds__(32) sort_count(int *counts, const int *ids, int n, int shift) {
    __shared__ int bins[sortBins];
    for (int b = threadIdx.x; b < sortBins; b += warpSize_) {
        bins[b] = 0;
    }
    __syncwarp();
    const int from = blockIdx.x * sortTile, to = min(from + sortTile, n);
    for (int i = from + threadIdx.x; i < to; i += warpSize_) {
        atomicAdd(&bins[ids[i] >> shift & (sortBins - 1)], 1);
    }
    __syncwarp();
    for (int b = threadIdx.x; b < sortBins; b += warpSize_) {
        counts[b * gridDim.x + blockIdx.x] = bins[b];
    }
}

// sort_scan replaces counts by the sums of those before. One block runs it.
extern "C" __global__ void __launch_bounds__(1024) sort_scan(int *counts, int n) {
    __shared__ int sums[warpSize_];
    const int lane = threadIdx.x % warpSize_, warp = threadIdx.x / warpSize_;
    int carry = 0;
    for (int from = 0; from < n; from += blockDim.x) {
        const int i = from + threadIdx.x, own = i < n ? counts[i] : 0;
        int sum = own;
        for (int offset = 1; offset < warpSize_; offset *= 2) {
            const int other = __shfl_up_sync(everyLane, sum, offset);
            sum += lane >= offset ? other : 0;
        }
        if (lane == warpSize_ - 1) {
            sums[warp] = sum;
        }
        __syncthreads();
        int before = carry;
        for (int w = 0; w < warpSize_; w++) {
            const int s = sums[w];
            before += w < warp ? s : 0;
            carry += s;
        }
        if (i < n) {
            counts[i] = before + sum - own;
        }
        __syncthreads();
    }
}

// sort_scatter moves ids and the row numbers that go with them to their places.
// rows may be null: then they are 0, 1, …
extern "C" __global__ void __launch_bounds__(32)
    sort_scatter(int *idsOut, int *rowsOut, const int *ids, const int *rows, const int *starts, int n, int shift) {
    __shared__ int next[sortBins];
    for (int b = threadIdx.x; b < sortBins; b += warpSize_) {
        next[b] = starts[b * gridDim.x + blockIdx.x];
    }
    __syncwarp();
    const int from = blockIdx.x * sortTile, to = min(from + sortTile, n);
    for (int first = from; first < to; first += warpSize_) {
        const int i = first + threadIdx.x;
        const int id = i < to ? ids[i] : 0, digit = id >> shift & (sortBins - 1);
        const unsigned live = __ballot_sync(everyLane, i < to);
        if (i < to) {
            const unsigned same = __match_any_sync(live, digit);
            const unsigned before = same & ((1u << threadIdx.x) - 1);
            const int place = next[digit] + __popc(before);
            idsOut[place] = id;
            rowsOut[place] = rows ? rows[i] : i;
            __syncwarp(live);
            if (before == 0) {
                next[digit] += __popc(same);
            }
        }
        __syncwarp();
    }
}

// sumRows calls use(id, column, sum) with the sum of the rows of each id, for
// packs of columns. Block (k, j) has the id that begins at place k of the sorted
// ids, if one does, and the j-th part of the columns.
template <class T, bool aligned, class Use>
__device__ __forceinline__ void sumRows(const T *x, const int *ids, const int *rows, int n, int width, Use use) {
    constexpr int flight = 8;
    const int first = blockIdx.x, id = ids[first];
    if (id < 0 || first > 0 && ids[first - 1] == id) {
        return;
    }
    const int column = (blockIdx.y * blockDim.x + threadIdx.x) * packed;
    float sum[packed];
    use(id, column, sum, true);
    for (int from = first; from < n && ids[from] == id; from += flight) {
        Pack v[flight];
        bool mine[flight];
#pragma unroll
        for (int f = 0; f < flight; f++) {
            mine[f] = from + f < n && ids[from + f] == id;
            const int64_t row = mine[f] ? rows[from + f] : 0;
            v[f] = load<aligned>(x + row * width, column, mine[f] ? width : 0);
        }
#pragma unroll
        for (int f = 0; f < flight; f++) {
            float a[packed];
            unpack<T>(a, v[f]);
#pragma unroll
            for (int i = 0; i < packed; i++) {
                sum[i] = mine[f] ? sum[i] + a[i] : sum[i];
            }
        }
    }
    use(id, column, sum, false);
}

// embedGrad adds the sums of rows to rows of a table of floats.
template <class T, bool aligned>
__device__ __forceinline__ void embedGrad(float *table, const T *x, const int *ids, const int *rows, int n, int width,
                                          int tableRows) {
    sumRows<T, aligned>(x, ids, rows, n, width, [=](int id, int column, float(&sum)[packed], bool read) {
        if (id >= tableRows) {
            __trap();
        }
        float *at = table + int64_t(id) * width;
#pragma unroll
        for (int i = 0; i < packed; i++) {
            if (column + i < width && read) {
                sum[i] = at[column + i];
            } else if (column + i < width) {
                at[column + i] = sum[i];
            }
        }
    });
}

// gatherGrad sets rows of out to the sums of rows.
template <class T, bool aligned>
__device__ __forceinline__ void gatherGrad(T *out, const T *x, const int *ids, const int *rows, int n, int width,
                                           int outRows) {
    sumRows<T, aligned>(x, ids, rows, n, width, [=](int id, int column, float(&sum)[packed], bool read) {
        if (id >= outRows) {
            __trap();
        }
        if (!read) {
            store<aligned>(out + int64_t(id) * width, column, width, pack<T>(sum));
            return;
        }
#pragma unroll
        for (int i = 0; i < packed; i++) {
            sum[i] = 0;
        }
    });
}

#define EMBED_KERNELS(T, type, aligned, suffix)                                                                        \
    extern "C" __global__ void __launch_bounds__(256)                                                                  \
        embed_##type##suffix(T *out, const T *table, const int *ids, uint32_t packs, int width, int tableRows) {       \
        embed<T, aligned>(out, table, ids, packs, width, tableRows);                                                   \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(128)                                                                  \
        embed_grad_##type##suffix(float *table, const T *x, const int *ids, const int *rows, int n, int width,         \
                                  int tableRows) {                                                                     \
        embedGrad<T, aligned>(table, x, ids, rows, n, width, tableRows);                                               \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(128)                                                                  \
        gather_grad_##type##suffix(T *out, const T *x, const int *ids, const int *rows, int n, int width,              \
                                   int outRows) {                                                                      \
        gatherGrad<T, aligned>(out, x, ids, rows, n, width, outRows);                                                  \
    }

EMBED_KERNELS(bf16, bf16, true, )
EMBED_KERNELS(bf16, bf16, false, _odd)
