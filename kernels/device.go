// Package kernels is arithmetic on arrays: the Device interface, its argument
// types, and the counter-based random numbers every device shares.
//
// Token ids, weights and activations enter as buffers; the same leave. The
// package knows nothing of policies, problems or rewards. Read Device first,
// then Segment (how packed sequences are described) and CacheTable (how cached
// ones are). Package kernels/cpu is the reference implementation; every device
// passes kernels/kerneltest.
package kernels

// Type is the element type of a Buffer.
type Type uint8

const (
	// Float32 is IEEE 754 binary32.
	Float32 Type = iota
	// Int32 is a signed 32-bit integer: token ids, rows, positions, pages.
	Int32
	// BFloat16 is the upper half of a Float32, rounded to nearest even.
	BFloat16
)

// Size returns the bytes of one element.
func (t Type) Size() int {
	if t == BFloat16 {
		return 2
	}
	return 4
}

// String returns the name used in messages and file headers.
func (t Type) String() string {
	switch t {
	case Float32:
		return "float32"
	case Int32:
		return "int32"
	case BFloat16:
		return "bfloat16"
	}
	return "invalid type"
}

// Buffer is a typed range of device memory. It is opaque: its contents are
// reached only through the Device that made it.
type Buffer interface {
	// Type returns the element type.
	Type() Type
	// Len returns the number of elements.
	Len() int
	// Slice returns elements [from, to) of the same memory. It panics outside
	// [0, Len].
	Slice(from, to int) Buffer
}

// Cache is device memory for the keys and values of decoded tokens, in a layout
// of the device's own.
type Cache interface {
	// Shape returns what the cache was made with.
	Shape() CacheShape
}

// Graph is a recorded sequence of operations.
type Graph interface {
	// NumOps returns the number of operations recorded.
	NumOps() int
}

// Mark is a place in a device's queue.
type Mark int64

// Info describes a device.
type Info struct {
	Name    string // for messages and logs, e.g. "cpu (avx2, 2 threads)"
	Kind    string // "cpu", "cuda", …; equal kinds give bit-equal results
	Compute Type   // type of weights and activations; sums are always Float32
	Threads int    // workers of a CPU device, 0 elsewhere
	Memory  int64  // bytes of the device's own memory; 0 where it is the host's
	// Replays says that replaying a Graph costs much less than the calls that it
	// stands for, and that calls of other goroutines wait while one is recorded.
	Replays bool
}

// CacheShape is the size of a Cache. A page holds PageTokens consecutive
// positions of one sequence, all layers.
type CacheShape struct {
	Layers, Pages, PageTokens int
	Heads                     Heads
}

// Heads is the shape of attention: Query heads share KeyValue heads in groups
// of Query/KeyValue; each head is Width wide.
type Heads struct {
	Query, KeyValue, Width int
}

// QKV returns the width of one packed row of queries, keys and values, in that
// order: (Query + 2·KeyValue)·Width.
func (h Heads) QKV() int { return (h.Query + 2*h.KeyValue) * h.Width }

// Out returns the width of one row of attention output: Query·Width.
func (h Heads) Out() int { return h.Query * h.Width }

// Segment is a run of packed rows that belong to one sequence, or to the part
// of a sequence after a prefix that it shares with its siblings. Row i of the
// segment sees rows [PrefixStart, PrefixStart+PrefixLen) and rows [Start,
// Start+i] of the same packed batch: no row sees another sequence.
//
// A device reads segments as an (S, 4) Int32 buffer of these fields in order;
// entries of Len 0 are skipped. Segments cover each row at most once. A prefix
// is itself a segment, listed before those that refer to it, whose own
// PrefixLen is 0.
type Segment struct {
	Start, Len, PrefixStart, PrefixLen int32
}

// SegmentInts appends the fields of segs to dst, the form a device reads.
func SegmentInts(dst []int32, segs []Segment) []int32 {
	for _, s := range segs {
		dst = append(dst, s.Start, s.Len, s.PrefixStart, s.PrefixLen)
	}
	return dst
}

