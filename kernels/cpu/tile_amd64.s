#include "textflag.h"

// The tiles keep a row's sixteen sums in two registers. A step loads sixteen
// elements of the right panel and multiplies them by one element of each row.

// SUMSn calls F for the sums of n rows.
#define SUMS1(F) F(Y4, Y5)
#define SUMS2(F) SUMS1(F) F(Y6, Y7)
#define SUMS4(F) SUMS2(F) F(Y8, Y9) F(Y10, Y11)
#define SUMS6(F) SUMS4(F) F(Y12, Y13) F(Y14, Y15)

// What is done with a row's sums. R13 goes down the rows of out, then DI does.
#define FETCH(low, high) \
	VMOVUPS (R13), low \
	VMOVUPS 32(R13), high \
	ADDQ    R8, R13
#define ZERO(low, high) \
	VXORPS low, low, low \
	VXORPS high, high, high
#define PUT(low, high) \
	VMOVUPS low, (DI) \
	VMOVUPS high, 32(DI) \
	ADDQ    R8, DI
#define ASK(low, high) \
	PREFETCHT0 (R13) \
	ADDQ       R8, R13

// ROW adds at·(Y0, Y1) to a row's sums.
#define ROW(at, low, high) \
	VBROADCASTSS at, Y2 \
	VFMADD231PS  Y0, Y2, low \
	VFMADD231PS  Y1, Y2, high

// STEPn multiplies by n rows of a: three from each of SI and DX.
#define STEP1 \
	VMOVUPS (BX), Y0 \
	VMOVUPS 32(BX), Y1 \
	ROW((SI), Y4, Y5) \
	ADDQ    R10, SI \
	ADDQ    R15, BX
#define STEP2 \
	VMOVUPS (BX), Y0 \
	VMOVUPS 32(BX), Y1 \
	ROW((SI), Y4, Y5) \
	ROW((SI)(R9*1), Y6, Y7) \
	ADDQ    R10, SI \
	ADDQ    R15, BX
#define STEP4 \
	VMOVUPS (BX), Y0 \
	VMOVUPS 32(BX), Y1 \
	ROW((SI), Y4, Y5) \
	ROW((SI)(R9*1), Y6, Y7) \
	ROW((SI)(R9*2), Y8, Y9) \
	ROW((DX), Y10, Y11) \
	ADDQ    R10, SI \
	ADDQ    R10, DX \
	ADDQ    R15, BX
#define STEP6 \
	VMOVUPS (BX), Y0 \
	VMOVUPS 32(BX), Y1 \
	ROW((SI), Y4, Y5) \
	ROW((SI)(R9*1), Y6, Y7) \
	ROW((SI)(R9*2), Y8, Y9) \
	ROW((DX), Y10, Y11) \
	ROW((DX)(R9*1), Y12, Y13) \
	ROW((DX)(R9*2), Y14, Y15) \
	ADDQ    R10, SI \
	ADDQ    R10, DX \
	ADDQ    R15, BX

// OPERANDS sets DI and R13, R8 to out and its row in bytes, SI, R9, R10 to a,
// its row and step, DX to row 3 of a, BX, R15 to the panel and its step, CX to the
// depth, and AX to add.
#define OPERANDS(ADD) \
	MOVQ    out+0(FP), DI \
	MOVQ    outRow+8(FP), R8 \
	MOVQ    a+16(FP), SI \
	MOVQ    aRow+24(FP), R9 \
	MOVQ    aStep+32(FP), R10 \
	MOVQ    b+40(FP), BX \
	MOVQ    bStep+48(FP), R15 \
	MOVQ    depth+56(FP), CX \
	MOVBLZX ADD, AX \
	SHLQ    $2, R8 \
	SHLQ    $2, R9 \
	SHLQ    $2, R10 \
	SHLQ    $2, R15 \
	LEAQ    (R9)(R9*2), DX \
	ADDQ    SI, DX \
	MOVQ    DI, R13

// TILE is the body of a routine for few rows.
#define TILE(SUMS, STEP) \
	OPERANDS(add+64(FP)) \
	TESTB AX, AX \
	JZ    zero \
	SUMS(FETCH) \
	JMP   start \
zero: \
	SUMS(ZERO) \
start: \
	TESTQ CX, CX \
	JZ    store \
loop: \
	STEP \
	DECQ  CX \
	JNZ   loop \
store: \
	SUMS(PUT) \
	VZEROUPPER

// Six rows ask for the sums of the six below: they are rarely in a near cache,
// and these take longer than they do. Every other step asks for one of the lines
// from ahead on, aheadStep apart, which a later tile reads.
//
// func tile6AVX2(out *float32, outRow int, a *float32, aRow, aStep int, b *float32, bStep, depth int, ahead *float32, aheadStep int, add bool)
TEXT ·tile6AVX2(SB), NOSPLIT, $0-81
	OPERANDS(add+80(FP))
	TESTB AX, AX
	JZ    zero
	SUMS6(FETCH)
	SUMS6(ASK)
	JMP   start

