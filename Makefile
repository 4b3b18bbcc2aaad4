# `make` alone lists what there is. The first target that needs Python makes .venv.

SAMPLE = year
BENCH = send
PYTHON_IN_VENV = .venv/bin/python
STAMP := .venv/installed-$(shell cat requirements.txt constraints.txt pyproject.toml | cksum | cut -d ' ' -f 1)

# Dozens of Python processes are started; without their cache each compiles its libraries anew, for seconds.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo demo-reset worker host-dashboard product-site test test-all check bench bench-send bench-clicks fuzz audit chaos proof

help:
	@echo "make demo                   a sample product with a year of history, in the browser; Ctrl-C stops it"
	@echo "make demo SAMPLE=document   the same with the five users of the test guide, and no consumer:"
	@echo "make worker                 starts the consumer (beside a demo: that demo's)"
	@echo "make demo-reset             throws the demo's data away and starts afresh"
	@echo "make host-dashboard         another product's dashboard with our pages in it (beside a demo: on its data)"
	@echo "make product-site           a product's page that subscribes a browser (beside a demo: on its data)"
	@echo "make test                   the whole suite, with a real PostgreSQL, a real Redis, a browser"
	@echo "make test-all               that and the tests that take minutes"
	@echo "make check                  style, types, import directions"
	@echo "make bench-send             how fast reminders leave, beside npm web-push and plain pywebpush"
	@echo "make bench BENCH=--help     what else can be measured"
	@echo "make proof                  whether the figures tell the truth: coverage of intervals, false alarms"
	@echo "make bench-clicks           how many clicks a second are counted, beside a bare INSERT"
	@echo "make fuzz                   100,000 hostile requests to the public routes"
	@echo "make audit                  asks which pinned libraries have known holes"
	@echo "make chaos                  kills everything while reminders leave, and accounts for each of them"

demo: $(STAMP)
	@$(PYTHON_IN_VENV) -m reengagement demo --sample $(SAMPLE)

demo-reset: $(STAMP)
	@$(PYTHON_IN_VENV) -m reengagement demo --sample $(SAMPLE) --reset

host-dashboard: $(STAMP)
	@$(PYTHON_IN_VENV) examples/host_dashboard

product-site: $(STAMP)
	@$(PYTHON_IN_VENV) -m examples.product_site

worker: $(STAMP)
	@$(PYTHON_IN_VENV) -m reengagement.demo.worker

test: $(STAMP)
	@$(PYTHON_IN_VENV) -m tests.redis_server
	@$(PYTHON_IN_VENV) -m tests.browser
	@$(PYTHON_IN_VENV) -m tests.axe
	$(PYTHON_IN_VENV) -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not long"

test-all: $(STAMP)
	@$(PYTHON_IN_VENV) -m tests.redis_server
	@$(PYTHON_IN_VENV) -m tests.browser
	@$(PYTHON_IN_VENV) -m tests.axe
	$(PYTHON_IN_VENV) -m pytest

check: $(STAMP)
	$(PYTHON_IN_VENV) -m ruff check .
	$(PYTHON_IN_VENV) -m ruff format --check .
	$(PYTHON_IN_VENV) -m mypy
	$(PYTHON_IN_VENV) -m pytest --noconftest -q tests/test_architecture.py

bench: $(STAMP)
	$(PYTHON_IN_VENV) -m bench $(BENCH)

bench-send: $(STAMP)
	$(PYTHON_IN_VENV) -m bench send $(SEND)

bench-clicks: $(STAMP)
	$(PYTHON_IN_VENV) -m bench clicks

fuzz: $(STAMP)
	FUZZ=10000 $(PYTHON_IN_VENV) -m pytest -q -s tests/test_fuzz.py

audit: $(STAMP)
	$(PYTHON_IN_VENV) -m uv tool run pip-audit==2.10.1 --strict --disable-pip --no-deps -r constraints.txt

chaos: $(STAMP)
	@$(PYTHON_IN_VENV) -m tests.redis_server
	$(PYTHON_IN_VENV) -m bench chaos $(CHAOS)

proof: $(STAMP)
	$(PYTHON_IN_VENV) -m bench proof $(PROOF)

$(STAMP):
	@.ci/venv $(STAMP)
