# The bare 'make' lists the targets. Go 1.26 and make are all that is needed, except where a line says otherwise.
.DEFAULT_GOAL := help
.PHONY: help build demo bench local test test-long prove race check security crash fuzz bench-send bench-sources docs golden tools clean

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)

# Tests and the demonstration stay on this machine.
export AWS_EC2_METADATA_DISABLED = true
export GOFLAGS := -mod=readonly $(GOFLAGS)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/sluice and bin/sluice-bench
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

demo: build ## deliver 1,707 earthquakes through both transports, on this machine alone
	@./bin/sluice demo

bench: build ## compare all transports on this machine alone, in under 4 minutes; writes bench-results/
	@broker=$$(.ci/rabbitmq url 2>/dev/null || { .ci/rabbitmq start 2>/dev/null && touch bin/.broker; } || true); \
	./bin/sluice-bench run --embedded --rabbitmq "$$broker"; status=$$?; \
	if [ -e bin/.broker ]; then rm bin/.broker; .ci/rabbitmq stop; fi; exit $$status

local: build ## run the stand-in of SQS, STS and API Gateway, with a feed to try; writes local.env
	@./bin/sluice local --feed 127.0.0.1:4600 --write-env local.env

test: ## run all tests but whole benchmarks, add up what they have proved, and see twelve planted bugs caught, in 3 to 4 minutes
	$(GO) run ./internal/prove -short

test-long: ## run the tests that wait for a minute or read a GiB, in under 3 minutes
	$(GO) test -count=1 ./cmd/sluice ./ingest/file ./ingest/httpapi -run '^(TestAFreshRecordArrivesAfterEveryMishap|TestMemoryOfALargeFile|TestMemoryOfAHugePage)$$' -long

prove: ## the same as 'make test' with large numbers and every planted bug, in 7 to 9 minutes; writes docs/track-record.md and docs/fault-matrix.md
	$(GO) run ./internal/prove

race: ## run all tests with the race detector (needs a C compiler)
	$(GO) test -race ./...

check: tools ## format, vet, staticcheck, tidy modules, generated documents, race detector
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	$(GO) vet ./...
	./bin/staticcheck ./...
	$(GO) mod tidy -diff
	$(MAKE) --no-print-directory race

security: ## look for dangerous patterns (gosec) and known holes (govulncheck)
	@.ci/security

crash: ## kill the daemon 400 times with SIGKILL and count what is lost
	$(GO) test ./cmd/sluice -run Crash -count=1 -v -timeout 10m -kills 400

FUZZTIME ?= 20000x
fuzz: ## run every fuzz target for a fixed number of inputs (FUZZTIME=20000x)
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; \
	done

bench-send: ## benchmark both drivers against a null endpoint, allocations shown
	$(GO) test -run '^$$' -bench Send -benchmem ./transport/sqs ./transport/apigateway

bench-sources: ## benchmark reading: NDJSON file and HTTP pages to the transport memory, and cutting alone
	$(GO) test -run '^$$' -bench 'Source|Read' -benchmem ./ingest/file ./ingest/format ./ingest/httpapi

docs: build ## write docs/configuration.md anew
	./bin/sluice env --format markdown > docs/configuration.md

golden: ## write the golden files anew; read the diff
	$(GO) test ./internal/config ./internal/drivers ./cmd/sluice ./cmd/sluice-bench ./bench/report ./bench/result ./bench/workload -update

tools: bin/staticcheck

bin/staticcheck: internal/tools/go.mod internal/tools/go.sum
	@mkdir -p bin
	$(GO) build -C internal/tools -o ../../bin/staticcheck honnef.co/go/tools/cmd/staticcheck

clean: ## remove what was built
	rm -rf bin dist local.env bench-results
