#include "textflag.h"

// The tiles of AVX-512 keep a row's sums of one panel in one register, of two
// panels in two: Z8 and up. A step loads a row of each panel and multiplies it
// by one element of each row of a. Every sum is the chain of multiply-adds
// that tile_amd64.s computes.

// SUMSn calls F for the sums of n rows.
#define SUMS1(F) F(Z8, Z9)
#define SUMS2(F) SUMS1(F) F(Z10, Z11)
#define SUMS4(F) SUMS2(F) F(Z12, Z13) F(Z14, Z15)
#define SUMS8(F) SUMS4(F) F(Z16, Z17) F(Z18, Z19) F(Z20, Z21) F(Z22, Z23)
#define SUMS12(F) SUMS8(F) F(Z24, Z25) F(Z26, Z27) F(Z28, Z29) F(Z30, Z31)

// For two panels: what is done with a row's sums. R13 goes down the rows of
// out, then DI does.
#define FETCH2(low, high) \
	VMOVUPS (R13), low \
	VMOVUPS 64(R13), high \
	ADDQ    R8, R13
#define ZERO2(low, high) \
	VPXORD low, low, low \
	VPXORD high, high, high
#define PUT2(low, high) \
	VMOVUPS low, (DI) \
	VMOVUPS high, 64(DI) \
	ADDQ    R8, DI
#define ASK2(low, high) \
	PREFETCHT0 (R13) \
	PREFETCHT0 64(R13) \
	ADDQ       R8, R13
#define ROW2(at, low, high) \
	VBROADCASTSS at, Z2 \
	VFMADD231PS  Z0, Z2, low \
	VFMADD231PS  Z1, Z2, high

// The same for one.
#define FETCH1(low, high) \
	VMOVUPS (R13), low \
	ADDQ    R8, R13
#define ZERO1(low, high) \
	VPXORD low, low, low
#define PUT1(low, high) \
	VMOVUPS low, (DI) \
	ADDQ    R8, DI
#define ASK1(low, high) \
	PREFETCHT0 (R13) \
	ADDQ       R8, R13
#define ROW1(at, low, high) \
	VFMADD231PS.BCST at, Z0, low

// NOASK is for few rows: asking ahead takes as long as waiting.
#define NOASK(low, high)

// STEPn multiplies by n rows of a: three from each of SI, DX, R11 and R12.
#define STEP1(ROW) \
	ROW((SI), Z8, Z9) \
	ADDQ R10, SI
#define STEP2(ROW) \
	ROW((SI), Z8, Z9) \
	ROW((SI)(R9*1), Z10, Z11) \
	ADDQ R10, SI
#define STEP4(ROW) \
	ROW((SI), Z8, Z9) \
	ROW((SI)(R9*1), Z10, Z11) \
	ROW((SI)(R9*2), Z12, Z13) \
	ROW((DX), Z14, Z15) \
	ADDQ R10, SI \
	ADDQ R10, DX
#define STEP8(ROW) \
	ROW((SI), Z8, Z9) \
	ROW((SI)(R9*1), Z10, Z11) \
	ROW((SI)(R9*2), Z12, Z13) \
	ROW((DX), Z14, Z15) \
	ROW((DX)(R9*1), Z16, Z17) \
	ROW((DX)(R9*2), Z18, Z19) \
	ROW((R11), Z20, Z21) \
	ROW((R11)(R9*1), Z22, Z23) \
	ADDQ R10, SI \
	ADDQ R10, DX \
	ADDQ R10, R11
#define STEP12(ROW) \
	ROW((SI), Z8, Z9) \
	ROW((SI)(R9*1), Z10, Z11) \
	ROW((SI)(R9*2), Z12, Z13) \
	ROW((DX), Z14, Z15) \
	ROW((DX)(R9*1), Z16, Z17) \
	ROW((DX)(R9*2), Z18, Z19) \
	ROW((R11), Z20, Z21) \
	ROW((R11)(R9*1), Z22, Z23) \
	ROW((R11)(R9*2), Z24, Z25) \
	ROW((R12), Z26, Z27) \
	ROW((R12)(R9*1), Z28, Z29) \
	ROW((R12)(R9*2), Z30, Z31) \
	ADDQ R10, SI \
	ADDQ R10, DX \
	ADDQ R10, R11 \
	ADDQ R10, R12

