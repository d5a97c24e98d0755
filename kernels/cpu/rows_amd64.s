#include "textflag.h"

// Each routine goes over rows of CX elements, eight at a time. The body of its
// loop finds its operands in Y5 … Y8, from SI, DX, BX and R8, and leaves its result in
// Y0, for DI. The last elements take the same body behind the mask Y15.

#define CONSTANT(name, v) \
	DATA name<>+0(SB)/4, v \
	DATA name<>+4(SB)/4, v \
	DATA name<>+8(SB)/4, v \
	DATA name<>+12(SB)/4, v \
	DATA name<>+16(SB)/4, v \
	DATA name<>+20(SB)/4, v \
	DATA name<>+24(SB)/4, v \
	DATA name<>+28(SB)/4, v \
	GLOBL name<>(SB), RODATA|NOPTR, $32

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
CONSTANT(negInf, $0xFF800000)

// Loaded 4·k bytes before its middle, tailMask has its first k lanes set.
DATA tailMask<>+0(SB)/8, $0xFFFFFFFFFFFFFFFF
DATA tailMask<>+8(SB)/8, $0xFFFFFFFFFFFFFFFF
DATA tailMask<>+16(SB)/8, $0xFFFFFFFFFFFFFFFF
DATA tailMask<>+24(SB)/8, $0xFFFFFFFFFFFFFFFF
DATA tailMask<>+32(SB)/8, $0
DATA tailMask<>+40(SB)/8, $0
DATA tailMask<>+48(SB)/8, $0
DATA tailMask<>+56(SB)/8, $0
GLOBL tailMask<>(SB), RODATA|NOPTR, $64

#define LOAD1 VMOVUPS (SI)(AX*1), Y5
#define LOAD2 LOAD1 \
	VMOVUPS (DX)(AX*1), Y6
#define LOAD3 LOAD2 \
	VMOVUPS (BX)(AX*1), Y7
#define LOAD4 LOAD3 \
	VMOVUPS (R8)(AX*1), Y8
#define STORE VMOVUPS Y0, (DI)(AX*1)

#define TAIL1 VMASKMOVPS (SI)(AX*1), Y15, Y5
#define TAIL2 TAIL1 \
	VMASKMOVPS (DX)(AX*1), Y15, Y6
#define TAIL3 TAIL2 \
	VMASKMOVPS (BX)(AX*1), Y15, Y7
#define TAIL4 TAIL3 \
	VMASKMOVPS (R8)(AX*1), Y15, Y8
#define TAILSTORE VMASKMOVPS Y0, Y15, (DI)(AX*1)

#define NOTHING

// EACH is the loop.
#define EACH(LOAD, TAIL, BODY, PUT, TAILPUT) \
	VPCMPEQD Y15, Y15, Y15 \
	XORQ     AX, AX \
	JMP      next \
loop: \
	LOAD \
	BODY \
	PUT \
	ADDQ     $32, AX \
next: \
	SUBQ     $8, CX \
	JGE      loop \
	ADDQ     $8, CX \
	JEQ      done \
	SHLQ     $2, CX \
	LEAQ     tailMask<>+32(SB), R11 \
	SUBQ     CX, R11 \
	VMOVUPS  (R11), Y15 \
	TAIL \
	BODY \
	TAILPUT \
done:

// FOLD adds up the lanes of y into the lowest: halves, then pairs.
#define FOLD(y, x) \
	VEXTRACTF128 $1, y, X1 \
	VADDPS       X1, x, x \
	VMOVHLPS     x, x, X1 \
	VADDPS       X1, x, x \
	VSHUFPS      $1, x, x, X1 \
	VADDSS       X1, x, x

// EXP replaces Y0 by its exponential: e^(n·ln 2 + r) by a polynomial in r and
// the exponent bits n. It spoils Y1 … Y4.
#define EXP \
	VMOVUPS      expHigh<>(SB), Y1 \
	VMINPS       Y0, Y1, Y1 \
	VMULPS       log2E<>(SB), Y1, Y2 \
	VROUNDPS     $8, Y2, Y2 \
	VFNMADD231PS ln2High<>(SB), Y2, Y1 \
	VFNMADD231PS ln2Low<>(SB), Y2, Y1 \
	VMOVUPS      exp0<>(SB), Y3 \
	VFMADD213PS  exp1<>(SB), Y1, Y3 \
	VFMADD213PS  exp2<>(SB), Y1, Y3 \
	VFMADD213PS  exp3<>(SB), Y1, Y3 \
	VFMADD213PS  exp4<>(SB), Y1, Y3 \
	VFMADD213PS  exp5<>(SB), Y1, Y3 \
	VMULPS       Y1, Y1, Y4 \
	VFMADD213PS  Y1, Y4, Y3 \
	VADDPS       one<>(SB), Y3, Y3 \
	VCVTPS2DQ    Y2, Y2 \
	VPADDD       bias<>(SB), Y2, Y2 \
	VPSLLD       $23, Y2, Y2 \
	VMULPS       Y2, Y3, Y3 \
	VCMPPS       $1, expLow<>(SB), Y0, Y4 \
	VANDNPS      Y3, Y4, Y0