// Device executes operations on its own memory, in the order in which they are
// called, and in general after the call has returned: only Wait, and Capture's
// end, wait for anything. Several goroutines may call a device; each call is
// queued whole, and one caller's calls run in its order.
//
// N is packed rows (tokens), C channels, F hidden width of the feed-forward
// part, V vocabulary, H·D attention width, P predictions, B decoded rows.
// Matrices are row-major. Activations and weights have Info().Compute elements;
// gradients of weights, norms' statistics, logprobs and coefficients are
// Float32.
//
// Numerics, the same for every operation and every device: an output element
// is a sum in ascending order of the reduced index, with an order that does
// not depend on which other rows are in the call, on threads, or on whether
// keys come from the packed batch or from a cache. So a token's logprob is the
// same bit for bit in training, scoring and sampling.
//
// Wrong shapes and types panic in the call: they are the programmer's. What
// goes wrong on the device (a fault, lost memory) is returned by the next Wait
// and by every one after it.
type Device interface {
	// Info returns the description of the device.
	Info() Info
	// Alloc returns n zero elements of type t. ErrNoMemory is wrapped when they
	// cannot be had.
	Alloc(t Type, n int) (Buffer, error)
	// Free returns a buffer from Alloc, once queued work that uses it is done.
	Free(b Buffer)
	// AllocCache returns a cache. ErrNoMemory is wrapped when it cannot be had.
	AllocCache(s CacheShape) (Cache, error)
	// FreeCache returns a cache from AllocCache, once queued work is done.
	FreeCache(c Cache)
	// Close waits for queued work and releases everything.
	Close() error

	// Upload copies src, a []float32 or an []int32, to the start of dst,
	// converting float32 to dst's type. The caller may reuse src at once.
	Upload(dst Buffer, src any)
	// Download copies src to dst, a []float32 or an []int32 of src's length,
	// which is valid after a Wait for a later Mark.
	Download(dst any, src Buffer)
	// Copy copies src to dst of the same length, converting between Float32 and
	// BFloat16.
	Copy(dst, src Buffer)
	// Fill sets every element of dst to v.
	Fill(dst Buffer, v float32)
	// Mark returns the present end of the queue.
	Mark() Mark
	// Wait blocks until all work before m is done, and returns the device's
	// first fault.
	Wait(m Mark) error
	// Capture records the operations that record queues instead of running
	// them. Alloc, Free, Upload, Download, Mark and Wait panic inside, and
	// other goroutines must not use the device meanwhile, unless Info().Replays.
	Capture(record func()) (Graph, error)
	// Replay queues the operations of g on the present contents of their
	// buffers.
	Replay(g Graph)

	// Embed sets out[n] to table[ids[n]].
	//
	//	out (N, C), table (V, C), ids (N,) Int32
	Embed(out, table, ids Buffer)
	// EmbedGrad adds to dTable[ids[n]] the rows dOut[n], ascending in n.
	//
	//	dTable (V, C) Float32, dOut (N, C), ids (N,) Int32
	EmbedGrad(dTable, dOut, ids Buffer)

	// Linear sets out to x·wᵀ, plus bias where it is not nil.
	//
	//	out (N, Out), x (N, In), w (Out, In), bias (Out,) or nil
	//
	// w is a weight: the device may keep a copy in its own layout until an
	// operation writes w's memory.
	Linear(s LinearShape, out, x, w, bias Buffer)
	// LinearGradInput sets dx to dy·w.
	//
	//	dx (N, In), dy (N, Out), w (Out, In)
	LinearGradInput(s LinearShape, dx, dy, w Buffer)
	// LinearGradWeight adds dyᵀ·x to dw, and the sums of dy's columns to dBias
	// where it is not nil.
	//
	//	dw (Out, In) Float32, dBias (Out,) Float32 or nil, dy (N, Out), x (N, In)
	LinearGradWeight(s LinearShape, dw, dBias, dy, x Buffer)

	// AddNorm sets sum to x + y and out to RMSNorm(sum)·gain, and rstd to
	// 1/sqrt(mean(sum²)+eps) (arXiv:1910.07467). y may be nil: then sum is x
	// and is not written. sum may be x.
	//
	//	sum, out, x, y (N, C), gain (C,), rstd (N,) Float32
	AddNorm(sum, out, rstd, x, y, gain Buffer, eps float32)
	// AddNormGrad adds to dx the gradient of RMSNorm's input, and to dGain
	// that of gain. dx is at once the gradient that reaches sum by the
	// residual path (in) and the whole gradient of x and of y (out).
	//
	//	dx, dOut, sum (N, C), dGain (C,) Float32, gain (C,), rstd (N,) Float32
	AddNormGrad(dx, dGain, dOut, sum, gain, rstd Buffer)
	// HeadNorm normalizes each query and each key head by itself, or where
	// a.DQKV is given turns gradients back. See HeadNormArgs.
	HeadNorm(a HeadNormArgs)

	// Rope rotates the queries and keys of qkv by their positions, pairing
	// element i of a head with i + D/2 (arXiv:2104.09864 in the half-split
	// form of Llama checkpoints). With inverse it rotates back: the gradient.
	//
	//	qkv (N, Heads.QKV()) in place, positions (N,) Int32,
	//	frequencies (D/2,) Float32, radians a position
	Rope(h Heads, qkv, positions, frequencies Buffer, inverse bool)

	// Attend sets out to causal softmax attention over each segment and its
	// prefix, scaled by 1/sqrt(D), and lse to the log-sum-exp of the scaled
	// scores.
	//
	//	out (N, Heads.Out()), lse (N, H) Float32, qkv (N, Heads.QKV()) rotated,
	//	segments (S, 4) Int32
	//
	// Rows outside every segment are left unwritten.
	Attend(h Heads, out, lse, qkv, segments Buffer)
	// AttendGrad sets dqkv to the gradient for rotated qkv. The gradient of a
	// shared prefix is summed over the segments in their order.
	//
	//	dqkv (N, Heads.QKV()), dOut, out (N, Heads.Out()), lse, qkv, segments as in Attend
	AttendGrad(h Heads, dqkv, dOut, out, lse, qkv, segments Buffer)

	// CacheStore copies keys and values of qkv's rows into layer of c. Row n
	// goes to slot slots[n] = page·PageTokens + offset; negative slots are
	// skipped.
	//
	//	qkv (N, Heads.QKV()) rotated, slots (N,) Int32
	CacheStore(c Cache, layer int, qkv, slots Buffer)
	// AttendCached is Attend for rows whose keys and values are all in c, the
	// row's own included. Each row of qkv is one query; table says what it
	// sees.
	//
	//	out (B, Heads.Out()), qkv (B, Heads.QKV()) rotated, table (B, W) Int32
	//	as CacheTable describes
	AttendCached(c Cache, layer int, out, qkv, table Buffer)

	// SwiGLU sets out to silu(gate)·up (arXiv:2002.05202).
	//
	//	out (N, F), gateUp (N, 2F): F gates, then F ups
	SwiGLU(out, gateUp Buffer, width int)
	// SwiGLUGrad sets dGateUp to the gradient for gateUp, and out to what SwiGLU
	// makes of gateUp, so that a backward pass need not keep it. out may be nil,
	// and it may be dOut.
	//
	//	dGateUp, gateUp (N, 2F), out, dOut (N, F)
	SwiGLUGrad(dGateUp, out, dOut, gateUp Buffer, width int)

	// Head computes logprob and entropy of predictions from hidden states, and
	// their gradients from per-token coefficients, in chunks of rows and
	// without keeping logits. See HeadArgs.
	Head(a HeadArgs)
	// Sample draws one token a row. See SampleArgs.
	Sample(a SampleArgs)
	// PolicyGradient turns logprobs and advantages into per-token coefficients
	// for Head. See PolicyGradientArgs.
	PolicyGradient(a PolicyGradientArgs)

	// ValueHead computes values of predictions from hidden states, and their
	// gradients from per-token coefficients. See ValueHeadArgs.
	ValueHead(a ValueHeadArgs)
	// Advantage turns rewards and values into advantages and returns. See
	// AdvantageArgs.
	Advantage(a AdvantageArgs)
	// ValueLoss turns values and returns into per-token coefficients for
	// ValueHead. See ValueLossArgs.
	ValueLoss(a ValueLossArgs)

	// SquaredNorm sets out[0] to the sum of squares of x.
	//
	//	out (1,) Float32, x Float32
	SquaredNorm(out, x Buffer)
	// AdamW updates weights from gradients. See AdamWArgs.
	AdamW(a AdamWArgs)
}