zero:
	SUMS6(ZERO)
	SUMS6(ASK)
	SUMS6(ASK)

start:
	MOVQ  ahead+64(FP), R12
	MOVQ  aheadStep+72(FP), R13
	SHLQ  $2, R13
	TESTQ $1, CX
	JZ    pairs
	STEP6

pairs:
	SHRQ $1, CX
	JZ   store

loop:
	PREFETCHT1 (R12)
	ADDQ R13, R12
	STEP6
	STEP6
	DECQ CX
	JNZ  loop

store:
	SUMS6(PUT)
	VZEROUPPER
	RET

// func tile4AVX2(out *float32, outRow int, a *float32, aRow, aStep int, b *float32, bStep, depth int, add bool)
TEXT ·tile4AVX2(SB), NOSPLIT, $0-65
	TILE(SUMS4, STEP4)
	RET

// func tile2AVX2(out *float32, outRow int, a *float32, aRow, aStep int, b *float32, bStep, depth int, add bool)
TEXT ·tile2AVX2(SB), NOSPLIT, $0-65
	TILE(SUMS2, STEP2)
	RET

// func tile1AVX2(out *float32, outRow int, a *float32, aRow, aStep int, b *float32, bStep, depth int, add bool)
TEXT ·tile1AVX2(SB), NOSPLIT, $0-65
	TILE(SUMS1, STEP1)
	RET

// One row has too few sums to hide the latency of an addition, so this one
// takes four panels at once.
//
// func quadAVX2(out, a *float32, aStep int, b0, b1, b2, b3 *float32, bStep, depth int, add bool)
TEXT ·quadAVX2(SB), NOSPLIT, $0-73
	MOVQ    out+0(FP), DI
	MOVQ    a+8(FP), SI
	MOVQ    aStep+16(FP), R10
	MOVQ    b0+24(FP), BX
	MOVQ    b1+32(FP), DX
	MOVQ    b2+40(FP), R8
	MOVQ    b3+48(FP), R9
	MOVQ    bStep+56(FP), R11
	MOVQ    depth+64(FP), CX
	MOVBLZX add+72(FP), AX
	SHLQ    $2, R10
	SHLQ    $2, R11
	TESTB   AX, AX
	JZ      zero
	VMOVUPS (DI), Y4
	VMOVUPS 32(DI), Y5
	VMOVUPS 64(DI), Y6
	VMOVUPS 96(DI), Y7
	VMOVUPS 128(DI), Y8
	VMOVUPS 160(DI), Y9
	VMOVUPS 192(DI), Y10
	VMOVUPS 224(DI), Y11
	JMP     start

zero:
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11

start:
	XORQ  AX, AX
	TESTQ CX, CX
	JZ    store

loop:
	VBROADCASTSS (SI), Y2
	VFMADD231PS  (BX)(AX*1), Y2, Y4
	VFMADD231PS  32(BX)(AX*1), Y2, Y5
	VFMADD231PS  (DX)(AX*1), Y2, Y6
	VFMADD231PS  32(DX)(AX*1), Y2, Y7
	VFMADD231PS  (R8)(AX*1), Y2, Y8
	VFMADD231PS  32(R8)(AX*1), Y2, Y9
	VFMADD231PS  (R9)(AX*1), Y2, Y10
	VFMADD231PS  32(R9)(AX*1), Y2, Y11
	ADDQ         R10, SI
	ADDQ         R11, AX
	DECQ         CX
	JNZ          loop

store:
	VMOVUPS Y4, (DI)
	VMOVUPS Y5, 32(DI)
	VMOVUPS Y6, 64(DI)
	VMOVUPS Y7, 96(DI)
	VMOVUPS Y8, 128(DI)
	VMOVUPS Y9, 160(DI)
	VMOVUPS Y10, 192(DI)
	VMOVUPS Y11, 224(DI)
	VZEROUPPER
	RET

// Two rows of one head group are as common in decoding; they take two panels.
//
// func pairAVX2(out *float32, outRow int, a *float32, aRow, aStep int, b0, b1 *float32, bStep, depth int, add bool)
TEXT ·pairAVX2(SB), NOSPLIT, $0-73
	MOVQ    out+0(FP), DI
	MOVQ    outRow+8(FP), R8
	MOVQ    a+16(FP), SI
	MOVQ    aRow+24(FP), R9
	MOVQ    aStep+32(FP), R10
	MOVQ    b0+40(FP), BX
	MOVQ    b1+48(FP), DX
	MOVQ    bStep+56(FP), R12
	MOVQ    depth+64(FP), CX
	MOVBLZX add+72(FP), AX
	SHLQ    $2, R8
	SHLQ    $2, R9
	SHLQ    $2, R10
	SHLQ    $2, R12
	TESTB   AX, AX
	JZ      zero
	VMOVUPS (DI), Y4
	VMOVUPS 32(DI), Y5
	VMOVUPS 64(DI), Y6
	VMOVUPS 96(DI), Y7
	VMOVUPS (DI)(R8*1), Y8
	VMOVUPS 32(DI)(R8*1), Y9
	VMOVUPS 64(DI)(R8*1), Y10
	VMOVUPS 96(DI)(R8*1), Y11
	JMP     start

