# Oriel. Two commands do everything on a fresh machine: `make demo` and `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CARGO := cargo
# Where rustup puts cargo, also when the set-up of this very run has just installed it.
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+%?:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo demo-stop
demo: ## Set up everything and show a Linux desktop: ends with a URL, a name and a password
	@deploy/demo/run.sh
demo-stop: ## Stop the demo's server and its desktops
	@deploy/demo/stop.sh

.PHONY: build server-build guest web
build: server-build guest web ## Build the server, the bench guest and the web client
server-build:
	@deploy/setup/packages.sh build
	@deploy/setup/toolchain.sh
	$(CARGO) build --release --locked -p oriel -p oriel-vmm
guest:
	cd tests/guest && $(CARGO) build --release --locked
web:
	cd web-client && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund; } && npm run build

.PHONY: test test-fast test-fresh fuzz bench bench-compare
test: ## Set up everything and run all tests; ends with the count
	@tests/run.sh
test-fast: ## The tests that take minutes: format, clippy, unit
	@tests/run.sh fast
test-%: ## One suite: structure, unit, web, dependencies, book, browser, nested, fuzz; nested-long, browser-long
	@tests/run.sh $*
test-fresh: ## make demo and make test in bare Debian 12 and 13 roots (long)
	@tests/fresh.sh
fuzz: ## Fuzz what guests, clients and image makers can feed to Oriel: 30 s a target
	@tests/fuzz/run.sh
bench: ## Measure; one JSON object a line on standard output
	@tests/bench/run.sh
bench-compare: ## Two commits in turn: BASE=6599c51 HEAD=HEAD, also PARTS="encode echo" and ROUNDS=10
	@node tests/bench/compare-commits.mjs --rounds $(or $(ROUNDS),10) $(or $(BASE),$(error say which commit to compare with, such as BASE=HEAD~1)) $(or $(HEAD),HEAD) $(PARTS)

.PHONY: fmt lint hooks
hooks: ## Have git format and lint what is committed, and check its subject
	git config core.hooksPath .githooks
fmt: ## Format the Rust code
	$(CARGO) fmt --all
lint: ## Clippy with warnings denied
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings

.PHONY: clean
clean: ## Remove what was built
	$(CARGO) clean
	rm -rf tests/guest/target web-client/dist web-client/node_modules tests/browser/node_modules