#define EXPROW \
	VMOVAPS     Y12, Y0 \
	VFMSUB213PS Y13, Y5, Y0 \
	VMOVAPS     Y0, Y6 \
	EXP \
	VANDPS      Y15, Y0, Y0 \
	VADDPS      Y0, Y9, Y9 \
	VFMADD231PS Y0, Y6, Y10

// func expRowAVX2(dst, src *float32, n int, scale, shift float32) (sum, dot float32)
TEXT ·expRowAVX2(SB), NOSPLIT, $0-40
	MOVQ         dst+0(FP), DI
	MOVQ         src+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS scale+24(FP), Y12
	VBROADCASTSS shift+28(FP), Y13
	VXORPS       Y9, Y9, Y9
	VXORPS       Y10, Y10, Y10
	EACH(LOAD1, TAIL1, EXPROW, STORE, TAILSTORE)
	FOLD(Y9, X9)
	FOLD(Y10, X10)
	VMOVSS       X9, sum+32(FP)
	VMOVSS       X10, dot+36(FP)
	VZEROUPPER
	RET

#define MAXROW \
	VBLENDVPS Y15, Y5, Y8, Y5 \
	VMAXPS    Y5, Y9, Y9

// func maxRowAVX2(x *float32, n int) float32
TEXT ·maxRowAVX2(SB), NOSPLIT, $0-20
	MOVQ         x+0(FP), SI
	MOVQ         n+8(FP), CX
	VMOVUPS      negInf<>(SB), Y8
	VMOVUPS      negInf<>(SB), Y9
	EACH(LOAD1, TAIL1, MAXROW, NOTHING, NOTHING)
	VEXTRACTF128 $1, Y9, X1
	VMAXPS       X1, X9, X9
	VMOVHLPS     X9, X9, X1
	VMAXPS       X1, X9, X9
	VSHUFPS      $1, X9, X9, X1
	VMAXSS       X1, X9, X9
	VMOVSS       X9, ret+16(FP)
	VZEROUPPER
	RET

#define DOTROW VFMADD231PS Y5, Y6, Y9

// func dotRowAVX2(x, y *float32, n int) float32
TEXT ·dotRowAVX2(SB), NOSPLIT, $0-28
	MOVQ   x+0(FP), SI
	MOVQ   y+8(FP), DX
	MOVQ   n+16(FP), CX
	VXORPS Y9, Y9, Y9
	EACH(LOAD2, TAIL2, DOTROW, NOTHING, NOTHING)
	FOLD(Y9, X9)
	VMOVSS X9, ret+24(FP)
	VZEROUPPER
	RET

#define DOT3ROW \
	VMULPS      Y5, Y6, Y0 \
	VFMADD231PS Y0, Y7, Y9

// func dot3RowAVX2(x, y, z *float32, n int) float32
TEXT ·dot3RowAVX2(SB), NOSPLIT, $0-36
	MOVQ   x+0(FP), SI
	MOVQ   y+8(FP), DX
	MOVQ   z+16(FP), BX
	MOVQ   n+24(FP), CX
	VXORPS Y9, Y9, Y9
	EACH(LOAD3, TAIL3, DOT3ROW, NOTHING, NOTHING)
	FOLD(Y9, X9)
	VMOVSS X9, ret+32(FP)
	VZEROUPPER
	RET

#define ADDROW VADDPS Y6, Y5, Y0

// func addRowAVX2(dst, x, y *float32, n int)
TEXT ·addRowAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ y+16(FP), DX
	MOVQ n+24(FP), CX
	EACH(LOAD2, TAIL2, ADDROW, STORE, TAILSTORE)
	VZEROUPPER
	RET

#define SCALEROW VMULPS Y5, Y12, Y0

// func scaleRowAVX2(dst, x *float32, n int, s float32)
TEXT ·scaleRowAVX2(SB), NOSPLIT, $0-28
	MOVQ         dst+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS s+24(FP), Y12
	EACH(LOAD1, TAIL1, SCALEROW, STORE, TAILSTORE)
	VZEROUPPER
	RET

#define SCALEBYGAIN \
	VMULPS Y5, Y12, Y0 \
	VMULPS Y0, Y6, Y0

// func scaleByGainAVX2(dst, x, gain *float32, n int, s float32)
TEXT ·scaleByGainAVX2(SB), NOSPLIT, $0-36
	MOVQ         dst+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         gain+16(FP), DX
	MOVQ         n+24(FP), CX
	VBROADCASTSS s+32(FP), Y12
	EACH(LOAD2, TAIL2, SCALEBYGAIN, STORE, TAILSTORE)
	VZEROUPPER
	RET

