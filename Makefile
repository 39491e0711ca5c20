# Everything a developer runs. `make` alone lists the targets.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
MAKEFLAGS += --warn-undefined-variables --no-builtin-rules
.DEFAULT_GOAL := help

# Options of what a target runs.
ARGS ?=

# Exports where PostgreSQL's programs are, unless a running server is named: then nothing is looked up or installed.
define postgres
if [[ -z "$${AMENDS_TEST_DATABASE_URL:-}" ]]; then
    AMENDS_TEST_PG_BIN="$$(.ci/postgres-bin)"
    export AMENDS_TEST_PG_BIN
fi
endef

# The directory of a tool: PATH first, else the pinned one under target/.
tool = $$(type -P $(1) || echo "$$(.ci/wheel $(1))/bin/$(1)")

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Run the whole suite and replay real airline disruptions through it; options in ARGS, e.g. ARGS='--pack eu261'
	@cargo run --locked -p amends -- demo $(ARGS)

.PHONY: run
run: ## Run the whole suite at 127.0.0.1:7070, its data under .amends
	@cargo run --locked -p amends -- dev

.PHONY: test
test: ## Run every test, on SQLite and on PostgreSQL: the server of AMENDS_TEST_DATABASE_URL, else programs that it finds or installs
	@$(postgres)
	cargo test --workspace --locked
	cargo test --release --locked -p amends-tests --features year --test year -- --nocapture

.PHONY: bench
bench: ## Measure the hot paths against pgbench in the same run; options in ARGS, e.g. ARGS='--only relay --rounds 1'
	@$(postgres)
	cargo build --locked --release -p amends-tests --bins
	cargo run --locked --release -p amends-tests --bin bench -- $(ARGS)

.PHONY: mutants
mutants: ## Mutation testing of the domain of compensation, a few seconds a mutant; options in ARGS, e.g. ARGS='money -f ledger.rs'
	@.ci/mutants $(ARGS)

.PHONY: lint
lint: ## Clippy with warnings denied; licences, bans and sources of all dependencies
	@cargo clippy --workspace --all-targets --locked -- -D warnings
	$(call tool,cargo-deny) --locked check bans licenses sources

.PHONY: fmt
fmt: ## Format the Rust sources and the protos
	@cargo fmt --all
	$(call tool,buf) format --write proto

.PHONY: proto-check
proto-check: ## Lint the protos, check their format and their rules, and that nothing in them breaks a client
	@buf=$(call tool,buf)
	"$$buf" lint proto
	"$$buf" format --diff --exit-code proto >/dev/null
	cargo test --locked -p amends-api

.PHONY: ci
ci: ## Everything a change must pass
	@.ci/run
