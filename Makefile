.PHONY: test race vet lint fuzz quickstart bench ci

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

ci:
	.ci/run
