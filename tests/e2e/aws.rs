//! On AWS: what is deployed, under Lambda's own protocol, before emulated services.

mod bundle;
mod lambda;
mod operator;
mod stack;
