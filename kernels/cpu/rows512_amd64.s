#include "textflag.h"

// The routines of rows_amd64.s that have exponentials, sixteen elements at a
// time: a step of theirs waits for its own results longest, so that twice the
// elements take little longer. Results are equal to the bit: sums stay in eight
// lanes, to which the lower eight of a step are added first.

#define CONSTANT(name, v) \
	DATA name<>+0(SB)/4, v \
	GLOBL name<>(SB), RODATA|NOPTR, $4

CONSTANT(expLow, $(-87.33654))
CONSTANT(expHigh, $(88.02))
CONSTANT(log2E, $(1.44269504088896341))
CONSTANT(ln2High, $(0.693359375))
CONSTANT(ln2Low, $(-2.12194440e-4))
CONSTANT(exp0, $(1.9875691500e-4))
CONSTANT(exp1, $(1.3981999507e-3))
CONSTANT(exp2, $(8.3334519073e-3))
CONSTANT(exp3, $(4.1665795894e-2))
CONSTANT(exp4, $(1.6666665459e-1))
CONSTANT(exp5, $(5.0000001201e-1))
CONSTANT(one, $(1.0))
CONSTANT(bias, $127)
CONSTANT(sign, $0x80000000)

// EACH is the loop: K1 has the lanes of a step, all but in the last.
#define EACH(BODY) \
	KXNORW K1, K1, K1 \
	XORQ   AX, AX \
	JMP    next \
loop: \
	BODY \
	ADDQ   $64, AX \
next: \
	SUBQ   $16, CX \
	JGE    loop \
	ADDQ   $16, CX \
	JEQ    done \
	MOVL   $1, R11 \
	SHLL   CX, R11 \
	DECL   R11 \
	KMOVW  R11, K1 \
	BODY \
done:

// EXP replaces Z0 by its exponential in the lanes of K1, and by zero elsewhere.
// It spoils Z1 … Z4 and K2.
#define EXP \
	VBROADCASTSS      expHigh<>(SB), Z1 \
	VMINPS            Z0, Z1, Z1 \
	VMULPS.BCST       log2E<>(SB), Z1, Z2 \
	VRNDSCALEPS       $8, Z2, Z2 \
	VFNMADD231PS.BCST ln2High<>(SB), Z2, Z1 \
	VFNMADD231PS.BCST ln2Low<>(SB), Z2, Z1 \
	VBROADCASTSS      exp0<>(SB), Z3 \
	VFMADD213PS.BCST  exp1<>(SB), Z1, Z3 \
	VFMADD213PS.BCST  exp2<>(SB), Z1, Z3 \
	VFMADD213PS.BCST  exp3<>(SB), Z1, Z3 \
	VFMADD213PS.BCST  exp4<>(SB), Z1, Z3 \
	VFMADD213PS.BCST  exp5<>(SB), Z1, Z3 \
	VMULPS            Z1, Z1, Z4 \
	VFMADD213PS       Z1, Z4, Z3 \
	VADDPS.BCST       one<>(SB), Z3, Z3 \
	VCVTPS2DQ         Z2, Z2 \
	VPADDD.BCST       bias<>(SB), Z2, Z2 \
	VPSLLD            $23, Z2, Z2 \
	VCMPPS.BCST       $5, expLow<>(SB), Z0, K1, K2 \
	VMULPS.Z          Z2, Z3, K2, Z0

#define EXPROW \
	VMOVUPS.Z     (SI)(AX*1), K1, Z5 \
	VMOVAPS       Z12, Z0 \
	VFMSUB213PS   Z13, Z5, Z0 \
	VMOVAPS       Z0, Z6 \
	EXP \
	VMOVUPS       Z0, K1, (DI)(AX*1) \
	VEXTRACTF64X4 $1, Z0, Y7 \
	VEXTRACTF64X4 $1, Z6, Y8 \
	VADDPS        Y0, Y9, Y9 \
	VADDPS        Y7, Y9, Y9 \
	VFMADD231PS   Y0, Y6, Y10 \
	VFMADD231PS   Y7, Y8, Y10

// FOLD adds up the eight lanes of y into the lowest: halves, then pairs.
#define FOLD(y, x) \
	VEXTRACTF128 $1, y, X1 \
	VADDPS       X1, x, x \
	VMOVHLPS     x, x, X1 \
	VADDPS       X1, x, x \
	VSHUFPS      $1, x, x, X1 \
	VADDSS       X1, x, x

// func expRowAVX512(dst, src *float32, n int, scale, shift float32) (sum, dot float32)
TEXT ·expRowAVX512(SB), NOSPLIT, $0-40
	MOVQ         dst+0(FP), DI
	MOVQ         src+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS scale+24(FP), Z12
	VBROADCASTSS shift+28(FP), Z13
	VXORPS       Y9, Y9, Y9
	VXORPS       Y10, Y10, Y10
	EACH(EXPROW)
	FOLD(Y9, X9)
	FOLD(Y10, X10)
	VMOVSS       X9, sum+32(FP)
	VMOVSS       X10, dot+36(FP)
	VZEROUPPER
	RET

// SIGMOID leaves the gate in Z5 and 1 + exp(−gate) in Z0.
#define SIGMOID \
	VMOVUPS.Z    (SI)(AX*1), K1, Z5 \
	VPXORD.BCST  sign<>(SB), Z5, Z0 \
	EXP \
	VADDPS.BCST  one<>(SB), Z0, Z0

#define SWIGLU \
	SIGMOID \
	VMOVUPS.Z (DX)(AX*1), K1, Z6 \
	VDIVPS    Z0, Z5, Z0 \
	VMULPS    Z6, Z0, Z0 \
	VMOVUPS   Z0, K1, (DI)(AX*1)

// func swigluRowAVX512(out, gate, up *float32, n int)
TEXT ·swigluRowAVX512(SB), NOSPLIT, $0-32
	MOVQ out+0(FP), DI
	MOVQ gate+8(FP), SI
	MOVQ up+16(FP), DX
	MOVQ n+24(FP), CX
	EACH(SWIGLU)
	VZEROUPPER
	RET

#define SWIGLUGRAD \
	SIGMOID \
	VMOVUPS.Z    (DX)(AX*1), K1, Z6 \
	VMOVUPS.Z    (BX)(AX*1), K1, Z7 \
	VBROADCASTSS one<>(SB), Z1 \
	VDIVPS       Z0, Z1, Z2 \
	VMULPS       Z2, Z5, Z3 \
	VMULPS       Z3, Z7, Z9 \
	VSUBPS       Z2, Z1, Z1 \
	VFMADD231PS  Z1, Z3, Z2 \
	VMULPS       Z6, Z7, Z0 \
	VMULPS       Z2, Z0, Z0 \
	VMOVUPS      Z0, K1, (DI)(AX*1) \
	VMOVUPS      Z9, K1, (R9)(AX*1)

// func swigluGradRowAVX512(dGate, dUp, dOut, gate, up *float32, n int)
TEXT ·swigluGradRowAVX512(SB), NOSPLIT, $0-48
	MOVQ dGate+0(FP), DI
	MOVQ dUp+8(FP), R9
	MOVQ dOut+16(FP), BX
	MOVQ gate+24(FP), SI
	MOVQ up+32(FP), DX
	MOVQ n+40(FP), CX
	EACH(SWIGLUGRAD)
	VZEROUPPER
	RET
