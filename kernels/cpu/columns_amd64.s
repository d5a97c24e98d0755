#include "textflag.h"

// These go down columns of matrices whose rows are some distance apart.

// COLUMNS8 adds s·x·y of eight columns, at an offset, to their sums.
#define COLUMNS8(offset, sum) \
	VMULPS      offset(SI), Y12, Y0 \
	VFMADD231PS offset(DX), Y0, sum

// The sums of 32 columns stay in registers while the rows go by.
//
// func addProducts32AVX2(dst, x, y *float32, row int, s *float32, rows int)
TEXT ·addProducts32AVX2(SB), NOSPLIT, $0-48
	MOVQ    dst+0(FP), DI
	MOVQ    x+8(FP), SI
	MOVQ    y+16(FP), DX
	MOVQ    row+24(FP), R9
	MOVQ    s+32(FP), BX
	MOVQ    rows+40(FP), CX
	SHLQ    $2, R9
	VMOVUPS (DI), Y4
	VMOVUPS 32(DI), Y5
	VMOVUPS 64(DI), Y6
	VMOVUPS 96(DI), Y7

loop:
	VBROADCASTSS (BX), Y12
	COLUMNS8(0, Y4)
	COLUMNS8(32, Y5)
	COLUMNS8(64, Y6)
	COLUMNS8(96, Y7)
	ADDQ    $4, BX
	ADDQ    R9, SI
	ADDQ    R9, DX
	DECQ    CX
	JNZ     loop
	VMOVUPS Y4, (DI)
	VMOVUPS Y5, 32(DI)
	VMOVUPS Y6, 64(DI)
	VMOVUPS Y7, 96(DI)
	VZEROUPPER
	RET

// func copy16AVX2(dst *float32, dstRow int, src *float32, srcRow, depth int)
TEXT ·copy16AVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ dstRow+8(FP), R8
	MOVQ src+16(FP), SI
	MOVQ srcRow+24(FP), R9
	MOVQ depth+32(FP), CX
	SHLQ $2, R8
	SHLQ $2, R9

loop:
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	ADDQ    R8, DI
	ADDQ    R9, SI
	DECQ    CX
	JNZ     loop
	VZEROUPPER
	RET
