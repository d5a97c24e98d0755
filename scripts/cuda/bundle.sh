#!/usr/bin/env bash
# Builds a folder that tests octorl on a machine with a GPU and without Go:
#
#	scripts/cuda/bundle.sh [FOLDER]    bin/gpu-test by default
#
# Copy it there and run its run.sh. The fixtures of OCTORL_FIXTURES, or of
# ../shared/data/fixtures, go along where they are, and so do the peers' scripts
# of OCTORL_PEERS or ../shared/peers.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
out=${1:-bin/gpu-test}

rm -rf "$out"
mkdir -p "$out"
flags=(-trimpath -ldflags "-s -w")
for package in kernels/cuda policy learner rollout; do
	"$here/go.sh" test -c "${flags[@]}" -o "$out/${package//\//-}.test" "./$package"
done
"$here/go.sh" build "${flags[@]}" -o "$out/octorl" ./cmd/octorl
cp "$here/gpu-test.sh" "$out/run.sh"
cp "$here/gpu-test.yaml" "$out/"
fixtures=${OCTORL_FIXTURES:-../shared/data/fixtures}
if [[ -d $fixtures ]]; then
	mkdir -p "$out/fixtures"
	cp -r "$fixtures"/*-tiny "$fixtures"/*.json "$out/fixtures/"
fi
mkdir -p "$out/testdata"
cp -r policy/testdata/. "$out/testdata/"
peers=${OCTORL_PEERS:-../shared/peers}
if [[ -d $peers ]]; then
	mkdir -p "$out/peers"
	cp "$peers"/*.py "$out/peers/"
fi
chmod -R u+w "$out"
du -sh "$out"
