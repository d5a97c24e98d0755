#!/usr/bin/env bash
# Compiles kernels/cuda/*.cu to the cubins that the cuda build embeds:
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

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p cubin
for name in "${names[@]}"; do
	mapfile -t files < <(sources "$name.cu")
	sum=$(cat "${files[@]}" | sha256sum | cut -d' ' -f1)
	if [[ -z $check && -f cubin/$name.cubin && $(cat "cubin/$name.sum" 2>/dev/null) == "$sum" ]]; then
		continue
	fi
	echo "nvcc $name.cu"
	"$nvcc" -std=c++17 -O3 -Xptxas -v -gencode=arch=compute_90a,code=sm_90a -cubin -o "$scratch/$name.cubin" "$name.cu" 2>"$scratch/log" || {
		cat "$scratch/log" >&2
		exit 1
	}
	# A spill is worth knowing of; the rest of the report is not.
	grep -B2 -E '[1-9][0-9]* bytes spill' "$scratch/log" || true
	if [[ -z $check ]]; then
		mv "$scratch/$name.cubin" "cubin/$name.cubin"
		echo "$sum" >"cubin/$name.sum"
	fi
done