// HeadNormArgs are the arguments of Device.HeadNorm: the RMSNorm over the width
// of a head that Qwen3 has before its rotary positions (arXiv:2505.09388 §2).
// Without DQKV, each query and key head of Out is RMSNorm(head)·gain of the same
// head of QKV, Rstd is 1/sqrt(mean(head²)+Eps), and values are copied. With
// DQKV, which enters as the gradient by Out and leaves as that by QKV, Out is
// not written and Rstd is read; the gradient of Gain is added to DGain.
type HeadNormArgs struct {
	Heads Heads
	QKV   Buffer // (N, Heads.QKV())
	Gain  Buffer // (2, D): of queries, of keys
	Eps   float32

	Out  Buffer // (N, Heads.QKV()), written; may be QKV where no gradient follows
	Rstd Buffer // (N, Query+KeyValue) Float32

	DQKV  Buffer // (N, Heads.QKV()) in place, or nil for the forward pass
	DGain Buffer // (2, D) Float32, added to when DQKV is given
}

// LinearShape is the shape of a matrix product: Rows packed rows, In input
// channels, Out output channels.
type LinearShape struct {
	Rows, In, Out int
}

// CacheTable describes what row b of AttendCached sees, as W Int32 elements:
//
//	table[b][0]  prefixLen: positions 0 … prefixLen-1 lie in shared pages
//	table[b][1]  length: positions 0 … length-1 are seen
//	table[b][2…] pages: ceil(prefixLen/PageTokens) shared ones, then own ones
//
// Position p < prefixLen lies at offset p of the shared pages; position p ≥
// prefixLen at offset p − prefixLen of the own pages. So a prefix of any length
// is shared without copying. Length 0 skips the row. Neighboring rows with the
// same first shared page are siblings: a device may read their prefix once.
const CacheTable = 2

