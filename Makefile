# `make help` lists the targets and what they can be told.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
# `sessions` and `containers` take the programs that the goal before them has built, however many jobs are allowed.
.NOTPARALLEL:
.PHONY: help run build test swift-tests conformance deployment bench lint format setup sessions containers container-packages \
	no-containers clean image up down scale restart k8s-render

BARS ?= Services/BrokerSimulator/SampleBars
CASH ?= 10000
RUN_DIRECTORY ?= .run
BIN := .build/release
CONFORMANCE := .build-conformance
PROMETHEUS := .build-prometheus
DEPLOYMENT := .build-deployment
# Without it SwiftPM compiles everything anew whenever its output goes to a terminal and the last time did not.
SWIFT_FLAGS := -c release --no-color-diagnostics
PACKAGES := redis-server libhiredis-dev libcurl4-openssl-dev libssl-dev pkg-config tzdata
AGENTS := market-data strategy risk-management order-execution position-management

# REPLICAS_STRATEGY=2 and REPLICAS_STRATEGY_AGENT=2 mean the same.
upper = $(shell echo '$(1)' | tr 'a-z-' 'A-Z_')
REPLICA_NAMES = $(foreach agent,$(AGENTS),REPLICAS_$(call upper,$(agent)))
replica_count = $(or $(REPLICAS_$(call upper,$(1))),$(REPLICAS_$(call upper,$(1))_AGENT))
REPLICAS = $(foreach agent,$(AGENTS),$(if $(call replica_count,$(agent)),$(agent)-agent=$(call replica_count,$(agent))))
UNKNOWN_REPLICAS = $(filter-out $(REPLICA_NAMES) $(REPLICA_NAMES:=_AGENT),$(filter REPLICAS_%,$(.VARIABLES)))

ifneq ($(UNKNOWN_REPLICAS),)
$(error $(UNKNOWN_REPLICAS): no such agent; there are $(REPLICA_NAMES))
endif

# A misspelt variable would give another run than the one that was meant.
KNOWN := AGENT N PROFILE CONFORMANCE_TESTS BARS CASH HOLD KILL_EVERY SEED RUN_DIRECTORY LOG_LEVEL BROKER_DIALECT
# The agents' and, from FAULTS on, the simulator's, but for those that a run sets itself.
SETTINGS := RISK_% STRATEGY_% ORDER_% BREAKER_% QUINTET_% REPLICAS_% POLL_INTERVAL MAX_DELIVERIES CLAIM_IDLE \
	BROKER_REQUESTS_PER_MINUTE BROKER_DATA_REQUESTS_PER_MINUTE BROKER_RESERVED_SHARE SCHWAB_LOGIN_RESERVE \
	STREAM_SILENCE MARKET_DAILY_BAR_DELAY OTEL_% \
	FAULTS FILL_FRACTION TICK_RULE STRICT_BARS TRADE_UPDATE_FRAMES STREAM_SYMBOL_LIMIT RECORDING RESULT_FILE
GIVEN = $(foreach name,$(.VARIABLES),$(if $(filter command line,$(origin $(name))),$(name)))
GIVEN_BUT_SET = $(filter $(SET_BY_RUN),$(GIVEN))
# What a run sets itself.
SET_BY_RUN := BROKER TRADE_LIVE SYMBOLS TIMEFRAME MARKET_TIME REDIS_% SIMULATOR_URL HTTP_HOST HTTP_PORT
# What these are given to; another goal would pass them over in silence.
GOALS_OF_AGENT := scale restart
GOALS_OF_N := scale
GOALS_OF_PROFILE := up down scale restart
GOALS_OF_CONFORMANCE_TESTS := conformance sessions test
OF_RUN := BARS CASH HOLD KILL_EVERY SEED RUN_DIRECTORY BROKER_DIALECT REPLICAS_% FAULTS FILL_FRACTION TICK_RULE STRICT_BARS \
	TRADE_UPDATE_FRAMES STREAM_SYMBOL_LIMIT RECORDING RESULT_FILE
IDLE = $(foreach name,$(GIVEN),$(if $(GOALS_OF_$(name)),$(if $(filter $(GOALS_OF_$(name)),$(MAKECMDGOALS)),,$(name)))) \
	$(if $(filter run,$(MAKECMDGOALS)),,$(filter $(OF_RUN),$(GIVEN)))
UNKNOWN = $(filter-out $(KNOWN) $(SETTINGS) MAKE% MFLAGS SHELL line command,$(GIVEN))

