# strongroom: `make run` tries it, `make test` proves it.
.PHONY: all install build run test test-postgres test-clients test-mariadb lint parity bench clean

all: test

install: node_modules/.package-lock.json
node_modules/.package-lock.json: package-lock.json
	npm ci --no-audit --no-fund --ignore-scripts
	@touch $@

# Few files load faster than hundreds: our own code is bundled; the libraries stay what npm installed.
build: install
	npm run --silent build

# Installs, builds, starts a development server, encrypts and decrypts a first message with it.
run: build
	@node dist/demo.js

# Everything, from clean.
test: clean install lint
	node_modules/.bin/tsc -p tsconfig.json
	$(MAKE) --no-print-directory build
	node_modules/.bin/mocha

# Follows docs/backups.md with a real PostgreSQL, which Debian's package brings if it is missing and we are root.
test-postgres: build
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || apt-get install -y --no-install-recommends postgresql
	node_modules/.bin/tsc -p tsconfig.json
	node_modules/.bin/mocha --no-package --timeout 60000 build/test/scenarios/postgres.test.js

# Real clients: hvac's own tests (Python 3 with venv; PyPI), a program with github.com/hashicorp/vault/api (Go; its module proxy), node-vault (npm).
# `make test` runs them too, and says so where it leaves one out. What comes from PyPI is kept in .clients/.
test-clients: build
	node_modules/.bin/tsc -p tsconfig.json
	node_modules/.bin/mocha --no-package --timeout 60000 build/test/clients/*.test.js build/test/scenarios/clients.test.js

# MariaDB with its keys in our key-value store; Debian's packages come if they are missing and we are root.
test-mariadb: build
	ls /usr/lib/mysql/plugin/hashicorp_key_management.so >/dev/null 2>&1 || \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends mariadb-server mariadb-plugin-hashicorp-key-management
	node_modules/.bin/tsc -p tsconfig.json
	node_modules/.bin/mocha --no-package --timeout 60000 build/test/clients/mariadb.test.js

lint: install
	node_modules/.bin/prettier --check src test bench --log-level warn
	node_modules/.bin/oxlint --type-aware --quiet src test bench

bench: build
	node_modules/.bin/tsc -p tsconfig.json
	node build/bench/transit.js
	node build/bench/operations.js
	node build/bench/durable.js
	node build/bench/kv.js
	node build/bench/list.js
	node build/bench/audit.js
	node build/bench/audit-verify.js
	node build/bench/start.js
	@test -z "$$BAO" || node build/bench/peer.js

clean:
	rm -rf build dist