#define ADDPRODUCT \
	VMULPS      Y5, Y12, Y0 \
	VFMADD213PS Y7, Y6, Y0

// func addProductRowAVX2(dst, x, y *float32, n int, s float32)
TEXT ·addProductRowAVX2(SB), NOSPLIT, $0-36
	MOVQ         dst+0(FP), DI
	MOVQ         DI, BX
	MOVQ         x+8(FP), SI
	MOVQ         y+16(FP), DX
	MOVQ         n+24(FP), CX
	VBROADCASTSS s+32(FP), Y12
	EACH(LOAD3, TAIL3, ADDPRODUCT, STORE, TAILSTORE)
	VZEROUPPER
	RET

#define NORMGRAD \
	VMULPS      Y5, Y12, Y0 \
	VFMADD231PS Y0, Y6, Y8 \
	VMOVAPS     Y8, Y0 \
	VFMADD231PS Y7, Y13, Y0

// func normGradRowAVX2(dx, dOut, gain, sum *float32, n int, own, shared float32)
TEXT ·normGradRowAVX2(SB), NOSPLIT, $0-48
	MOVQ         dx+0(FP), DI
	MOVQ         DI, R8
	MOVQ         dOut+8(FP), SI
	MOVQ         gain+16(FP), DX
	MOVQ         sum+24(FP), BX
	MOVQ         n+32(FP), CX
	VBROADCASTSS own+40(FP), Y12
	VBROADCASTSS shared+44(FP), Y13
	EACH(LOAD4, TAIL4, NORMGRAD, STORE, TAILSTORE)
	VZEROUPPER
	RET

#define SCOREGRAD \
	VSUBPS Y12, Y6, Y0 \
	VMULPS Y5, Y0, Y0 \
	VMULPS Y13, Y0, Y0

// func scoreGradRowAVX2(dp, p *float32, n int, delta, scale float32)
TEXT ·scoreGradRowAVX2(SB), NOSPLIT, $0-32
	MOVQ         dp+0(FP), DI
	MOVQ         DI, DX
	MOVQ         p+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS delta+24(FP), Y12
	VBROADCASTSS scale+28(FP), Y13
	EACH(LOAD2, TAIL2, SCOREGRAD, STORE, TAILSTORE)
	VZEROUPPER
	RET

#define LOGITGRAD \
	VFMSUB213PS Y13, Y12, Y6 \
	VFMADD213PS Y10, Y11, Y6 \
	VMULPS      Y5, Y6, Y0

// func logitGradRowAVX2(e, z *float32, n int, scale, shift, a, b float32)
TEXT ·logitGradRowAVX2(SB), NOSPLIT, $0-40
	MOVQ         e+0(FP), DI
	MOVQ         DI, SI
	MOVQ         z+8(FP), DX
	MOVQ         n+16(FP), CX
	VBROADCASTSS scale+24(FP), Y12
	VBROADCASTSS shift+28(FP), Y13
	VBROADCASTSS a+32(FP), Y10
	VBROADCASTSS b+36(FP), Y11
	EACH(LOAD2, TAIL2, LOGITGRAD, STORE, TAILSTORE)
	VZEROUPPER
	RET

#define SIGMOID \
	VXORPS  sign<>(SB), Y5, Y0 \
	EXP \
	VMOVUPS one<>(SB), Y1 \
	VADDPS  Y1, Y0, Y0

#define SWIGLU \
	SIGMOID \
	VDIVPS Y0, Y5, Y0 \
	VMULPS Y6, Y0, Y0

// func swigluRowAVX2(out, gate, up *float32, n int)
TEXT ·swigluRowAVX2(SB), NOSPLIT, $0-32
	MOVQ out+0(FP), DI
	MOVQ gate+8(FP), SI
	MOVQ up+16(FP), DX
	MOVQ n+24(FP), CX
	EACH(LOAD2, TAIL2, SWIGLU, STORE, TAILSTORE)
	VZEROUPPER
	RET

// The derivative by up is left in Y9, that by gate in Y0.
#define SWIGLUGRAD \
	SIGMOID \
	VDIVPS      Y0, Y1, Y2 \
	VMULPS      Y2, Y5, Y3 \
	VMULPS      Y3, Y7, Y9 \
	VSUBPS      Y2, Y1, Y1 \
	VFMADD231PS Y1, Y3, Y2 \
	VMULPS      Y6, Y7, Y0 \
	VMULPS      Y2, Y0, Y0

#define STOREBOTH STORE \
	VMOVUPS Y9, (R9)(AX*1)
#define TAILSTOREBOTH TAILSTORE \
	VMASKMOVPS Y9, Y15, (R9)(AX*1)

