#!/usr/bin/env bash
# Runs go with -tags cuda and the C flags that the CUDA device needs:
#
#	scripts/cuda/go.sh build -o bin/octorl ./cmd/octorl
#	scripts/cuda/go.sh test ./kernels/cuda
#
# Packages of other modules see no #cgo lines of ours, so the folder whose cuda.h
# mends CUDA 13 for gorgonia.org/cu, and that of the archive which stands for
# the driver's library, go into the environment.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cuda=$(cd "$here/../../kernels/cuda" && pwd)

include=$("$here/find.sh" include)
export CGO_ENABLED=1
export CGO_CFLAGS="-O2 -I$cuda/include -I$include ${CGO_CFLAGS:-}"
export CGO_LDFLAGS="-L$cuda/lib ${CGO_LDFLAGS:-}"
verb=$1
shift
exec go "$verb" -tags cuda "$@"
