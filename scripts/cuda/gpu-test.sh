#!/usr/bin/env bash
# Tests octorl on this machine's GPU and prints one table: whether every kernel
# is right, whether policy, learner and rollout are on the GPU what they are on
# the CPU, whether a run learns and resumes, and how fast it is.
#
#	./run.sh [PART...]     doctor kernels policy learner rollout run bench
#
# SEEDS is how many random inputs each kernel gets (20); LOGS is the folder of
# what the parts printed (logs).
set -uo pipefail
cd "$(dirname "$0")"
seeds=${SEEDS:-20}
logs=${LOGS:-logs}
mkdir -p "$logs"
export OCTORL_TEST_DEVICE=cuda OCTORL_FIXTURES=$PWD/fixtures

parts=("$@")
((${#parts[@]})) || parts=(doctor kernels policy learner rollout run bench)
failures=0

# row prints one line of the table.
row() { printf '%-10s %-34s %-7s %s\n' "$@"; }

# verdicts prints a line for each test of a log of -test.v, those of a level.
verdicts() {
	local part=$1 log=$2 depth=$3
	awk -v part="$part" -v depth="$depth" '
		match($0, /--- (PASS|FAIL|SKIP): /) {
			indent = RSTART - 1
			split(substr($0, RSTART + 4), f, " ")
			if (indent == 4 * depth) printf "%-10s %-34s %-7s %s\n", part, f[2], substr(f[1], 1, 4), f[3]
		}' "$log"
	grep -E '^ +[a-z_]+_test.go:[0-9]+: .*(largest|cosine|loss off)|^ +(suite|[a-z]+)\.go:[0-9]+: .*(want|off by)' "$log" | sort -u | head -20
	if grep -qE '^(FAIL|panic:)' "$log" || ! grep -q '^PASS' "$log"; then
		failures=$((failures + 1))
		row "$part" "all" "FAILED" "$(grep -m1 -E '^panic:|^fatal error' "$log")"
	fi
}

tests() {
	local part=$1 binary=$2 depth=$3 limit=$4
	shift 4
	timeout "$limit" "./$binary" -test.v "$@" >"$logs/$part" 2>&1
	verdicts "$part" "$logs/$part" "$depth"
}

# run trains and resumes the smallest recipe, and compares with a run that was
# not stopped.
run() {
	local dir
	dir=$(mktemp -d)
	if ! timeout 300 ./octorl quickstart --device cuda --steps 3 --out "$dir/through" --log text >"$logs/run" 2>&1; then
		failures=$((failures + 1))
		row run "three steps of each stage" FAILED "$(tail -1 "$logs/run")"
		return
	fi
	row run "three steps of each stage" PASS "$(grep -c 'step' "$logs/run") log lines"
	# Killed without warning, once a stage is under way, and started again.
	timeout -s KILL 4 ./octorl quickstart --device cuda --steps 3 --out "$dir/killed" --log text >"$logs/killed" 2>&1
	timeout 300 ./octorl quickstart --device cuda --steps 3 --out "$dir/killed" --log text >>"$logs/killed" 2>&1
	if cmp -s "$dir"/through/checkpoints/rl-mid/final/model.safetensors "$dir"/killed/checkpoints/rl-mid/final/model.safetensors; then
		row run "killed and resumed: same weights" PASS ""
	else
		failures=$((failures + 1))
		row run "killed and resumed: same weights" FAILED "see $logs/killed"
	fi
	rm -rf "$dir"
}

for part in "${parts[@]}"; do
	case $part in
	doctor) timeout 60 ./octorl doctor 2>&1 | tee "$logs/doctor" ;;
	kernels)
		KERNELTEST_SEEDS=$seeds tests kernels kernels-cuda.test 1 600 -test.skip 'TestCubinsMatchSources|TestTilesAreCompiled'
		;;
	policy) tests policy policy.test 0 300 ;;
	learner) tests learner learner.test 0 300 ;;
	rollout) tests rollout rollout.test 0 300 ;;
	run) run ;;
	bench) timeout 500 ./octorl bench gpu 2>&1 | tee "$logs/bench" ;;
	*) echo "no part is called $part" >&2 && exit 2 ;;
	esac
done
echo "$failures parts failed"
((failures == 0))