ifneq ($(GIVEN_BUT_SET),)
$(error $(GIVEN_BUT_SET): a run sets this itself$(if $(filter BROKER,$(GIVEN_BUT_SET)),; whose API its agents speak is \
	BROKER_DIALECT))
endif

ifneq ($(strip $(UNKNOWN)),)
$(error $(strip $(UNKNOWN)): no such variable; make help lists those of a run)
endif

ifneq ($(strip $(IDLE)),)
$(error $(strip $(IDLE)): nothing that make $(or $(MAKECMDGOALS),help) takes; make help lists what takes it)
endif

ifneq ($(filter run,$(MAKECMDGOALS)),)
ifneq ($(shell [ -e "$(BARS)" ] && echo there),there)
$(error BARS=$(BARS): there is no such folder)
endif
ifneq ($(filter-out yes no,$(HOLD)),)
$(error HOLD=$(HOLD): it takes yes or no)
endif
endif

PROFILES := demo alpaca observability
PROFILE ?= demo
compose = $$(docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose) \
	$(addprefix --env-file ,$(wildcard deploy/local.env)) -f deploy/compose.yaml $(addprefix --profile ,$(1))
# AGENT=strategy and AGENT=strategy-agent mean the same.
CHOSEN_AGENT = $(patsubst %-agent,%,$(AGENT))
SERVICE = $(if $(filter alpaca,$(PROFILE)),alpaca-)$(CHOSEN_AGENT)-agent

ifneq ($(filter up down scale restart,$(MAKECMDGOALS)),)
ifneq ($(filter-out $(PROFILES),$(PROFILE)),)
$(error PROFILE=$(PROFILE): no such profile; there are $(PROFILES))
endif
endif
# Compose ignores what no file of its own asks for.
names = $(shell sed -n 's/^ *\([A-Za-z_][A-Za-z_0-9]*\) *=.*/\1/p' $(1))
ifneq ($(filter up scale restart,$(MAKECMDGOALS)),)
STRANGERS = $(filter-out $(call names,deploy/.env.example),$(call names,$(wildcard deploy/local.env) /dev/null))
ifneq ($(STRANGERS),)
$(error deploy/local.env sets $(STRANGERS), of which the containers would learn nothing; deploy/.env.example has the names there are)
endif
endif
ifneq ($(filter scale restart,$(MAKECMDGOALS)),)
ifneq ($(words $(filter $(AGENTS),$(CHOSEN_AGENT))),1)
$(error $(if $(AGENT),AGENT=$(AGENT): no such agent,which agent? Name it with AGENT=…); there are $(AGENTS))
endif
endif
ifneq ($(filter scale,$(MAKECMDGOALS)),)
ifeq ($(filter 1 2 3 4 5 6 7 8 9,$(N)),)
$(error N=$(N): how many processes of $(CHOSEN_AGENT)? Give a number from 1 to 9)
endif
endif

# What is there already may come from elsewhere than Debian.
CONTAINER_PACKAGES = debootstrap $(if $(shell command -v dockerd),,docker.io) \
	$(if $(shell command -v docker-compose),,docker-compose)

SUDO = $(if $(filter 0,$(shell id -u)),,sudo -n)

announce = [ -e $(BIN)/tradectl ] || echo "building; the first time takes 5 to 10 minutes on two cores"

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	sed -n 's/^#>//p' $(firstword $(MAKEFILE_LIST))