zero:
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11

start:
	XORQ  R11, R11
	TESTQ CX, CX
	JZ    store

loop:
	VBROADCASTSS (SI), Y2
	VBROADCASTSS (SI)(R9*1), Y3
	VMOVUPS     (BX)(R11*1), Y0
	VMOVUPS     32(BX)(R11*1), Y1
	VFMADD231PS Y0, Y2, Y4
	VFMADD231PS Y1, Y2, Y5
	VFMADD231PS Y0, Y3, Y8
	VFMADD231PS Y1, Y3, Y9
	VMOVUPS     (DX)(R11*1), Y0
	VMOVUPS     32(DX)(R11*1), Y1
	VFMADD231PS Y0, Y2, Y6
	VFMADD231PS Y1, Y2, Y7
	VFMADD231PS Y0, Y3, Y10
	VFMADD231PS Y1, Y3, Y11
	ADDQ        R10, SI
	ADDQ        R12, R11
	DECQ        CX
	JNZ         loop

store:
	VMOVUPS Y4, (DI)
	VMOVUPS Y5, 32(DI)
	VMOVUPS Y6, 64(DI)
	VMOVUPS Y7, 96(DI)
	VMOVUPS Y8, (DI)(R8*1)
	VMOVUPS Y9, 32(DI)(R8*1)
	VMOVUPS Y10, 64(DI)(R8*1)
	VMOVUPS Y11, 96(DI)(R8*1)
	VZEROUPPER
	RET

// Eight rows of src become eight columns of a panel, eight steps at a time.
//
// func transposeAVX2(dst, src *float32, row, blocks int)
TEXT ·transposeAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ row+16(FP), R9
	MOVQ blocks+24(FP), CX
	SHLQ $2, R9
	LEAQ (R9)(R9*2), R10
	LEAQ (SI)(R9*4), DX

loop:
	VMOVUPS (SI), Y0
	VMOVUPS (SI)(R9*1), Y1
	VMOVUPS (SI)(R9*2), Y2
	VMOVUPS (SI)(R10*1), Y3
	VMOVUPS (DX), Y4
	VMOVUPS (DX)(R9*1), Y5
	VMOVUPS (DX)(R9*2), Y6
	VMOVUPS (DX)(R10*1), Y7

	VUNPCKLPS Y1, Y0, Y8
	VUNPCKHPS Y1, Y0, Y9
	VUNPCKLPS Y3, Y2, Y10
	VUNPCKHPS Y3, Y2, Y11
	VUNPCKLPS Y5, Y4, Y12
	VUNPCKHPS Y5, Y4, Y13
	VUNPCKLPS Y7, Y6, Y14
	VUNPCKHPS Y7, Y6, Y15

	VSHUFPS $0x44, Y10, Y8, Y0
	VSHUFPS $0xEE, Y10, Y8, Y1
	VSHUFPS $0x44, Y11, Y9, Y2
	VSHUFPS $0xEE, Y11, Y9, Y3
	VSHUFPS $0x44, Y14, Y12, Y4
	VSHUFPS $0xEE, Y14, Y12, Y5
	VSHUFPS $0x44, Y15, Y13, Y6
	VSHUFPS $0xEE, Y15, Y13, Y7

	VPERM2F128 $0x20, Y4, Y0, Y8
	VPERM2F128 $0x20, Y5, Y1, Y9
	VPERM2F128 $0x20, Y6, Y2, Y10
	VPERM2F128 $0x20, Y7, Y3, Y11
	VPERM2F128 $0x31, Y4, Y0, Y12
	VPERM2F128 $0x31, Y5, Y1, Y13
	VPERM2F128 $0x31, Y6, Y2, Y14
	VPERM2F128 $0x31, Y7, Y3, Y15

	VMOVUPS Y8, (DI)
	VMOVUPS Y9, 64(DI)
	VMOVUPS Y10, 128(DI)
	VMOVUPS Y11, 192(DI)
	VMOVUPS Y12, 256(DI)
	VMOVUPS Y13, 320(DI)
	VMOVUPS Y14, 384(DI)
	VMOVUPS Y15, 448(DI)
	ADDQ    $32, SI
	ADDQ    $32, DX
	ADDQ    $512, DI
	DECQ    CX
	JNZ     loop
	VZEROUPPER
	RET
