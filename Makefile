# demo, test and bench each do their own set-up.

GUESTS := debian12-bios debian12-uefi debian12-stock debian12-xfs debian12-btrfs debian12-sdboot \
	debian12-extlinux debian12-luks debian12-md
OUT := demo-out

.PHONY: demo test bench check setup fixtures

# Migrates a real guest with the habits that break on KVM, and boots it.
demo: setup
	cargo build --release
	rm -rf $(OUT)/debian12-bios
	target/release/h2k migrate "$$(fixtures/guests/build debian12-bios)/guest.vmx" -o $(OUT)
	@echo
	@echo "result:   $(OUT)/debian12-bios/"
	@echo "evidence: $(OUT)/debian12-bios/boot/ (serial log, screenshot, frames, verdict)"

# Every test. Guests are built first, so that no test waits for another's build.
test: setup check fixtures
	scripts/setup --test
	scripts/check-dependencies
	scripts/run-tests

bench: setup
	scripts/setup --bench
	cargo build --release
	scripts/bench
	scripts/bench-image
	scripts/bench-forecast
	scripts/bench-batch
	cargo bench --bench plan

check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

setup:
	scripts/setup

fixtures:
	@# Two at a time: bases that guests share are made once, whoever comes second waits for them.
	printf "%s\n" $(GUESTS) | xargs -P 2 -n 1 fixtures/guests/build