// func swigluGradRowAVX2(dGate, dUp, dOut, gate, up *float32, n int)
TEXT ·swigluGradRowAVX2(SB), NOSPLIT, $0-48
	MOVQ dGate+0(FP), DI
	MOVQ dUp+8(FP), R9
	MOVQ dOut+16(FP), BX
	MOVQ gate+24(FP), SI
	MOVQ up+32(FP), DX
	MOVQ n+40(FP), CX
	EACH(LOAD3, TAIL3, SWIGLUGRAD, STOREBOTH, TAILSTOREBOTH)
	VZEROUPPER
	RET

// The fields of adamStep, in bytes from R9.
#define CLIP 0(R9)
#define BETA1 4(R9)
#define BETA2 8(R9)
#define REST1 12(R9)
#define REST2 16(R9)
#define RATE 20(R9)
#define C1 24(R9)
#define C2 28(R9)
#define EPS 32(R9)
#define DECAY 36(R9)

// Weights, gradients and moments m and v are in Y5 … Y8; the new ones are left in Y0,
// Y1 (m) and Y2 (v).
#define ADAM \
	VBROADCASTSS CLIP, Y0 \
	VMULPS       Y0, Y6, Y6 \
	VBROADCASTSS REST1, Y1 \
	VMULPS       Y6, Y1, Y1 \
	VBROADCASTSS BETA1, Y0 \
	VFMADD231PS  Y7, Y0, Y1 \
	VMULPS       Y6, Y6, Y2 \
	VBROADCASTSS REST2, Y0 \
	VMULPS       Y0, Y2, Y2 \
	VBROADCASTSS BETA2, Y0 \
	VFMADD231PS  Y8, Y0, Y2 \
	VBROADCASTSS C2, Y0 \
	VMULPS       Y0, Y2, Y3 \
	VSQRTPS      Y3, Y3 \
	VBROADCASTSS EPS, Y0 \
	VADDPS       Y0, Y3, Y3 \
	VBROADCASTSS C1, Y0 \
	VMULPS       Y0, Y1, Y4 \
	VDIVPS       Y3, Y4, Y4 \
	VBROADCASTSS DECAY, Y0 \
	VFMADD231PS  Y5, Y0, Y4 \
	VBROADCASTSS RATE, Y0 \
	VFNMADD213PS Y5, Y4, Y0

#define STOREADAM STORE \
	VMOVUPS Y1, (BX)(AX*1) \
	VMOVUPS Y2, (R8)(AX*1)
#define TAILSTOREADAM TAILSTORE \
	VMASKMOVPS Y1, Y15, (BX)(AX*1) \
	VMASKMOVPS Y2, Y15, (R8)(AX*1)

// func adamRowAVX2(w, grads, m, v *float32, n int, s *adamStep)
TEXT ·adamRowAVX2(SB), NOSPLIT, $0-48
	MOVQ w+0(FP), DI
	MOVQ DI, SI
	MOVQ grads+8(FP), DX
	MOVQ m+16(FP), BX
	MOVQ v+24(FP), R8
	MOVQ n+32(FP), CX
	MOVQ s+40(FP), R9
	EACH(LOAD4, TAIL4, ADAM, STOREADAM, TAILSTOREADAM)
	VZEROUPPER
	RET

// Heads one after another, width apart, are turned by the same angles: half
// cosines, then half sines, whose signs are changed by the bits of flip. half
// is a multiple of 8.
//
// func rotateAVX2(row *float32, heads, width, half int, turn *float32, flip uint32)
TEXT ·rotateAVX2(SB), NOSPLIT, $0-44
	MOVQ         row+0(FP), SI
	MOVQ         heads+8(FP), CX
	MOVQ         width+16(FP), R8
	MOVQ         half+24(FP), R10
	MOVQ         turn+32(FP), BX
	VBROADCASTSS flip+40(FP), Y12
	SHLQ         $2, R8
	SHLQ         $2, R10
	LEAQ         (BX)(R10*1), R9

head:
	LEAQ (SI)(R10*1), DX
	XORQ AX, AX

pair:
	VMOVUPS     (SI)(AX*1), Y0
	VMOVUPS     (DX)(AX*1), Y1
	VMOVUPS     (BX)(AX*1), Y2
	VXORPS      (R9)(AX*1), Y12, Y3
	VMULPS      Y1, Y3, Y4
	VMULPS      Y0, Y3, Y5
	VFMSUB213PS Y4, Y2, Y0
	VFMADD213PS Y5, Y2, Y1
	VMOVUPS     Y0, (SI)(AX*1)
	VMOVUPS     Y1, (DX)(AX*1)
	ADDQ        $32, AX
	CMPQ        AX, R10
	JLT         pair
	ADDQ        R8, SI
	DECQ        CX
	JNZ         head
	VZEROUPPER
	RET
