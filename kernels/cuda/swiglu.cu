// SwiGLU and its gradient: one thread has a few packs of output, apart by a
// block, so that loads of all are under way at once.
#include "element.cuh"

constexpr int flight = 2; // packs of a thread

__device__ __forceinline__ float sigmoid(float v) { return __fdividef(1.f, 1.f + __expf(-v)); }

// Place is where a pack of output lies: its row and its first column.
struct Place {
    int64_t row;
    int column;

    __device__ __forceinline__ Place(uint32_t pack, uint32_t perRow)
        : row(pack / perRow), column((pack - uint32_t(row) * perRow) * packed) {}
};

template <class T, bool aligned>
__device__ __forceinline__ void swiglu(T *out, const T *gateUp, int64_t rows, int width) {
    const int perRow = (width + packed - 1) / packed;
    const uint32_t first = blockIdx.x * blockDim.x * flight + threadIdx.x;
    Pack gate[flight], up[flight];
#pragma unroll
    for (int f = 0; f < flight; f++) {
        const Place p(first + f * blockDim.x, perRow);
        const int n = p.row < rows ? width : 0;
        gate[f] = load<aligned>(gateUp + 2 * p.row * width, p.column, n);
        up[f] = load<aligned>(gateUp + (2 * p.row + 1) * width, p.column, n);
    }
#pragma unroll
    for (int f = 0; f < flight; f++) {
        const Place p(first + f * blockDim.x, perRow);
        float g[packed], u[packed];
        unpack<T>(g, gate[f]);
        unpack<T>(u, up[f]);
#pragma unroll
        for (int i = 0; i < packed; i++) {
            g[i] = __fmul_rn(__fmul_rn(g[i], sigmoid(g[i])), u[i]);
        }
        store<aligned>(out + p.row * width, p.column, p.row < rows ? width : 0, pack<T>(g));
    }
}

template <class T, bool aligned>
__device__ __forceinline__ void swigluGrad(T *dGateUp, T *out, const T *dOut, const T *gateUp, int64_t rows, int width) {
    const int perRow = (width + packed - 1) / packed;
    const uint32_t first = blockIdx.x * blockDim.x * flight + threadIdx.x;
    Pack gate[flight], up[flight], d[flight];
#pragma unroll
    for (int f = 0; f < flight; f++) {
        const Place p(first + f * blockDim.x, perRow);
        const int n = p.row < rows ? width : 0;
        gate[f] = load<aligned>(gateUp + 2 * p.row * width, p.column, n);
        up[f] = load<aligned>(gateUp + (2 * p.row + 1) * width, p.column, n);
        d[f] = load<aligned>(dOut + p.row * width, p.column, n);
    }
#pragma unroll
    for (int f = 0; f < flight; f++) {
        const Place p(first + f * blockDim.x, perRow);
        const int n = p.row < rows ? width : 0;
        float g[packed], u[packed], o[packed], again[packed];
        unpack<T>(g, gate[f]);
        unpack<T>(u, up[f]);
        unpack<T>(o, d[f]);
#pragma unroll
        for (int i = 0; i < packed; i++) {
            const float s = sigmoid(g[i]), silu = __fmul_rn(g[i], s);
            const float slope = __fmaf_rn(silu, 1.f - s, s); // of silu
            again[i] = __fmul_rn(silu, u[i]); // as swiglu has it
            g[i] = __fmul_rn(__fmul_rn(o[i], u[i]), slope);
            u[i] = __fmul_rn(o[i], silu);
        }
        store<aligned>(dGateUp + 2 * p.row * width, p.column, n, pack<T>(g));
        store<aligned>(dGateUp + (2 * p.row + 1) * width, p.column, n, pack<T>(u));
        if (out) store<aligned>(out + p.row * width, p.column, n, pack<T>(again));
    }
}

#define SWIGLU_KERNELS(T, type, aligned, suffix)                                                                       \
    extern "C" __global__ void __launch_bounds__(256)                                                                  \
        swiglu_##type##suffix(T *out, const T *gateUp, int rows, int width) {                                          \
        swiglu<T, aligned>(out, gateUp, rows, width);                                                                  \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(256)                                                                  \
        swiglu_grad_##type##suffix(T *dGateUp, T *out, const T *dOut, const T *gateUp, int rows, int width) {           \
        swigluGrad<T, aligned>(dGateUp, out, dOut, gateUp, rows, width);                                               \
    }

SWIGLU_KERNELS(bf16, bf16, true, )
SWIGLU_KERNELS(bf16, bf16, false, _odd)
