#!/bin/sh
# Compares octorl's CPU device with OpenBLAS, PyTorch, transformers and
# llama.cpp in one run: each takes its turn in every round, and the table at
# the end gives medians, quartiles and the ratios beside the bars.
#
#   scripts/peers/compare_cpu.sh [--rounds 5] [--only sgemm,train,decode,single] [--threads 2]
#
# It needs Go and a Python with the peers, in an environment of its own:
#
#   python3 -m venv /tmp/peers
#   /tmp/peers/bin/pip install torch==2.11.0 transformers==5.24.0 numpy==2.4.6 llama-cpp-python==0.3.36
#   PYTHON=/tmp/peers/bin/python scripts/peers/compare_cpu.sh
#
# llama-cpp-python builds llama.cpp for this machine and needs a C++ compiler.
# A peer that is missing is named, and its rows are left out.
set -eu
cd "$(dirname "$0")/../.."
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
go build -o "$build/octorl" ./cmd/octorl
exec_python=${PYTHON:-python3}
"$exec_python" scripts/peers/compare_cpu.py --octorl "$build/octorl" --work "$build" "$@"
