# Every target works again and again, from a clean clone, and offline after the first time.
# What a target does is in scripts/; each script says what it needs and never asks a question.

.DEFAULT_GOAL := help
.PHONY: help run test build setup lint dev bench openapi

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1|/' | awk -F'|' '{ printf "  make %-8s %s\n", $$1, $$2 }'

run: ## build and start on http://127.0.0.1:8080, data in ./data (ARGS=--demo adds a built-in provider)
	@scripts/run $(ARGS)

test: ## install what the tests need and run all of them (CHAPTERS="rust ui sdk browser")
	@scripts/test $(CHAPTERS)

build: ## the release binary with the web UI inside, at target/release/wardroom
	@scripts/build

setup: ## install what running, testing and measuring need
	@scripts/setup run test bench

lint: ## formatting, clippy, architecture, types, generated files
	@scripts/lint

dev: ## the web UI with hot reload against a running server (WARDROOM_SERVER=http://127.0.0.1:8080)
	@scripts/dev

bench: ## measure beside a plain nginx and print ratios (ARGS=--quick for one minute)
	@scripts/bench $(ARGS)

openapi: ## write docs/openapi.json, docs/routes.md and the UI's types from the server's code
	@cargo xtask openapi