#>
#>  make run takes
#>    BARS=<folder>         SYMBOL.csv files: timestamp,open,high,low,close,volume (daily or intraday)
#>    CASH=<dollars>        at the start (10000)
#>    KILL_EVERY=<seconds>  kill a random agent about that often; SEED=<n> chooses which and when
#>    HOLD=yes              leave everything running after the report, for tradectl, until Ctrl-C
#>    BROKER_DIALECT=<name> whose API the agents speak with the simulator: alpaca (if not given) or schwab
#>    REPLICAS_<AGENT>=<n>  processes of one agent: MARKET_DATA, STRATEGY, RISK_MANAGEMENT, ORDER_EXECUTION,
#>                          POSITION_MANAGEMENT
#>    FAULTS=<orders>       how the broker misbehaves; this and FILL_FRACTION, TICK_RULE, STRICT_BARS, RECORDING,
#>                          RESULT_FILE, TRADE_UPDATE_FRAMES, STREAM_SYMBOL_LIMIT: see
#>                          Services/BrokerSimulator/README.md
#>    RUN_DIRECTORY=<path>  data, logs and reports (.run)
#>    LOG_LEVEL=<level>     of the processes: trace, debug, info, notice, warning (if not given), error or critical
#>  and the agents' settings, such as RISK_MAX_POSITION_VALUE=2000: see README.md and, for what concerns the
#>  broker, Shared/Brokerage/README.md
run: build ## Replay real bars through the five agents, show progress, report to .run/report.html
	@$(BIN)/tradectl replay --bars="$(BARS)" --cash="$(CASH)" --run-directory="$(RUN_DIRECTORY)" --binaries="$(BIN)" \
		$(if $(BROKER_DIALECT),--broker-dialect="$(BROKER_DIALECT)") \
		$(if $(filter yes,$(HOLD)),--hold) $(if $(KILL_EVERY),--kill-every="$(KILL_EVERY)") $(if $(SEED),--seed="$(SEED)") \
		$(addprefix --replicas=,$(REPLICAS)) \
		$(if $(LOG_LEVEL),--log-level="$(LOG_LEVEL)")

# One configuration for everything, so that a fresh clone compiles once.
build: setup ## Build everything in release mode
	@$(announce)
	swift build $(SWIFT_FLAGS)

# A Docker engine is not installed on a machine that nobody has given for it.
ifneq ($(filter test,$(MAKECMDGOALS)),)
HAS_ENGINE := $(or $(CI),$(shell command -v dockerd kubectl >/dev/null && $(or $(SUDO),env) true 2>/dev/null && echo yes))
endif

# Tests make certificates and serve them.
test: PACKAGES += openssl python3 python3-venv
test: swift-tests sessions $(if $(HAS_ENGINE),,no-)containers ## Run every test, then conformance and, where there is a Docker engine, deployment

swift-tests: setup
	@$(announce)
	swift build $(SWIFT_FLAGS) --build-tests
	log=$$(mktemp)
	trap 'rm -f "$$log"' EXIT
	status=0
	swift test $(SWIFT_FLAGS) --skip-build 2>&1 | tee "$$log" || status=$$?
	if [ $$status -ne 0 ]; then
		# Whoever sees only the end of a long log is to see what failed.
		echo "failed:"
		awk '/^✘ Test |^error:|Fatal error/ { print; kept = 1; next } /^↳/ && kept { print; next } { kept = 0 }' "$$log" |
			tail -n 200
		exit $$status
	fi

# Makes the Python environment whose mark is $@ from the list $<. (1), the goal, and (2), what it installs, are for people.
define python_environment
echo "$(1): installing $(2); once, about a minute"
	rm -rf $(@D)
	python3 -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement $< || {
		echo "$(1): $(2) cannot be installed: pip has to reach a package index once" >&2
		exit 1
	}
	touch $@
endef

conformance: PACKAGES += python3 python3-venv
conformance: build sessions ## Have the brokers' own clients run whole sessions against the simulator

# With the programs that are there: the tests' build has them too.
sessions: $(CONFORMANCE)/ready $(PROMETHEUS)/ready
	@PYTHONDONTWRITEBYTECODE=1 PROMETHEUS_PROGRAMS=$(abspath $(PROMETHEUS)) $(CONFORMANCE)/bin/python -W ignore Tests/Conformance/run.py $(BIN) $(CONFORMANCE_TESTS)