// HeadArgs are the arguments of Device.Head. Prediction p reads hidden row
// Rows[p] and concerns token Targets[p]; several may read one row. With logits
// z = Weight·hidden/Temperature:
//
//	LogProb[p] = z[target] − logsumexp(z)
//	Entropy[p] = logsumexp(z) − Σ softmax(z)·z
//
// Where Coef is given, the gradients of Σ Coef·LogProb + Σ EntropyCoef·Entropy
// are computed too: DHidden is set on the rows read and zero elsewhere, DWeight
// is added to.
type HeadArgs struct {
	Channels    int    // C
	Hidden      Buffer // (N, C)
	Weight      Buffer // (V, C), a weight as in Linear
	Rows        Buffer // (P,) Int32
	Targets     Buffer // (P,) Int32
	Temperature float32

	LogProb Buffer // (P,) Float32, written
	Entropy Buffer // (P,) Float32, written

	Coef        Buffer // (P,) Float32, or nil for no gradients
	EntropyCoef Buffer // (P,) Float32, or nil for zeros
	DHidden     Buffer // (N, C), written when Coef is given
	DWeight     Buffer // (V, C) Float32, added to when Coef is given
}

// SampleArgs are the arguments of Device.Sample. Row b reads hidden row
// Rows[b]. At Temperatures[b] = 0 the token of the largest logit is taken, the
// lowest id among equals, and LogProb is that of temperature 1. Otherwise u is
// the first number of Uniform(Seed, Keys[b][0], Keys[b][1], Positions[b]) and
// the token is the first j with Σ_{i≤j} softmax(z/T)_i > u, and LogProb the
// one that Head gives at that temperature, bit for bit.
type SampleArgs struct {
	Channels     int    // C
	Hidden       Buffer // (N, C)
	Weight       Buffer // (V, C), a weight as in Linear
	Rows         Buffer // (B,) Int32; negative skips the row
	Temperatures Buffer // (B,) Float32
	Keys         Buffer // (B, 2) Int32
	Positions    Buffer // (B,) Int32, the position that the token will have
	Seed         uint64

	Tokens  Buffer // (B,) Int32, written
	LogProb Buffer // (B,) Float32, written
	Entropy Buffer // (B,) Float32, written
}

