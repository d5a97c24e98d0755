#!/usr/bin/env bash
# Tests octorl on this machine's GPU and prints one table: whether every kernel
# is right, whether policy, learner and rollout are on the GPU what they are on
# the CPU, whether a run learns and resumes, and how fast it is.
#
#	./run.sh [PART...]     doctor kernels policy learner rollout run toy bench
#
# SEEDS is how many random inputs each kernel gets (100); LOGS is the folder of
# what the parts printed (logs).
set -uo pipefail
cd "$(dirname "$0")"
seeds=${SEEDS:-100}
logs=${LOGS:-logs}
mkdir -p "$logs"
export OCTORL_TEST_DEVICE=cuda OCTORL_FIXTURES=$PWD/fixtures

parts=("$@")
((${#parts[@]})) || parts=(doctor kernels policy learner rollout run toy bench)
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

# check prints a line and counts a failure: check NAME NOTE COMMAND...
check() {
	local name=$1 note=$2
	shift 2
	if "$@"; then
		row run "$name" PASS "$note"
	else
		failures=$((failures + 1))
		row run "$name" FAILED "$note"
	fi
}

# small runs the recipe of seconds to its end: small FOLDER LOG [VARIABLE=VALUE...]
small() {
	local dir=$1 log=$2
	shift 2
	env "$@" timeout 120 ./octorl run gpu-test.yaml --device cuda:0 --out "$dir" --log text >>"$logs/$log" 2>&1
}

# same compares weights and optimizer of two runs' last stage.
same() {
	cmp -s "$1/checkpoints/rl/final/model.safetensors" "$2/checkpoints/rl/final/model.safetensors" &&
		cmp -s "$1/checkpoints/rl/final/optimizer.safetensors" "$2/checkpoints/rl/final/optimizer.safetensors"
}

# killed starts the small run and kills it without warning when a checkpoint is
# there: killed FOLDER LOG PATTERN
killed() {
	./octorl run gpu-test.yaml --device cuda:0 --out "$1" --log text >>"$logs/$2" 2>&1 &
	local pid=$!
	for _ in $(seq 600); do
		compgen -G "$1/checkpoints/$3" >/dev/null && break
		kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL $pid 2>/dev/null
	wait $pid 2>/dev/null
}

# ends says that the command fails by itself, with a message in a log:
# ends LOG MESSAGE COMMAND...
ends() {
	local log=$1 message=$2 code
	shift 2
	"$@"
	code=$?
	((code != 0 && code < 124)) && tail -3 "$logs/$log" | grep -qF "$message"
}

# run trains the small recipe; then once with graphs off, once killed in each stage
# and resumed, once with a kernel that faults, as a card does that vanishes; and a
# recipe that is too large.
run() {
	local dir
	dir=$(mktemp -d)
	check "a small run" "" small "$dir/through" run
	grep -h '^device memory' "$logs/run"
	small "$dir/plain" plain OCTORL_CUDA_GRAPHS=off
	check "without graphs: same weights" "" same "$dir/through" "$dir/plain"
	killed "$dir/killed" killed 'text/step-*'
	killed "$dir/killed" killed 'rl/step-*'
	small "$dir/killed" killed
	check "killed twice, resumed: same weights" "" same "$dir/through" "$dir/killed"
	check "a card vanishes: the run ends" "" ends fault ILLEGAL_ADDRESS small "$dir/fault" fault OCTORL_CUDA_FAULT="${FAULT:-1500}"
	tail -1 "$logs/fault" | cut -c1-300
	small "$dir/fault" fault
	check "resumed: same weights" "" same "$dir/through" "$dir/fault"
	sed 's/layers: 2, hidden: 128/layers: 80, hidden: 16384/; s/ffn: 256/ffn: 65536/' gpu-test.yaml >"$dir/large.yaml"
	check "too little memory: the run ends" "" ends large "lower" large "$dir"
	tail -1 "$logs/large" | cut -c1-300
	rm -rf "$dir"
}

large() { timeout 60 ./octorl run "$1/large.yaml" --device cuda:0 --out "$1/large" --log text >"$logs/large" 2>&1; }

# toy runs a few steps of each stage of the toy branches.
toy() {
	timeout 300 ./octorl run toy-branches --device cuda:0 --steps "${STEPS:-10}" --out "$(mktemp -d)/toy" --log text >"$logs/toy" 2>&1
	check "toy branches, ${STEPS:-10} steps a stage" "$(grep -h '^device memory' "$logs/toy")" test $? = 0
	grep -o 'ratio_deviation_first=[^ ]*' "$logs/toy" | sort | uniq -c
}

for part in "${parts[@]}"; do
	case $part in
	doctor) timeout 60 ./octorl doctor 2>&1 | tee "$logs/doctor" ;;
	kernels)
		KERNELTEST_SEEDS=$seeds tests kernels kernels-cuda.test 1 600 -test.skip 'TestKernelsMatchSources|Compiled'
		;;
	policy) tests policy policy.test 0 300 ;;
	learner) tests learner learner.test 0 300 ;;
	rollout) tests rollout rollout.test 0 300 ;;
	run) run ;;
	toy) toy ;;
	bench) timeout 500 ./octorl bench gpu 2>&1 | tee "$logs/bench" ;;
	*) echo "no part is called $part" >&2 && exit 2 ;;
	esac
done
echo "$failures parts failed"
((failures == 0))
