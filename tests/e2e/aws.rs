//! On AWS: what is deployed, under Lambda's own protocol, before emulated services.

mod bundle;
mod deployment;
mod ends;
mod faults;
mod infra;
mod keys;
mod lambda;
mod losses;
mod operator;
mod rotated;
mod service;
mod shares;
mod signed;
mod stack;
mod trail;
mod warehouse;
