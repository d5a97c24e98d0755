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

// sort_count counts the digits of each tile of ids: counts[digit][tile]. The first
// pass sets descents[tile] to whether ids do not ascend strictly there; the others
// leave ids that do as they came, where sorted is not 0.
extern "C" __global__ void __launch_bounds__(32)
    sort_count(int *counts, int *descents, const int *sorted, const int *ids, int n, int shift) {
    __shared__ int bins[sortBins];
    if (shift > 0 && *sorted) {
        return;
    }
    for (int b = threadIdx.x; b < sortBins; b += warpSize_) {
        bins[b] = 0;
    }
    __syncwarp();
    const int from = blockIdx.x * sortTile, to = min(from + sortTile, n);
    bool descends = false;
    for (int i = from + threadIdx.x; i < to; i += warpSize_) {
        const int id = ids[i];
        atomicAdd(&bins[id >> shift & (sortBins - 1)], 1);
        descends |= shift == 0 && i + 1 < n && ids[i + 1] <= id;
    }
    descends = __any_sync(everyLane, descends);
    if (shift == 0 && threadIdx.x == 0) {
        descents[blockIdx.x] = descends;
    }
    for (int b = threadIdx.x; b < sortBins; b += warpSize_) {
        counts[b * gridDim.x + blockIdx.x] = bins[b];
    }
}

// sort_scan replaces counts, those of tiles tiles, by the sums of those before, and
// in the first pass sets sorted to whether no tile descends. One block runs it.
extern "C" __global__ void __launch_bounds__(1024)
    sort_scan(int *counts, const int *descents, int *sorted, int tiles, int shift) {
    constexpr int each = 8;
    __shared__ int sums[warpSize_];
    bool descends = false;
    for (int i = threadIdx.x; shift == 0 && i < tiles; i += blockDim.x) {
        descends |= descents[i] != 0;
    }
    descends = __syncthreads_or(shift == 0 ? descends : !*sorted);
    if (threadIdx.x == 0) {
        *sorted = !descends;
    }
    if (!descends) {
        return;
    }
    const int n = tiles * sortBins;
    const int lane = threadIdx.x % warpSize_, warp = threadIdx.x / warpSize_;
    int carry = 0;
    for (int from = 0; from < n; from += blockDim.x * each) {
        const int first = from + threadIdx.x * each;
        int own[each], sum = 0;
#pragma unroll
        for (int i = 0; i < each; i++) {
            own[i] = first < n ? counts[first + i] : 0;
            sum += own[i];
        }
        const int all = sum;
        for (int offset = 1; offset < warpSize_; offset *= 2) {
            const int other = __shfl_up_sync(everyLane, sum, offset);
            sum += lane >= offset ? other : 0;
        }
        if (lane == warpSize_ - 1) {
            sums[warp] = sum;
        }
        __syncthreads();
        int before = carry + sum - all;
        for (int w = 0; w < warpSize_; w++) {
            const int s = sums[w];
            before += w < warp ? s : 0;
            carry += s;
        }
#pragma unroll
        for (int i = 0; i < each; i++) {
            if (first < n) {
                counts[first + i] = before;
            }
            before += own[i];
        }
        __syncthreads();
    }
}