$(CONFORMANCE)/ready: Tests/Conformance/requirements.txt | setup
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
		echo "conformance: the brokers' clients need Python 3.11 or newer, here is $$(python3 --version)" >&2
		exit 1
	}
	$(call python_environment,conformance,the brokers' clients)

# Out of the package and not installed, which would start a Prometheus as a service.
$(PROMETHEUS)/ready: | setup
	@rm -rf $(PROMETHEUS)
	mkdir -p $(PROMETHEUS)
	cd $(PROMETHEUS)
	if command -v promtool >/dev/null && command -v prometheus >/dev/null; then
		ln -s "$$(command -v promtool)" "$$(command -v prometheus)" .
	else
		command -v dpkg-deb >/dev/null || {
			echo "monitoring: its tests need promtool and prometheus; install Prometheus" >&2
			exit 1
		}
		echo "monitoring: fetching Prometheus; once, 20 MB"
		fetch=(apt-get -qq -o APT::Sandbox::User=root download prometheus)
		"$${fetch[@]}" 2>/dev/null || { $(SUDO) apt-get update -qq && "$${fetch[@]}"; } || {
			echo "monitoring: Prometheus cannot be fetched. Type: sudo apt-get update" >&2
			exit 1
		}
		dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x --strip-components=3 ./usr/bin
		rm prometheus_*.deb
	fi
	touch ready

deployment: PACKAGES += python3 python3-venv
deployment: build containers ## Run the system in containers, in a Docker engine of its own, and check the files in deploy/

# With the programs that are there, as sessions.
containers: container-packages $(DEPLOYMENT)/ready
	@command -v kubectl >/dev/null || {
		echo "deployment: kubectl renders deploy/kubernetes; install kubectl 1.27 or newer" >&2
		exit 1
	}
	$(SUDO) env PYTHONDONTWRITEBYTECODE=1 "PATH=$$PATH:/usr/sbin:/sbin" $(DEPLOYMENT)/bin/python Tests/Deployment/run.py $(BIN)

no-containers:
	@echo "left out: the run in containers, which needs root, kubectl and a Docker engine; make deployment installs the engine"

$(DEPLOYMENT)/ready: Tests/Deployment/requirements.txt | setup
	@$(call python_environment,deployment,the schemas of Kubernetes and Compose)

image: ## Build the container image with every program
	@QUINTET_REVISION=$${QUINTET_REVISION:-$$(git rev-parse --short HEAD)} $(call compose,demo) build strategy-agent

up: ## Start the demonstration in containers; PROFILE=alpaca your account, PROFILE="demo observability" with dashboards
	@$(call compose,$(PROFILE)) up -d

down: ## Stop and remove the demonstration's containers; PROFILE=alpaca your account's, whose ledger stays
	@$(call compose,$(PROFILE)) down

scale: ## AGENT=strategy N=3: that many containers of one agent
	@$(call compose,$(PROFILE)) up -d --no-deps --no-recreate --scale $(SERVICE)=$(N) $(SERVICE)

restart: ## AGENT=order-execution: restart the containers of one agent
	@$(call compose,$(PROFILE)) restart $(SERVICE)

k8s-render: ## Print what kubectl would apply for staging
	@kubectl kustomize deploy/kubernetes/overlays/staging

bench: build ## Measure latency, memory and restart time; figures also go to .run/bench.json
	@$(BIN)/quintet-bench

lint: ## Check the formatting
	@swift format lint --strict --recursive --parallel Package.swift Services Shared Tests

format: ## Format the sources in place
	@swift format --in-place --recursive --parallel Package.swift Services Shared Tests

# Installs those of the packages (1) that are missing.
define install
if ! command -v dpkg-query >/dev/null; then
		echo "setup: this is no Debian or Ubuntu; see to it that you have what they call $(1)" >&2
		exit 0
	fi
	missing=()
	for package in $(1); do
		status=$$(dpkg-query -W -f '$${db:Status-Status}' "$$package" 2>/dev/null || true)
		[ "$$status" = installed ] || missing+=("$$package")
	done
	[ $${#missing[@]} -gt 0 ] || exit 0
	echo "setup: installing $${missing[*]}"
	if [ "$$(id -u)" = 0 ]; then
		root=(env)
	elif sudo -n true 2>/dev/null; then
		root=(sudo -n env)
	else
		echo "setup: that needs root. Type: sudo apt-get update && sudo apt-get install -y $${missing[*]}" >&2
		exit 1
	fi
	"$${root[@]}" apt-get update -qq
	"$${root[@]}" DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$${missing[@]}"
endef

setup: ## Install what is missing from the system
	@version=$$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
	if [ -z "$$version" ]; then
		echo "setup: there is no swift on the PATH. Install Swift 6.2 or newer: https://www.swift.org/install" >&2
		exit 1
	fi
	if [ "$$(printf '6.2\n%s\n' "$$version" | sort -V | head -n 1)" != 6.2 ]; then
		echo "setup: Swift $$version is too old. Install Swift 6.2 or newer: https://www.swift.org/install" >&2
		exit 1
	fi
	$(call install,$(PACKAGES))

# They come when it is their turn: what can be tested without them has been tested then.
container-packages: setup
	@$(call install,$(CONTAINER_PACKAGES))

clean: ## Remove what was built, and the data and reports of runs
	@rm -rf .build $(CONFORMANCE) $(PROMETHEUS) $(DEPLOYMENT) .run
