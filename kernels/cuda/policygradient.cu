// Per-token coefficients of the policy gradient, and its statistics.
//
// Terms are computed and summed in double. A fixed number of blocks share the
// predictions; their totals are then added in order.
#include <cstdint>

// Statistic numbers the elements of kernels.PolicyGradientArgs.Stats.
enum Statistic { loss, ratioMin, ratioMax, clipped, klBehavior, klReference, maxDeviation, numStatistics };

struct Totals {
    double of[numStatistics];

    __device__ Totals() : of{} {
        of[ratioMin] = __longlong_as_double(0x7ff0000000000000LL);
        of[ratioMax] = -of[ratioMin];
    }

    __device__ void add(const Totals &t) {
#pragma unroll
        for (int i = 0; i < numStatistics; i++) {
            switch (i) {
            case ratioMin:
                of[i] = least(of[i], t.of[i]);
                break;
            case ratioMax:
            case maxDeviation:
                of[i] = -least(-of[i], -t.of[i]);
                break;
            default:
                of[i] += t.of[i];
            }
        }
    }

    // least returns the smaller of two numbers, and NaN where either is.
    static __device__ double least(double a, double b) { return a != a || a < b ? a : b; }
};

struct Surrogate {
    const float *logProb, *behavior, *reference, *advantage, *weight;
    double low, high, dual, kl; // low and high bound the ratio

    // term adds prediction p to t and returns its coefficient.
    __device__ double term(int p, Totals &t) const {
        const double w = weight[p];
        if (w == 0) {
            return 0;
        }
        const double deviation = __fsub_rn(logProb[p], behavior[p]), adv = advantage[p], ratio = exp(deviation);
        const double bounded = fmin(fmax(ratio, low), high);
        double value = -ratio * adv, slope = value, penalty = 0;
        bool stopped = false;
        if (bounded * adv < ratio * adv) {
            value = -bounded * adv;
            slope = 0;
            stopped = true;
        }
        if (adv < 0 && dual > 0 && value > -dual * adv) {
            value = -dual * adv;
            slope = 0;
            stopped = true;
        }
        if (reference) {
            const double d = __fsub_rn(reference[p], logProb[p]), grown = expm1(d);
            penalty = grown - d;
            value += kl * penalty;
            slope -= kl * grown;
        }
        Totals one;
        one.of[loss] = w * value;
        one.of[ratioMin] = one.of[ratioMax] = ratio;
        one.of[clipped] = stopped ? w : 0;
        one.of[klBehavior] = w * (expm1(deviation) - deviation);
        one.of[klReference] = w * penalty;
        one.of[maxDeviation] = fabs(deviation);
        t.add(one);
        return w * slope;
    }
};

// total leaves in thread 0 the totals of a block, by halving.
__device__ void total(Totals &t, Totals *memory) {
    memory[threadIdx.x] = t;
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) {
            t.add(memory[threadIdx.x + half]);
            memory[threadIdx.x] = t;
        }
    }
}

extern "C" __global__ void __launch_bounds__(256)
    policy_gradient(float *coef, double *partials, const float *logProb, const float *behavior, const float *reference,
                    const float *advantage, const float *weight, int predictions, float clipLow, float clipHigh,
                    float dualClip, float kl) {
    __shared__ char memory[256 * sizeof(Totals)];
    const Surrogate s = {logProb, behavior, reference, advantage, weight, 1 - double(clipLow), 1 + double(clipHigh),
                         dualClip, kl};
    Totals t;
    for (int p = blockIdx.x * blockDim.x + threadIdx.x; p < predictions; p += gridDim.x * blockDim.x) {
        coef[p] = float(s.term(p, t));
    }
    total(t, reinterpret_cast<Totals *>(memory));
    if (threadIdx.x == 0) {
        for (int i = 0; i < numStatistics; i++) {
            partials[blockIdx.x * numStatistics + i] = t.of[i];
        }
    }
}

// policy_statistics brings the totals of count blocks together. One block of a
// power of two threads runs it.
extern "C" __global__ void __launch_bounds__(256) policy_statistics(float *stats, const double *partials, int count) {
    __shared__ char memory[256 * sizeof(Totals)];
    Totals t;
    for (int b = threadIdx.x; b < count; b += blockDim.x) {
        Totals one;
        for (int i = 0; i < numStatistics; i++) {
            one.of[i] = partials[b * numStatistics + i];
        }
        t.add(one);
    }
    total(t, reinterpret_cast<Totals *>(memory));
    if (threadIdx.x > 0) {
        return;
    }
    if (t.of[ratioMax] < t.of[ratioMin]) { // no prediction has weight
        t.of[ratioMin] = t.of[ratioMax] = 1;
    }
    for (int i = 0; i < numStatistics; i++) {
        stats[i] = float(t.of[i]);
    }
}