// PolicyGradientArgs are the arguments of Device.PolicyGradient: the clipped
// surrogate of PPO (arXiv:1707.06347 §3) with dual clipping (arXiv:1912.09729
// §3) and a penalty towards a reference policy. With r = exp(LogProb −
// Behavior) and d = Reference − LogProb, the loss is the sum over predictions
// of
//
//	Weight·(−min(r·A, clip(r, 1−ClipLow, 1+ClipHigh)·A) + KL·(exp(d) − d − 1))
//
// and where A < 0 and DualClip > 0 the first term is at most −DualClip·A.
// Coef[p] is the loss's derivative by LogProb[p].
type PolicyGradientArgs struct {
	LogProb   Buffer // (P,) Float32
	Behavior  Buffer // (P,) Float32
	Reference Buffer // (P,) Float32, or nil when KL is 0
	Advantage Buffer // (P,) Float32
	Weight    Buffer // (P,) Float32, e.g. 1/number of trained tokens

	ClipLow, ClipHigh, DualClip, KL float32

	Coef  Buffer // (P,) Float32, written
	Stats Buffer // (NumPolicyStats,) Float32, written
}

// The elements of PolicyGradientArgs.Stats, over predictions of Weight ≠ 0
// unless said otherwise.
const (
	StatLoss         = iota // the loss
	StatRatioMin            // smallest ratio
	StatRatioMax            // largest ratio
	StatClipped             // Σ Weight where clipping stops the gradient
	StatKLBehavior          // Σ Weight·(r − 1 − log r), estimates KL(behavior‖policy)
	StatKLReference         // Σ Weight·(exp(d) − d − 1)
	StatMaxDeviation        // largest |LogProb − Behavior|
	NumPolicyStats
)

// AdamWArgs are the arguments of Device.AdamW (arXiv:1711.05101), on a range of
// a flat arena:
//
//	g = Grads·min(1, MaxNorm/sqrt(Norm[0]))
//	m = Beta1·m + (1−Beta1)·g;  v = Beta2·v + (1−Beta2)·g²
//	Master −= lr·((m·c1)/(sqrt(v·c2) + Eps) + Decay·Master)
//	Weights = Master, rounded
//
// with lr, c1 = 1/(1−Beta1ᵗ) and c2 = 1/(1−Beta2ᵗ) from Hyper. When Norm[0] is
// not finite nothing is written. MaxNorm 0 does not clip.
//
// Before holds the norms of updates that were queued and whose outcome the caller
// does not know yet: t depends on how many of them were made. So Hyper holds c1
// and c2 for none of them, then for one, and so on to all.
type AdamWArgs struct {
	Weights Buffer // Compute type
	Master  Buffer // Float32; the same buffer as Weights where Compute is Float32
	Grads   Buffer // Float32
	M, V    Buffer // Float32
	Norm    Buffer // (1,) Float32: sum of squares over the whole gradient
	Before  Buffer // (K,) Float32: Norm of earlier updates, or nil for none
	Hyper   Buffer // (3+2K,) Float32: lr, then c1 and c2 for 0 to K of Before finite

	MaxNorm, Beta1, Beta2, Eps, Decay float32
}