// OPERANDS sets DI, R8 to out and its row in bytes, SI, R9, R10 to a, its row
// and step, BX to the first panel, and DX, R11, R12 to rows 3, 6 and 9 of a.
#define OPERANDS \
	MOVQ out+0(FP), DI \
	MOVQ outRow+8(FP), R8 \
	MOVQ a+16(FP), SI \
	MOVQ aRow+24(FP), R9 \
	MOVQ aStep+32(FP), R10 \
	MOVQ b0+40(FP), BX \
	SHLQ $2, R8 \
	SHLQ $2, R9 \
	SHLQ $2, R10 \
	LEAQ (R9)(R9*2), R12 \
	LEAQ (SI)(R12*1), DX \
	LEAQ (DX)(R12*1), R11 \
	ADDQ R11, R12 \
	MOVQ DI, R13

// TILE2 is the body of a routine for two panels. The sums that it has to
// fetch are in a near cache, since the tile above asked for them; where it
// begins with zero it asks for the place of its own. START and AHEAD are what
// it does besides before the steps and in each.
#define TILE2(SUMS, STEP, ASK, ADD, START, AHEAD) \
	OPERANDS \
	MOVBLZX ADD, AX \
	MOVQ    depth+64(FP), CX \
	TESTB   AX, AX \
	JZ      zero \
	SUMS(FETCH2) \
	SUMS(ASK) \
	JMP     start \
zero: \
	SUMS(ZERO2) \
	SUMS(ASK) \
start: \
	MOVQ  b1+48(FP), AX \
	MOVQ  bStep+56(FP), R13 \
	SHLQ  $2, R13 \
	START \
	TESTQ CX, CX \
	JZ    store \
loop: \
	VMOVUPS (BX), Z0 \
	VMOVUPS (AX), Z1 \
	AHEAD \
	STEP(ROW2) \
	ADDQ    R13, BX \
	ADDQ    R13, AX \
	DECQ    CX \
	JNZ     loop \
store: \
	MOVQ outRow+8(FP), R8 \
	SHLQ $2, R8 \
	SUMS(PUT2) \
	VZEROUPPER

// TILE1 is the body of a routine for one panel.
#define TILE1(SUMS, STEP, ASK) \
	OPERANDS \
	MOVBLZX add+64(FP), AX \
	MOVQ    depth+56(FP), CX \
	TESTB   AX, AX \
	JZ      zero \
	SUMS(FETCH1) \
	SUMS(ASK) \
	JMP     start \
zero: \
	SUMS(ZERO1) \
	SUMS(ASK) \
start: \
	MOVQ  bStep+48(FP), R13 \
	SHLQ  $2, R13 \
	TESTQ CX, CX \
	JZ    store \
loop: \
	VMOVUPS (BX), Z0 \
	STEP(ROW1) \
	ADDQ    R13, BX \
	DECQ    CX \
	JNZ     loop \
store: \
	SUMS(PUT1) \
	VZEROUPPER

// What a later tile reads is asked for line by line: in each step one, of the
// lines that this tile takes of those at ahead, if it finds some.
#define STARTAHEAD \
	CMPQ numAhead+80(FP), $0 \
	JEQ  none \
	MOVQ ahead+72(FP), R8 \
	ADDQ $32, ahead+72(FP) \
	DECQ numAhead+80(FP) \
	MOVQ (R8), R15 \
	MOVQ 24(R8), R8 \
	SHLQ $2, R8 \
	JMP  asking \
none: \
	MOVQ BX, R15 \
	XORQ R8, R8 \
asking:
#define GOAHEAD \
	PREFETCHT1 (R15) \
	ADDQ       R8, R15
#define NOTHING

// Tiles of twelve rows, one below the other, begin where the last one ended.
//
// func pairs12AVX512(out *float32, outRow int, a *float32, aRow, aStep int, b0, b1 *float32, bStep, depth int, ahead *lines, numAhead, tiles int, add bool)
TEXT ·pairs12AVX512(SB), NOSPLIT, $0-97
tile:
	TILE2(SUMS12, STEP12, ASK2, add+96(FP), STARTAHEAD, GOAHEAD)
	DECQ tiles+88(FP)
	JZ   done
	MOVQ DI, out+0(FP)
	LEAQ (R9)(R9*2), AX
	SHLQ $2, AX
	ADDQ AX, a+16(FP)
	JMP  tile

