#!/usr/bin/env bash
# Prints where the CUDA toolkit's compiler or headers are:
#
#	scripts/cuda/find.sh nvcc       path of nvcc
#	scripts/cuda/find.sh include    folder of cuda.h
#
# It looks at NVCC, PATH, CUDA_HOME, /usr/local/cuda and the folders in which pip
# installs nvidia-cuda-nvcc and nvidia-cuda-runtime (CUDA_PYTHON is the
# interpreter to ask, python3 by default).
set -euo pipefail

# roots prints the folders that may hold a toolkit.
roots() {
	local at
	if [[ -n ${CUDA_HOME:-} ]]; then echo "$CUDA_HOME"; fi
	if at=$(command -v nvcc); then dirname "$(dirname "$(readlink -f "$at")")"; fi
	echo /usr/local/cuda
	"${CUDA_PYTHON:-python3}" - 2>/dev/null <<'PY' || true
import glob, os, site, sys
for base in dict.fromkeys(site.getsitepackages() + [site.getusersitepackages()] + sys.path):
    for found in sorted(glob.glob(os.path.join(base, "nvidia", "cu1[2-9]")), reverse=True):
        print(found)
    for found in ("cuda_nvcc", "cuda_runtime"):
        print(os.path.join(base, "nvidia", found))
PY
}

case ${1:-} in
nvcc)
	if [[ -n ${NVCC:-} ]]; then
		echo "$NVCC"
		exit
	fi
	while read -r root; do
		if [[ -x $root/bin/nvcc ]]; then
			echo "$root/bin/nvcc"
			exit
		fi
	done < <(roots)
	cat >&2 <<'MSG'
no nvcc found: kernels cannot be compiled here. Install the CUDA toolkit, or
    pip install nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85
or set NVCC or CUDA_HOME. Compiled kernels are in the repository: building and
running octorl needs no nvcc.
MSG
	exit 1
	;;
include)
	while read -r root; do
		if [[ -f $root/include/cuda.h ]]; then
			echo "$root/include"
			exit
		fi
	done < <(roots)
	cat >&2 <<'MSG'
no cuda.h found: the cuda build needs the headers of CUDA 12.4 or later. Install the
CUDA toolkit, or
    pip install nvidia-cuda-runtime==13.0.96
or set CUDA_HOME to a folder with include/cuda.h. No driver is needed to build.
MSG
	exit 1
	;;
*)
	echo "usage: $0 nvcc|include" >&2
	exit 2
	;;
esac
