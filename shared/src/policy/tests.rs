//! Whole files: the default, and every kind of mistake by its line.

use super::*;

#[test]
fn the_embedded_default_is_sound() {
    let policy = Policy::parse("default.toml", DEFAULT).map_err(|invalid| invalid.to_string()).unwrap();
    assert_eq!(policy, Policy::embedded());
}