done:
	RET

// func pair8AVX512(out *float32, outRow int, a *float32, aRow, aStep int, b0, b1 *float32, bStep, depth int, add bool)
TEXT ·pair8AVX512(SB), NOSPLIT, $0-73
	TILE2(SUMS8, STEP8, NOASK, add+72(FP), NOTHING, NOTHING)
	RET

// func pair4AVX512(out *float32, outRow int, a *float32, aRow, aStep int, b0, b1 *float32, bStep, depth int, add bool)
TEXT ·pair4AVX512(SB), NOSPLIT, $0-73
	TILE2(SUMS4, STEP4, NOASK, add+72(FP), NOTHING, NOTHING)
	RET

// func pair2AVX512(out *float32, outRow int, a *float32, aRow, aStep int, b0, b1 *float32, bStep, depth int, add bool)
TEXT ·pair2AVX512(SB), NOSPLIT, $0-73
	TILE2(SUMS2, STEP2, NOASK, add+72(FP), NOTHING, NOTHING)
	RET

// func pair1AVX512(out *float32, outRow int, a *float32, aRow, aStep int, b0, b1 *float32, bStep, depth int, add bool)
TEXT ·pair1AVX512(SB), NOSPLIT, $0-73
	TILE2(SUMS1, STEP1, NOASK, add+72(FP), NOTHING, NOTHING)
	RET

// func tile12AVX512(out *float32, outRow int, a *float32, aRow, aStep int, b0 *float32, bStep, depth int, add bool)
TEXT ·tile12AVX512(SB), NOSPLIT, $0-65
	TILE1(SUMS12, STEP12, ASK1)
	RET

// func tile8AVX512(out *float32, outRow int, a *float32, aRow, aStep int, b0 *float32, bStep, depth int, add bool)
TEXT ·tile8AVX512(SB), NOSPLIT, $0-65
	TILE1(SUMS8, STEP8, NOASK)
	RET

// func tile4AVX512(out *float32, outRow int, a *float32, aRow, aStep int, b0 *float32, bStep, depth int, add bool)
TEXT ·tile4AVX512(SB), NOSPLIT, $0-65
	TILE1(SUMS4, STEP4, NOASK)
	RET

// func tile2AVX512(out *float32, outRow int, a *float32, aRow, aStep int, b0 *float32, bStep, depth int, add bool)
TEXT ·tile2AVX512(SB), NOSPLIT, $0-65
	TILE1(SUMS2, STEP2, NOASK)
	RET

// func tile1AVX512(out *float32, outRow int, a *float32, aRow, aStep int, b0 *float32, bStep, depth int, add bool)
TEXT ·tile1AVX512(SB), NOSPLIT, $0-65
	TILE1(SUMS1, STEP1, NOASK)
	RET

// func quadAVX512(out, a *float32, aStep int, b0, b1, b2, b3 *float32, bStep, depth int, add bool)
TEXT ·quadAVX512(SB), NOSPLIT, $0-73
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
	VMOVUPS (DI), Z8
	VMOVUPS 64(DI), Z9
	VMOVUPS 128(DI), Z10
	VMOVUPS 192(DI), Z11
	JMP     start

zero:
	VPXORD Z8, Z8, Z8
	VPXORD Z9, Z9, Z9
	VPXORD Z10, Z10, Z10
	VPXORD Z11, Z11, Z11

start:
	XORQ  AX, AX
	TESTQ CX, CX
	JZ    store

loop:
	VBROADCASTSS (SI), Z2
	VFMADD231PS  (BX)(AX*1), Z2, Z8
	VFMADD231PS  (DX)(AX*1), Z2, Z9
	VFMADD231PS  (R8)(AX*1), Z2, Z10
	VFMADD231PS  (R9)(AX*1), Z2, Z11
	ADDQ         R10, SI
	ADDQ         R11, AX
	DECQ         CX
	JNZ          loop

store:
	VMOVUPS Z8, (DI)
	VMOVUPS Z9, 64(DI)
	VMOVUPS Z10, 128(DI)
	VMOVUPS Z11, 192(DI)
	VZEROUPPER
	RET
