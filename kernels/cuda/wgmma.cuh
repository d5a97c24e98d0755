// The tensor cores' instructions, by warpgroup, on tiles in shared memory.
#pragma once
#include "hopper.cuh"

namespace ptx {

// descriptor describes a shared-memory operand of wgmma in the 128-byte
// swizzle. Where the reduced index is contiguous, rows of 64 elements follow
// each other and panel is unused; where the other index is, rows of 64 elements
// of one reduced index follow each other, and the next 64 elements lie panel
// bytes further. Groups of 8 rows are 1024 bytes apart in both.
__device__ __forceinline__ uint64_t descriptor(uint32_t address, uint32_t panel) {
	return uint64_t((address & 0x3ffff) >> 4) | uint64_t(panel >> 4) << 16 | uint64_t(1024 >> 4) << 32 |
		   uint64_t(1) << 62;
}

__device__ __forceinline__ void mma_begin() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void mma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int N> __device__ __forceinline__ void mma_wait() {
	asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
}

// Mma<N>::run adds to d the product of a 64x16 and a 16xN tile of shared
// memory, or sets d when add is 0. MmaRegister<N>::run adds that of the 64x16
// tile that the warpgroup holds in a. MajorA and MajorB are 1 where the reduced
// index is not contiguous.
template <int N> struct Mma;
template <int N> struct MmaRegister;

#define L8(a, b, c, d, e, f, g, h) "%" #a ",%" #b ",%" #c ",%" #d ",%" #e ",%" #f ",%" #g ",%" #h
#define O4(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define O8(i) O4(i), O4(i + 4)
#define O32(i) O8(i), O8(i + 8), O8(i + 16), O8(i + 24)

#define L0 L8(0, 1, 2, 3, 4, 5, 6, 7)
#define L1 L0 "," L8(8, 9, 10, 11, 12, 13, 14, 15)
#define L2 L1 "," L8(16, 17, 18, 19, 20, 21, 22, 23) "," L8(24, 25, 26, 27, 28, 29, 30, 31)
#define L3                                                                                                            \
	L2 "," L8(32, 33, 34, 35, 36, 37, 38, 39) "," L8(40, 41, 42, 43, 44, 45, 46, 47) "," L8(                            \
		48, 49, 50, 51, 52, 53, 54, 55) "," L8(56, 57, 58, 59, 60, 61, 62, 63)
#define L160 L3 "," L8(64, 65, 66, 67, 68, 69, 70, 71) "," L8(72, 73, 74, 75, 76, 77, 78, 79)
#define L4                                                                                                            \
	L3 "," L8(64, 65, 66, 67, 68, 69, 70, 71) "," L8(72, 73, 74, 75, 76, 77, 78, 79) "," L8(                            \
		80, 81, 82, 83, 84, 85, 86, 87) "," L8(88, 89, 90, 91, 92, 93, 94, 95)
#define L5                                                                                                            \
	L4 "," L8(96, 97, 98, 99, 100, 101, 102, 103) "," L8(104, 105, 106, 107, 108, 109, 110, 111) "," L8(                \
		112, 113, 114, 115, 116, 117, 118, 119) "," L8(120, 121, 122, 123, 124, 125, 126, 127)

#define MMA(N, LIST, A, B, ADD, TA, TB, ...)                                                                          \
	template <> struct Mma<N> {                                                                                        \
		template <int MajorA, int MajorB>                                                                              \
		static __device__ __forceinline__ void run(float (&d)[N / 2], uint64_t a, uint64_t b, int add) {               \
			asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #ADD ", 0;\n"                                            \
						 "wgmma.mma_async.sync.aligned.m64n" #N "k16.f32.bf16.bf16 {" LIST "}, %" #A ", %" #B          \
						 ", p, 1, 1, %" #TA ", %" #TB ";\n}"                                                           \
						 : __VA_ARGS__                                                                                 \
						 : "l"(a), "l"(b), "r"(add), "n"(MajorA), "n"(MajorB));                                        \
		}                                                                                                              \
	};

MMA(16, L0, 8, 9, 10, 11, 12, O8(0))
MMA(32, L1, 16, 17, 18, 19, 20, O8(0), O8(8))
MMA(64, L2, 32, 33, 34, 35, 36, O32(0))
MMA(128, L3, 64, 65, 66, 67, 68, O32(0), O32(32))
MMA(160, L160, 80, 81, 82, 83, 84, O32(0), O32(32), O8(64), O8(72))
MMA(192, L4, 96, 97, 98, 99, 100, O32(0), O32(32), O32(64))
MMA(256, L5, 128, 129, 130, 131, 132, O32(0), O32(32), O32(64), O32(96))

// Wider than an instruction: columns 192 and up lie 192 rows of 128 bytes further,
// whichever index is contiguous.
template <> struct Mma<320> {
	template <int MajorA, int MajorB>
	static __device__ __forceinline__ void run(float (&d)[160], uint64_t a, uint64_t b, int add) {
		Mma<192>::run<MajorA, MajorB>(reinterpret_cast<float(&)[96]>(d[0]), a, b, add);
		Mma<128>::run<MajorA, MajorB>(reinterpret_cast<float(&)[64]>(d[96]), a, b + (192 * 128 >> 4), add);
	}
};

#undef MMA

#define MMA(N, LIST, A, B, MAJOR, ...)                                                                                \
	template <> struct MmaRegister<N> {                                                                                \
		template <int MajorB>                                                                                          \
		static __device__ __forceinline__ void run(float (&d)[N / 2], const uint32_t *a, uint64_t b) {                 \
			asm volatile("wgmma.mma_async.sync.aligned.m64n" #N "k16.f32.bf16.bf16 {" LIST "}, {" A "}, %" #B          \
						 ", 1, 1, 1, %" #MAJOR ";"                                                                     \
						 : __VA_ARGS__                                                                                 \
						 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "n"(MajorB));                           \
		}                                                                                                              \
	};

MMA(64, L2, "%32,%33,%34,%35", 36, 37, O32(0))
MMA(128, L3, "%64,%65,%66,%67", 68, 69, O32(0), O32(32))

#undef MMA
#undef L8
#undef O4
#undef O8
#undef O32
#undef L0
#undef L1
#undef L2
#undef L3
#undef L4
#undef L5
#undef L160

// hold keeps the compiler from moving uses of registers across a wait.
template <int N> __device__ __forceinline__ void hold(float (&d)[N]) {
#pragma unroll
	for (int i = 0; i < N; i++) {
		asm volatile("" : "+f"(d[i])::"memory");
	}
}

} // namespace ptx
