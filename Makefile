.PHONY: test race vet lint fuzz quickstart bench cuda cubins gpu-test ci

test:
	go test ./...

race:
	go test -race -short ./...

vet:
	go vet ./...

lint: vet
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

fuzz:
	.ci/fuzz 30s

quickstart:
	go run ./cmd/octorl quickstart

bench:
	go test -run '^$$' -bench . -benchmem ./...

# octorl with the CUDA device. It needs a C compiler and CUDA's headers, which
# scripts/cuda/find.sh looks for; it starts on any machine.
cuda:
	scripts/cuda/go.sh build -o bin/octorl ./cmd/octorl

# The compiled kernels that the cuda build embeds, where their sources changed.
cubins:
	scripts/cuda/build.sh

# A folder that tests octorl on a machine with a GPU and without Go: bin/gpu-test.
gpu-test:
	scripts/cuda/bundle.sh bin/gpu-test

ci:
	.ci/run
