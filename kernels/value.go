package kernels

// ValueHeadArgs are the arguments of Device.ValueHead, the head of a critic.
// Prediction p reads hidden row Rows[p]; several may read one row:
//
//	Value[p] = Weight·hidden
//
// Where Coef is given, the gradients of Σ Coef·Value are computed too: DHidden
// is set on the rows read and zero elsewhere, DWeight is added to.
type ValueHeadArgs struct {
	Hidden Buffer // (N, C)
	Weight Buffer // (C,), a weight as in Linear
	Rows   Buffer // (P,) Int32

	Value Buffer // (P,) Float32, written

	Coef    Buffer // (P,) Float32, or nil for no gradients
	DHidden Buffer // (N, C), written when Coef is given
	DWeight Buffer // (C,) Float32, added to when Coef is given
}

// AdvantageArgs are the arguments of Device.Advantage: generalized advantage
// estimation (arXiv:1506.02438 §3) over the tokens of S completions. A token
// earns −KL·(Behavior − Reference), the last of a completion its Reward
// besides; after the last the value is 0. With δ = reward + Gamma·V′ − V, where
// V′ is the value of the next token:
//
//	A = δ + Gamma·Lambda·A′;  Return = A + V
//
// With Whiten, advantages are then replaced by (A − μ)/sqrt(σ² + 1e-8), with mean
// and unbiased variance over all P tokens; returns are not. Of a single token
// the variance is 0.
type AdvantageArgs struct {
	Starts Buffer // (S+1,) Int32, ascending from 0 to P: completion s has tokens [Starts[s], Starts[s+1])
	Reward Buffer // (S,) Float32
	Value  Buffer // (P,) Float32

	Behavior  Buffer // (P,) Float32 logprobs, or nil when KL is 0
	Reference Buffer // (P,) Float32 logprobs, or nil when KL is 0

	Gamma, Lambda, KL float32
	Whiten            bool

	Advantage Buffer // (P,) Float32, written
	Return    Buffer // (P,) Float32, written
}

// ValueLossArgs are the arguments of Device.ValueLoss: the squared error of
// values, clipped around those that the returns were made with, as in the
// reference implementation of arXiv:1707.06347. The loss is the sum over
// predictions of
//
//	Weight/2·max((Value − Return)², (clip(Value, Old − Clip, Old + Clip) − Return)²)
//
// and Coef[p] its derivative by Value[p]. Clip 0 does not clip.
type ValueLossArgs struct {
	Value  Buffer // (P,) Float32
	Old    Buffer // (P,) Float32
	Return Buffer // (P,) Float32
	Weight Buffer // (P,) Float32
	Clip   float32

	Coef  Buffer // (P,) Float32, written
	Stats Buffer // (NumValueStats,) Float32, written
}

// The elements of ValueLossArgs.Stats, over predictions of Weight ≠ 0.
const (
	StatValueLoss    = iota // the loss
	StatValueClipped        // Σ Weight where clipping stops the gradient
	StatReturn              // Σ Weight·Return
	StatReturnSquare        // Σ Weight·Return²
	StatError               // Σ Weight·(Value − Return)
	StatErrorSquare         // Σ Weight·(Value − Return)²
	NumValueStats
)
