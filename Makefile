# Two targets do everything: `make run` runs the relay, `make test` passes the tests.

GO ?= go
EDITING = cmd/baton/testdata/editing
JS = client/js
WEB = webdemo

.PHONY: run test soak build site check-site deps lint fuzz

run: build
	exec bin/baton

build:
	CGO_ENABLED=0 $(GO) build -o bin/baton ./cmd/baton
	$(GO) build -o bin/baton-snapshot ./cmd/baton-snapshot

test: deps lint
	$(GO) test -race -timeout 20m ./...
	cd $(JS) && npm test
	cd $(WEB) && npm test

# What takes too long for every change. BATON_TRACE names a file with the edits of a real
# text, for the tests that type; BATON_FIXTURES a folder of Automerge files.
soak: deps
	BATON_MUTANTS=3000 $(GO) test -timeout 3h -v -run BothAutomerges ./doc
	cd $(JS) && npm run soak

# The site lies built in webdemo/dist, so that nobody needs node to run the relay.
site: $(WEB)/node_modules/.package-lock.json
	cd $(WEB) && npm run build
	$(GO) run ./webdemo/pack $(WEB)/build/site $(WEB)/dist

check-site: $(WEB)/node_modules/.package-lock.json
	@node -e 'process.exit(process.version.startsWith("v20.") ? 0 : 1)' || { echo "The site is built with node 20, this is $$(node -v)"; exit 1; }
	cd $(WEB) && npm run build -- --logLevel warn
	$(GO) run ./webdemo/pack --check $(WEB)/build/site $(WEB)/dist

# What the tests need beyond Go, gcc, make and node. Where packages start services, these
# are in nobody's way: the tests use ports of their own.
deps: $(EDITING)/node_modules/.package-lock.json $(JS)/node_modules/.package-lock.json $(WEB)/node_modules/.package-lock.json $(JS)/dist/prove.js
	@PATH="$$PATH:/usr/sbin"; \
	missing() { for p in "$$@"; do command -v $${p%:*} >/dev/null || printf ' %s' $${p#*:}; done; }; \
	full="$$(missing strace chromium prometheus nginx caddy haproxy systemd)"; \
	bare="$$(missing firefox-esr Xvfb:xvfb WebKitWebDriver:webkit2gtk-driver)"; \
	if [ -n "$$full$$bare" ]; then \
		if [ "$$(id -u)" = 0 ]; then apt-get update -q && apt-get install -qy --no-install-recommends $$bare && apt-get install -qy $$full; \
		else echo "The tests need Debian packages that are not here. Run:"; echo "  sudo apt-get install -y$$full$$bare"; exit 1; fi; \
	fi

$(JS)/dist/prove.js: $(JS)/src/prove.ts $(JS)/node_modules/.package-lock.json
	cd $(JS) && npm run build

%/node_modules/.package-lock.json: %/package.json %/package-lock.json
	cd $* && npm ci --no-audit --no-fund

lint: $(JS)/node_modules/.package-lock.json $(WEB)/node_modules/.package-lock.json
	@out="$$($(GO) run mvdan.cc/gofumpt@v0.12.0 -l .)"; if [ -n "$$out" ]; then echo "gofumpt would change:"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	@out="$$($(GO) fix -diff ./... 2>&1)"; if [ -n "$$out" ]; then echo "$$out"; exit 1; fi
	cd $(JS) && npm run lint
	cd $(WEB) && npm run lint

# Each fuzz target for a minute, of which making findings smaller, by itself up to a
# minute for each input that reaches something new, may take only seconds.
fuzz:
	@for pkg in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$pkg | grep ^Fuzz); do \
			echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime 60s -fuzzminimizetime 1s $$pkg || exit 1; \
		done; \
	done