// sort_scatter moves ids and the row numbers that go with them to their places.
// rows may be null: then they are 0, 1, …
extern "C" __global__ void __launch_bounds__(32)
    sort_scatter(int *idsOut, int *rowsOut, const int *sorted, const int *ids, const int *rows, const int *starts, int n,
                 int shift) {
    __shared__ int next[sortBins];
    if (*sorted) {
        return;
    }
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

// An id's rows are summed in pieces of so many, counted from its first, and the
// pieces' sums are added up in order. So sums do not depend on other ids.
constexpr int piece = 256;

// Sums is where the sums of pieces go, for ids of more than one: n/piece rows for
// first pieces, then as many for others. Those of one kind begin at least a
// piece apart, so a place that is divided by piece is their number.
struct Sums {
    float *memory;
    int n, width;

    __device__ __forceinline__ float *first(int place) const { return memory + int64_t(place / piece) * width; }
    __device__ __forceinline__ float *other(int place) const {
        return memory + int64_t((n + piece - 1) / piece + place / piece) * width;
    }
};

// begins tells whether an id begins at a place of the sorted ids.
__device__ __forceinline__ bool begins(const int *ids, int place) {
    return place == 0 || ids[place - 1] != ids[place];
}

// continues tells whether a piece of an id, but not its first, begins there.
__device__ __forceinline__ bool continues(const int *ids, int place) {
    const int id = ids[place];
    if (place < piece || ids[place - piece] != id) {
        return false;
    }
    int low = 0, high = place - piece; // the id's first place lies in [low, high]
    while (low < high) {
        const int middle = (low + high) / 2;
        if (ids[middle] < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return (place - low) % piece == 0;
}

// isLong tells whether the id that begins at a place has more than a piece.
__device__ __forceinline__ bool isLong(const int *ids, int n, int place) {
    return place + piece < n && ids[place + piece] == ids[place];
}

template <class T> __device__ __forceinline__ void addTo(float (&sum)[packed], const Pack &v) {
    float a[packed];
    unpack<T>(a, v);
#pragma unroll
    for (int i = 0; i < packed; i++) {
        sum[i] += a[i];
    }
}

// sumRows sums the rows of the piece that begins at a place, if one does, in the
// columns of part blockIdx.y: from what start gives on, and into what end takes,
// or into sums where the id has more pieces.
template <class T, bool aligned, class Start, class End>
__device__ __forceinline__ void sumRows(const T *x, const int *ids, const int *rows, int n, int width, Sums sums,
                                        int place, Start start, End end) {
    constexpr int flight = 16;
    __shared__ int rowOf[piece];
    const int id = ids[place];
    const bool beginning = begins(ids, place);
    if (id < 0 || !beginning && !continues(ids, place)) {
        return;
    }
    __syncthreads(); // the piece before is done with rowOf
    int count = 0;
    for (int i = threadIdx.x; i < piece; i += blockDim.x) {
        const bool mine = place + i < n && ids[place + i] == id;
        rowOf[i] = mine ? rows[place + i] : 0;
        count += __syncthreads_count(mine);
    }
    const int column = (blockIdx.y * blockDim.x + threadIdx.x) * packed;
    if (column >= width) {
        return;
    }
    float sum[packed] = {};
    if (beginning) {
        start(id, column, sum);
    }
    int at = 0;
    for (; at + flight <= count; at += flight) {
        Pack v[flight];
#pragma unroll
        for (int f = 0; f < flight; f++) {
            v[f] = load<aligned>(x + int64_t(rowOf[at + f]) * width, column, width);
        }
#pragma unroll
        for (int f = 0; f < flight; f++) {
            addTo<T>(sum, v[f]);
        }
    }
    for (; at < count; at++) {
        addTo<T>(sum, load<aligned>(x + int64_t(rowOf[at]) * width, column, width));
    }
    if (beginning && !isLong(ids, n, place)) {
        end(id, column, sum);
        return;
    }
    float *to = beginning ? sums.first(place) : sums.other(place);
#pragma unroll
    for (int i = 0; i < packed; i++) {
        if (column + i < width) {
            to[column + i] = sum[i];
        }
    }
}

// addPieces adds up the pieces of the id that begins at a place, if one does that
// has several.
template <class End>
__device__ __forceinline__ void addPieces(const int *ids, int n, int width, Sums sums, int place, End end) {
    constexpr int flight = 8;
    const int id = ids[place];
    if (id < 0 || !begins(ids, place) || !isLong(ids, n, place)) {
        return;
    }
    const int column = (blockIdx.y * blockDim.x + threadIdx.x) * packed;
    float sum[packed];
#pragma unroll
    for (int i = 0; i < packed; i++) {
        sum[i] = column + i < width ? sums.first(place)[column + i] : 0;
    }
    for (int from = place + piece; from < n && ids[from] == id; from += flight * piece) {
        float v[flight][packed];
#pragma unroll
        for (int f = 0; f < flight; f++) {
            const int at = from + f * piece;
            const bool mine = at < n && ids[at] == id;
#pragma unroll
            for (int i = 0; i < packed; i++) {
                v[f][i] = mine && column + i < width ? sums.other(at)[column + i] : 0;
            }
        }
#pragma unroll
        for (int f = 0; f < flight; f++) {
#pragma unroll
            for (int i = 0; i < packed; i++) {
                sum[i] += v[f][i];
            }
        }
    }
    end(id, column, sum);
}

// Table is a table of floats to whose rows sums are added, and Rows are rows
// that are set to sums.
struct Table {
    float *memory;
    int rows, width;

    __device__ __forceinline__ void start(int id, int column, float (&sum)[packed]) const {
        if (id >= rows) {
            __trap();
        }
#pragma unroll
        for (int i = 0; i < packed; i++) {
            sum[i] = column + i < width ? memory[int64_t(id) * width + column + i] : 0;
        }
    }
    __device__ __forceinline__ void end(int id, int column, const float (&sum)[packed]) const {
#pragma unroll
        for (int i = 0; i < packed; i++) {
            if (column + i < width) {
                memory[int64_t(id) * width + column + i] = sum[i];
            }
        }
    }
};

template <class T, bool aligned> struct Rows {
    T *memory;
    int rows, width;

    __device__ __forceinline__ void start(int id, int, float (&)[packed]) const {
        if (id >= rows) {
            __trap();
        }
    }
    __device__ __forceinline__ void end(int id, int column, const float (&sum)[packed]) const {
        store<aligned>(memory + int64_t(id) * width, column, width, pack<T>(sum));
    }
};

// Order is what the sort gives: ids and the rows that go with them, or where the
// ids ascended as they came, those and rows 0, 1, …
struct Order {
    const int *ids, *rows, *asTheyCame, *sorted;
};

// sumEach adds each row to that of its own id, for ids that ascend.
template <class T, bool aligned, class To>
__device__ __forceinline__ void sumEach(To to, const T *x, const int *ids, int n) {
    const uint32_t perRow = (to.width + packed - 1) / packed;
    const uint32_t parts = gridDim.x * gridDim.y, part = blockIdx.y * gridDim.x + blockIdx.x;
    for (uint64_t i = part * blockDim.x + threadIdx.x; i < uint64_t(perRow) * n; i += parts * blockDim.x) {
        const int row = i / perRow, column = (i - uint64_t(row) * perRow) * packed, id = ids[row];
        if (id >= 0) {
            float sum[packed] = {};
            to.start(id, column, sum);
            addTo<T>(sum, load<aligned>(x + int64_t(row) * to.width, column, to.width));
            to.end(id, column, sum);
        }
    }
}

template <class T, bool aligned, class To>
__device__ __forceinline__ void sumInto(To to, const T *x, Order order, int n, float *sums) {
    if (*order.sorted) {
        sumEach<T, aligned>(to, x, order.asTheyCame, n);
        return;
    }
    for (int place = blockIdx.x; place < n; place += gridDim.x) {
        sumRows<T, aligned>(
            x, order.ids, order.rows, n, to.width, Sums{sums, n, to.width}, place,
            [&](int id, int column, float(&sum)[packed]) { to.start(id, column, sum); },
            [&](int id, int column, const float(&sum)[packed]) { to.end(id, column, sum); });
    }
}

template <class To>
__device__ __forceinline__ void addInto(To to, const int *ids, const int *sorted, int n, float *sums) {
    for (int place = blockIdx.x; place < n && !*sorted; place += gridDim.x) {
        addPieces(ids, n, to.width, Sums{sums, n, to.width}, place,
                  [&](int id, int column, const float(&sum)[packed]) { to.end(id, column, sum); });
    }
}

#define EMBED_KERNELS(T, type, aligned, suffix)                                                                        \
    extern "C" __global__ void __launch_bounds__(256)                                                                  \
        embed_##type##suffix(T *out, const T *table, const int *ids, uint32_t packs, int width, int tableRows) {       \
        embed<T, aligned>(out, table, ids, packs, width, tableRows);                                                   \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(128)                                                                  \
        embed_grad_##type##suffix(float *table, const T *x, const int *ids, const int *rows, const int *asTheyCame,    \
                                  const int *sorted, float *sums, int n, int width, int tableRows) {                   \
        sumInto<T, aligned>(Table{table, tableRows, width}, x, Order{ids, rows, asTheyCame, sorted}, n, sums);         \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(128)                                                                  \
        gather_grad_##type##suffix(T *out, const T *x, const int *ids, const int *rows, const int *asTheyCame,         \
                                   const int *sorted, float *sums, int n, int width, int outRows) {                    \
        sumInto<T, aligned>(Rows<T, aligned>{out, outRows, width}, x, Order{ids, rows, asTheyCame, sorted}, n, sums);  \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(128)                                                                  \
        gather_grad_pieces_##type##suffix(T *out, const int *ids, const int *sorted, float *sums, int n, int width,    \
                                          int outRows) {                                                               \
        addInto(Rows<T, aligned>{out, outRows, width}, ids, sorted, n, sums);                                          \
    }

EMBED_KERNELS(bf16, bf16, true, )
EMBED_KERNELS(bf16, bf16, false, _odd)

extern "C" __global__ void __launch_bounds__(128)
    embed_grad_pieces(float *table, const int *ids, const int *sorted, float *sums, int n, int width, int tableRows) {
    addInto(Table{table, tableRows, width}, ids, sorted, n, sums);
}
