#!/usr/bin/env bash
# Compiles kernels/cuda/*.cu to what the cuda build embeds: cubins for Hopper, and
# compressed PTX of kernels for any card, which the driver compiles where it runs:
#
#	scripts/cuda/build.sh [--check] [name...]    names of .cu files; all by default
#
# A file whose sources have not changed is left alone. With --check, files are
# compiled to nowhere, to see that they compile. nvcc comes from NVCC, PATH,
# CUDA_HOME, /usr/local/cuda or the pip package nvidia-cuda-nvcc.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../../kernels/cuda"

check=
if [[ ${1:-} == --check ]]; then
	check=1
	shift
fi

nvcc=$("$here/find.sh" nvcc)

# sources prints file and what it includes of ours, each once, in order.
sources() {
	local seen=" " queue=("$1") file name
	while ((${#queue[@]})); do
		file=${queue[0]}
		queue=("${queue[@]:1}")
		[[ $seen == *" $file "* ]] && continue
		seen+="$file "
		echo "$file"
		while read -r name; do queue+=("$name"); done < <(sed -n 's/^#include "\(.*\)"$/\1/p' "$file")
	done
}

names=("$@")
if ((${#names[@]} == 0)); then
	names=(*.cu)
	names=("${names[@]%.cu}")
fi

# sets prints the sets of kernels that a file belongs to.
sets() {
	case $1 in
	attention_plain) echo cubin ptx ;;
	attention_* | gemm_nt | gemm_nn | gemm_tn) echo cubin ;; # Hopper's instructions
	gemm_portable) echo ptx ;;
	*) echo cubin ptx ;;
	esac
}

# compile_cubin and compile_ptx compile $1.cu to $2.
compile_cubin() {
	"$nvcc" -std=c++17 -O3 -Xptxas -v -gencode=arch=compute_90a,code=sm_90a -cubin -o "$2" "$1.cu" 2>"$scratch/log" || return
	# A spill is worth knowing of; the rest of the report is not.
	grep -B2 -E '[1-9][0-9]* bytes spill' "$scratch/log" || true
}
compile_ptx() {
	"$nvcc" -std=c++17 -O3 -gencode=arch=compute_80,code=compute_80 -ptx -o "$scratch/$1.ptx" "$1.cu" 2>"$scratch/log" || return
	gzip -9n <"$scratch/$1.ptx" >"$2"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p cubin ptx
declare -A suffix=([cubin]=cubin [ptx]=ptx.gz)
for name in "${names[@]}"; do
	mapfile -t files < <(sources "$name.cu")
	sum=$(cat "${files[@]}" | sha256sum | cut -d' ' -f1)
	for set in $(sets "$name"); do
		to=$set/$name.${suffix[$set]}
		if [[ -z $check && -f $to && $(cat "$set/$name.sum" 2>/dev/null) == "$sum" ]]; then
			continue
		fi
		echo "nvcc $name.cu to $set"
		"compile_$set" "$name" "$scratch/out" || {
			cat "$scratch/log" >&2
			exit 1
		}
		if [[ -z $check ]]; then
			mv "$scratch/out" "$to"
			echo "$sum" >"$set/$name.sum"
		fi
	done
done
