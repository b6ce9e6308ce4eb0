//! The one test binary. A file here that is not named below would be forgotten: `layout` checks that none is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, clippy::print_stderr)]

mod common;

mod appliance;
mod bad_input;
mod batch;
mod batch_kill;
mod bitlocker;
mod cmd_batch;
mod cmd_convert;
mod cmd_inspect;
mod cmd_misc;
mod cmd_plan;
mod cmd_undo;
mod cmd_verify;
mod convert_bad;
mod convert_chains;
mod convert_mounts;
mod convert_nbd;
mod convert_oracle;
mod convert_resume;
mod customize;
mod encrypted;
mod hive_oracle;
mod layout;
mod orphans;
mod pages;
mod readme;
mod real_bios;
mod real_btrfs;
mod real_extlinux;
mod real_luks;
mod real_md;
mod real_ova;
mod real_readiness;
mod real_reflink;
mod real_sdboot;
mod real_stock;
mod real_uefi;
mod real_xfs;
mod refix;
mod resume;
mod rpm_guest;
mod schemas;
mod user_rules;
mod windows;
